package cli

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// hostile has a sequence that sets the window's title, its 8-bit kin, a line
// break, a tab, DEL and turned writing directions.
const hostile = "a\x1b]0;owned\x07\u009b31m\r\n\t\x7f\u202e\u2066\u2028z📱\U000e0041"

// hostileEvent has it in every text.
func hostileEvent(kind store.EventKind) store.Event {
	now := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	e := store.Event{Time: now, Last: now, Count: 3, Addr: netip.MustParseAddr("192.0.2.1")}
	fields := reflect.ValueOf(&e).Elem()
	for i := range fields.NumField() {
		if f := fields.Field(i); f.Kind() == reflect.String {
			f.SetString(hostile)
		}
	}
	if kind != "" {
		e.Kind = kind
	}
	return e
}

// TestEventsKeepTheTerminal: what mail programs say of themselves does nothing to
// the terminal of who reads it, in words and in JSON.
func TestEventsKeepTheTerminal(t *testing.T) {
	page := []store.Event{hostileEvent(store.EventLogin), hostileEvent(store.EventAccountAdded), hostileEvent("")}
	a, words, _ := testApp()
	var lines, demo bytes.Buffer
	if err := a.printEvents(page, true); err != nil {
		t.Fatal(err)
	}
	a.json, a.out = true, &lines
	if err := a.printEvents(page, true); err != nil {
		t.Fatal(err)
	}
	demoPrinter{w: &demo}.events(page)
	for name, out := range map[string]*bytes.Buffer{"words": words, "JSON": &lines, "demo": &demo} {
		for line := range strings.Lines(out.String()) {
			if line = strings.TrimSuffix(line, "\n"); accounts.Printable(line) != line {
				t.Errorf("%s: %+q", name, line)
			}
		}
		if !strings.Contains(out.String(), "owned") || !strings.Contains(out.String(), "📱") {
			t.Errorf("%s does not show what it shall:\n%s", name, out)
		}
	}
	for i, line := range strings.Split(strings.TrimSpace(lines.String()), "\n") {
		var back store.Event
		if err := json.Unmarshal([]byte(line), &back); err != nil {
			t.Fatal(err)
		}
		if page[i].Outcome = back.Outcome; back != page[i] {
			t.Errorf("%+v became %+v", page[i], back)
		}
	}
}
