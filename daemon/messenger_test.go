package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/audit"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/sms"
)

// The senders that the sample explains can be made as they stand there.
func TestSampleSenders(t *testing.T) {
	sample, err := os.ReadFile("../examples/latchkey.toml")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	inSender := false
	for line := range strings.Lines(string(sample)) {
		setting, is := strings.CutPrefix(line, "#")
		is = is && !strings.HasPrefix(setting, " ") && strings.TrimSpace(setting) != ""
		if strings.HasPrefix(setting, "[") {
			inSender = strings.HasPrefix(setting, "[[sms.sender]]")
		}
		if is && inSender {
			text.WriteString(setting)
		}
	}
	cfg, err := config.Parse("sample", []byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.SMS.Senders) != 3 {
		t.Fatalf("%d senders in the sample:\n%s", len(cfg.SMS.Senders), &text)
	}
	if err := CheckSenders("sample", cfg); err != nil {
		t.Error(err)
	}
	cfg.SMS.Senders[0].Body = `{"to": {{.Nobody}}}`
	var found *config.Problems
	if err := CheckSenders("sample", cfg); !errors.As(err, &found) || !strings.Contains(found.List[0].Text, `"gateway"`) {
		t.Errorf("a template that cannot be: %v", err)
	}
}

// fakeSender takes messages, or not.
type fakeSender struct{ err error }

func (s fakeSender) Send(context.Context, sms.Message) error { return s.err }

// A message that nobody took is counted and logged, without code and number.
func TestMessengerCounts(t *testing.T) {
	var log strings.Builder
	counters := newCounters(audit.New(nil, nil, nil))
	cfg := config.Default()
	m, err := newMessenger(cfg, fakeSender{errors.New("gateway is on fire")}, counters, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	message := sms.Message{To: "+8613812345678", Purpose: sms.Bind, Language: sms.English, Site: "Example", Minutes: 5, Code: [6]byte([]byte("123456"))}
	if err := m.sender().Send(t.Context(), message); err == nil {
		t.Error("nobody took it, and no error")
	}
	if !strings.Contains(log.String(), "gateway is on fire") || strings.Contains(log.String(), "123456") || strings.Contains(log.String(), "13812345678") {
		t.Errorf("log: %s", &log)
	}
	var text strings.Builder
	if err := counters.registry.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), `latchkey_sms_failed_total{sender="console"} 1`) {
		t.Errorf("metrics:\n%s", &text)
	}
}

// A reload brings senders and takes them away; one that cannot be made leaves
// those there are.
func TestMessengerReload(t *testing.T) {
	cfg := config.Default()
	m, err := newMessenger(cfg, nil, newCounters(audit.New(nil, nil, nil)), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if m.sender() != nil {
		t.Error("a sender without one in the configuration")
	}
	with := config.Default()
	with.SMS.Senders = []config.SMSSender{{Name: "gateway", Type: config.SMSHTTP, URL: "https://sms.example.org/?to={{.To}}&text={{.Text}}"}}
	if err := m.reload(with); err != nil || m.sender() == nil {
		t.Errorf("sender not taken: %v", err)
	}
	broken := config.Default()
	broken.SMS.Senders = []config.SMSSender{{Name: "gateway", Type: config.SMSHTTP, URL: "https://sms.example.org/{{.Nobody}}"}}
	if err := m.reload(broken); err == nil || m.sender() == nil {
		t.Errorf("a broken sender was taken: %v", err)
	}
	if err := m.reload(cfg); err != nil || m.sender() != nil {
		t.Errorf("the sender stayed: %v", err)
	}
}
