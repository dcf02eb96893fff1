package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/daemon/config"
)

func (a *app) serve() *cobra.Command {
	var profile string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "run the daemon",
		Long: `Run the daemon in the foreground: the sockets for mail servers, the one for these
commands, and the portal if [portal] listen names an address. It logs to standard
error, tells systemd when it is ready, takes sockets from systemd where it is
given some, reads the configuration again on SIGHUP and stops on SIGTERM or
SIGINT.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.serveConfig()
			if err != nil {
				return err
			}
			return profiled(profile, func() error { return a.runDaemon(cmd.Context(), cfg) })
		},
	}
	profileFlag(cmd, &profile)
	return cmd
}

// runDaemon opens and serves until a signal.
func (a *app) runDaemon(ctx context.Context, cfg *config.Config) error {
	if a.getenv("GOGC") == "" { // the administrator's word counts
		boundGarbage()
	}
	level := new(slog.LevelVar)
	level.Set(cfg.Log.Level)
	log := slog.New(slog.NewTextHandler(a.err, a.logOptions(level)))
	if err := a.startDoors(cfg, log); err != nil {
		return err
	}
	d, err := daemon.Open(cfg, daemon.Options{Log: log})
	if err != nil {
		return explainServe(cfg.DataDir, err)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, func() {
		stop() // a second signal ends the process at once
		notify(log, sd.SdNotifyStopping)
	})
	reloader := a.reloadOnHangup(d, level, log)
	err = d.Serve(ctx, func() {
		log.Info("ready", "data_dir", cfg.DataDir, "run_dir", cfg.RunDir)
		notify(log, sd.SdNotifyReady)
	})
	reloader()
	if err = errors.Join(err, d.Close()); err != nil {
		return &failure{status: exitUnavailable, sentence: err.Error(), cause: err}
	}
	log.Info("stopped")
	return nil
}

// startDoors is what config check says about sockets, before a start: what is
// wrong with them, all of it at once, or what is doubtful, in the log.
func (a *app) startDoors(cfg *config.Config, log *slog.Logger) error {
	found, err := daemon.CheckDoors(cfg, daemon.DoorCheck{Start: true})
	switch {
	case err != nil:
		return err
	case len(found.Wrong) > 0:
		return badConfig(&config.Problems{File: a.configPath(), List: found.Wrong})
	}
	for _, p := range found.Doubtful {
		log.Warn("doubtful socket", "key", p.Key, "problem", p.Text)
	}
	return nil
}

// logOptions leaves the time out where systemd's journal writes its own.
func (a *app) logOptions(level slog.Leveler) *slog.HandlerOptions {
	o := &slog.HandlerOptions{Level: level}
	if a.getenv("JOURNAL_STREAM") != "" {
		o.ReplaceAttr = func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) == 0 && attr.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return attr
		}
	}
	return o
}

// reloadOnHangup reads the configuration again at each SIGHUP, until the
// function that it returns is called.
func (a *app) reloadOnHangup(d *daemon.Daemon, level *slog.LevelVar, log *slog.Logger) (end func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-hangup:
				notify(log, sd.SdNotifyReloading+"\n"+sd.SdNotifyMonotonicUsec())
				a.reload(d, level, log)
				notify(log, sd.SdNotifyReady)
			case <-over:
				return
			}
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(over)
		<-done
	}
}

// reload takes the new configuration over, or says why it keeps the old one.
func (a *app) reload(d *daemon.Daemon, level *slog.LevelVar, log *slog.Logger) {
	cfg, err := config.Load(a.configPath())
	if err == nil {
		err = daemon.CheckSenders(a.configPath(), cfg)
	}
	var problems *config.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems.List {
			log.Error("configuration not reloaded", "file", problems.File, "line", p.Line, "key", p.Key, "problem", p.Text)
		}
		return
	case err != nil:
		log.Error("configuration not reloaded", "error", err)
		return
	}
	d.Reload(cfg)
	level.Set(cfg.Log.Level)
	log.Info("configuration reloaded", "file", a.configPath())
}

// notify tells systemd (sd_notify(3)); without systemd it does nothing.
func notify(log *slog.Logger, state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		log.Warn("cannot tell systemd", "error", err)
	}
}
