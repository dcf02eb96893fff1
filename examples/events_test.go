package examples

import (
	"encoding/json"
	"strings"
	"testing"
)

// testEvents logs in with a program that says its name and looks for it in
// latchkey's events, which is what imap_id_retain is for; and at the other doors
// for what their servers tell.
func testEvents(t *testing.T, s *stack, p *people) {
	user, app := p.crowd[0], p.crowdApps[0]
	phone, err := s.doors[0].open()
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	if err := phone.expect("i OK", prefixed("i "), `i ID ("name" "Pocket Mail" "version" "7")`); err != nil {
		t.Fatal(err)
	}
	answer, err := imapLogin(phone, attempt{mechanism: "PLAIN", user: user, secret: app.Secret})
	if err != nil || !strings.HasPrefix(answer, "a OK") {
		t.Fatal(answer, err)
	}
	for _, d := range s.doors[1:] {
		mustPass(t, d, attempt{mechanism: "LOGIN", user: user, secret: app.Secret})
	}

	type event struct {
		Outcome, Credential, Service, Mechanism, Session, Addr string
		ClientID                                               string `json:"client_id"`
	}
	seen := map[string]event{}
	decoder := json.NewDecoder(strings.NewReader(s.latchkey.command(t, "", "events", user, "--json")))
	for decoder.More() {
		var e event
		if err := decoder.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if e.Service != "" {
			seen[e.Service] = e
		}
	}
	for i, d := range s.doors {
		service, mechanism := d.service, "LOGIN"
		if i == 0 {
			mechanism = "PLAIN"
		}
		e := seen[service]
		if e.Outcome != "accepted" || e.Credential != app.ID || e.Mechanism != mechanism || e.Addr != "127.0.0.1" {
			t.Errorf("%s: want an accepted login with %s by %s from 127.0.0.1, got %+v", service, app.ID, mechanism, e)
		}
		if fromDovecot := service != "smtp"; (e.Session != "") != fromDovecot {
			t.Errorf("%s: session %q", service, e.Session)
		}
	}
	if id := seen["imap"].ClientID; !strings.Contains(id, "Pocket Mail") {
		t.Errorf("the program called itself Pocket Mail, the event says %q", id)
	}
}
