package daemon

import (
	"context"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/nginxauth"
)

// buildNginx makes the door for nginx. Its secret is read when the daemon begins
// and at a reload; a command needs none and must not fail because of it.
func (d *Daemon) buildNginx(ctx context.Context, o Options) error {
	var key nginxauth.Key
	if !o.Offline {
		var err error
		if key, err = nginxauth.ReadKey(d.cfg.Nginx.SecretFile); err != nil {
			return err
		}
	}
	d.nginx = nginxauth.New(ctx, d.policy, d.audit, nginxRules(d.cfg, key), o.Log)
	d.nginxAnswering = &answering{Handler: d.nginx}
	d.nginxServer = nginxauth.NewServer(d.nginx, d.nginxAnswering, o.Log)
	return nil
}

// reloadNginx takes the rules over, unless their secret cannot be read.
func (d *Daemon) reloadNginx(cfg *config.Config) {
	key, err := nginxauth.ReadKey(cfg.Nginx.SecretFile)
	if err != nil {
		d.log.Error("nginx is answered as before", "error", err)
		return
	}
	d.nginx.SetRules(nginxRules(cfg, key))
}

func nginxRules(cfg *config.Config, key nginxauth.Key) nginxauth.Rules {
	return nginxauth.Rules{
		DefaultDomain: cfg.Auth.DefaultDomain,
		Refusal:       cfg.Refusal(),
		FailureDelay:  time.Duration(cfg.Auth.FailureDelay),
		Key:           key,
		Upstreams:     cfg.Nginx,
	}
}
