package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestMessagePrintsNothing(t *testing.T) {
	m := message()
	within := struct {
		M    Message
		P    *Message
		Many []Message
		By   map[string]Message
	}{m, &m, []Message{m}, map[string]Message{"a": m}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q", "%c", "%t"} {
		fmt.Fprintf(&out, verb+verb+verb+"\n", m, &m, within)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "m", m, "p", &m, "w", within)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "m", m, "p", &m, "w", within)
	if err := json.NewEncoder(&out).Encode(within); err != nil {
		t.Fatal(err)
	}
	tellsNothing(t, out.String())
	for _, word := range []string{"[52 48", "343036", "0x34", "13812345678", "3812345"} {
		if strings.Contains(out.String(), word) {
			t.Errorf("%q tells %q", out.String(), word)
		}
	}
	if got, want := m.String(), "text message (sign-in) to +861****78"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	hostile := Message{To: "1234567", Purpose: "406193"}
	if got, want := hostile.String(), "text message (?) to ****"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMessageCheck(t *testing.T) {
	if err := message().check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Message){
		"no plus":          func(m *Message) { m.To = "8613812345678" },
		"letters":          func(m *Message) { m.To = "+86138x2345678" },
		"injection":        func(m *Message) { m.To = "+8613812345678&to=1" },
		"two numbers":      func(m *Message) { m.To = "+8613812345678,+8613812345679" },
		"leading zero":     func(m *Message) { m.To = "+0613812345678" },
		"short":            func(m *Message) { m.To = "+123456" },
		"long":             func(m *Message) { m.To = "+1234567890123456" },
		"empty":            func(m *Message) { m.To = "" },
		"zero code":        func(m *Message) { m.Code = [6]byte{} },
		"code of letters":  func(m *Message) { m.Code = [6]byte([]byte("40619a")) },
		"no minutes":       func(m *Message) { m.Minutes = 0 },
		"many minutes":     func(m *Message) { m.Minutes = 100 },
		"no site":          func(m *Message) { m.Site = "" },
		"two lines":        func(m *Message) { m.Site = "a\nb" },
		"no text":          func(m *Message) { m.Site = "a\xff" },
		"long site":        func(m *Message) { m.Site = strings.Repeat("站", 256) },
		"unknown purpose":  func(m *Message) { m.Purpose = "sign-up" },
		"no purpose":       func(m *Message) { m.Purpose = "" },
		"purpose in space": func(m *Message) { m.Purpose = "sign-in " },
	} {
		m := message()
		spoil(&m)
		err := m.check()
		if !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %v", name, err)
		}
		if err := NewConsole(nil).Send(context.Background(), m); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: the console takes it: %v", name, err)
		}
	}
}
