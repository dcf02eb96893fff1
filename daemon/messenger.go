package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/sms"
)

// messenger holds the senders of text messages that the configuration names. A
// reload replaces them; those that are sending finish.
type messenger struct {
	fixed    bool // the process around chose: a reload changes nothing
	counters *counters
	log      *slog.Logger
	current  atomic.Pointer[sms.Sender] // nil: there is none

	stopping context.Context // ends with stop
	stop     func()          // ends what is being sent, and lets nothing be sent any more
}

// newMessenger makes the senders; given, unless nil, is the only one.
func newMessenger(cfg *config.Config, given sms.Sender, counters *counters, log *slog.Logger) (*messenger, error) {
	m := &messenger{fixed: given != nil, counters: counters, log: log}
	m.stopping, m.stop = context.WithCancel(context.Background())
	if given != nil {
		given = m.chain([]sms.Named{{Name: "console", Sender: given}}, cfg)
		m.current.Store(&given)
		return m, nil
	}
	return m, m.reload(cfg)
}

// sender is whom to ask now, nil if nobody.
func (m *messenger) sender() sms.Sender {
	if s := m.current.Load(); s != nil {
		return *s
	}
	return nil
}

// reload takes the configuration's senders, or keeps those there are.
func (m *messenger) reload(cfg *config.Config) error {
	if m.fixed {
		return nil
	}
	var named []sms.Named
	for _, c := range cfg.SMS.Senders {
		s, err := newSender(c)
		if err != nil {
			return fmt.Errorf("daemon: text messages by %q: %w", c.Name, err)
		}
		named = append(named, sms.Named{Name: c.Name, Sender: s})
	}
	if len(named) == 0 {
		m.current.Store(nil)
		return nil
	}
	chain := m.chain(named, cfg)
	m.current.Store(&chain)
	return nil
}

// chain counts and logs what becomes of each message. A sender's error holds
// neither code nor number.
func (m *messenger) chain(named []sms.Named, cfg *config.Config) sms.Sender {
	for _, n := range named {
		m.counters.sent.Allow(n.Name)
		m.counters.failed.Allow(n.Name)
	}
	return bounded{m.stopping, sms.NewChain(sms.ChainOptions{
		Senders: named,
		Timeout: time.Duration(cfg.SMS.Timeout),
		Sent:    func(name string) { m.counters.sent.Add(name, 1) },
		Failed: func(name string, err error) {
			m.counters.failed.Add(name, 1)
			m.log.Warn("text message not sent", "sender", name, "error", err)
		},
	})}
}

// sendWithin bounds all senders together: the answer to the person who waits
// must still find its connection (webWriteWithin).
const sendWithin = 45 * time.Second

// bounded is a sender that keeps to sendWithin, and ends with the daemon.
type bounded struct {
	stopping context.Context
	sms.Sender
}

// Send sends a message.
func (b bounded) Send(ctx context.Context, m sms.Message) error {
	if err := b.stopping.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	defer context.AfterFunc(b.stopping, cancel)()
	return b.Sender.Send(ctx, m)
}

// CheckSenders makes the configuration's senders of text messages and asks none
// of them. What it finds wrong is a *[config.Problems] of that file: the daemon
// does not start with it.
func CheckSenders(file string, cfg *config.Config) error {
	found := &config.Problems{File: file}
	for _, c := range cfg.SMS.Senders {
		if _, err := newSender(c); err != nil {
			text := strings.TrimPrefix(err.Error(), "sms: ")
			found.List = append(found.List, config.Problem{Key: "sms.sender", Text: fmt.Sprintf("%q: %s", c.Name, text)})
		}
	}
	if len(found.List) == 0 {
		return nil
	}
	return found
}

// newSender makes one sender of the configuration.
func newSender(c config.SMSSender) (sms.Sender, error) {
	switch c.Type {
	case config.SMSHTTP:
		o := sms.HTTPOptions{Method: c.Method, URL: c.URL, Body: c.Body, ContentType: c.ContentType,
			Status: c.Status, Match: c.Match, Secrets: c.Secrets, AllowPlain: c.AllowPlain}
		for _, h := range c.Headers {
			o.Headers = append(o.Headers, sms.Header{Name: h.Name, Value: h.Value})
		}
		return sms.NewHTTP(o)
	case config.SMSAliyun:
		return sms.NewAliyun(sms.AliyunOptions{Endpoint: c.Endpoint, AccessKeyID: c.AccessKeyID,
			AccessKeySecretFile: c.AccessKeySecretFile, SignName: c.SignName, Templates: c.Template, Params: c.Params})
	case config.SMSTencent:
		return sms.NewTencent(sms.TencentOptions{Endpoint: c.Endpoint, Region: c.Region, SecretID: c.SecretID,
			SecretKeyFile: c.SecretKeyFile, AppID: c.AppID, SignName: c.SignName, Templates: c.Template, Params: c.Params})
	default:
		return nil, fmt.Errorf("unknown type %q", c.Type)
	}
}
