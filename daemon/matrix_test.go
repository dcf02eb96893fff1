package daemon

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// cell is what one attempt must come to.
type cell struct {
	outcome store.Outcome
	reason  store.Reason
	counted bool
}

// matrixDoor is one way in: what the matrix has to know of it.
type matrixDoor struct {
	mechanisms []string                            // each is tried
	services   []string                            // those that are tried; nil: all
	login      func(try matrixTry) (answer string) // as it came over the wire
	accepted   func(address, credential string) string
	refused    func(address string) string
}

// matrixTry is what a mail program sends. addr is its address, by which its
// event is found again: a door has to hand it on.
type matrixTry struct {
	mechanism, service string
	addr               netip.Addr
	name, password     string
}

// TestMatrixOverTheWire is the matrix at the mail servers' door.
func TestMatrixOverTheWire(t *testing.T) {
	d := start(t, func(c *config.Config) {
		enforcedDomain(c)
		c.Auth.Mechanisms = append(c.Auth.Mechanisms, "SCRAM-SHA-256")
	})
	p := d.dial(t, 2)
	testMatrix(t, d, matrixDoor{
		mechanisms: []string{"PLAIN", "LOGIN", "SCRAM-SHA-256"},
		login: func(try matrixTry) string {
			return p.login(try.mechanism, "service="+try.service+"\trip="+try.addr.String(), try.name, try.password)
		},
		accepted: func(address, credential string) string { return "OK\tuser=" + address + "\tuser_apw=" + credential },
		refused:  func(address string) string { return "FAIL\tuser=" + address + "\treason=" + sentence },
	})
}

// TestMatrixOverLogin is the matrix at the door of Dovecot 2.4's login processes,
// the only ones that can bind a login to its channel.
func TestMatrixOverLogin(t *testing.T) {
	d := start(t, func(c *config.Config) {
		enforcedDomain(c)
		c.Auth.Mechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}
	})
	p := d.dialLogin(t, 4)
	testMatrix(t, d, matrixDoor{
		mechanisms: []string{"PLAIN", "SCRAM-SHA-256-PLUS"},
		services:   []string{"imap", "submission"}, // the others are no others here
		login: func(try matrixTry) string {
			return p.login(try.mechanism, "protocol="+try.service+"\tsecured=tls\trip="+try.addr.String(), try.name, try.password)
		},
		accepted: func(address, credential string) string { return "OK\tuser=" + address + "\tuser_apw=" + credential },
		refused:  func(address string) string { return "FAIL\tuser=" + address + "\treason=" + sentence },
	})
}

// TestMatrixOverSaslauthd is the matrix at the door of Cyrus SASL.
func TestMatrixOverSaslauthd(t *testing.T) {
	d := start(t, func(c *config.Config) {
		enforcedDomain(c)
		saslauthdListener(c)
	})
	testMatrix(t, d, saslauthdDoor(t, d).matrixDoor)
}

// TestMatrixOverNginx is the matrix at the door of nginx.
func TestMatrixOverNginx(t *testing.T) {
	d := start(t, func(c *config.Config) {
		enforcedDomain(c)
		nginxListener(c)
	})
	testMatrix(t, d, nginxDoor(t, d).matrixDoor)
}

// enforcedDomain requires two-step verification of everybody in enforced.example.
func enforcedDomain(c *config.Config) {
	c.TwoStep.Timezone = "UTC"
	c.TwoStep.Domains = map[string]config.Date{"enforced.example": {Year: 2020, Month: 1, Day: 1}}
}

// testMatrix walks who gets in over a door of the daemon: every account state ×
// every kind of secret × every service × every mechanism. It looks at the bytes
// that the mail server gets, at the event that is kept, and at how often a
// password was hashed. The daemon was started with enforcedDomain.
func testMatrix(t *testing.T, d *running, door matrixDoor) {
	var (
		ok     = cell{store.Accepted, store.ReasonAppPassword, false}
		main   = cell{store.Accepted, store.ReasonMainPassword, false}
		no     = func(r store.Reason) cell { return cell{store.Rejected, r, true} }
		known  = func(r store.Reason) cell { return cell{store.Rejected, r, false} }
		bound  = func(a *store.Account) { a.Bound = time.Now() }
		states = []struct {
			name, address string
			edit          func(*store.Account) // nil: there is no such account
			main, live    cell                 // a live one whose scope fits
			dead          store.Reason         // a headstone's, "" for its own
			wrong         cell
		}{
			{"no phone", "free@example.org", func(*store.Account) {}, main, ok, "", no(store.ReasonWrongSecret)},
			{"bound", "bound@example.org", bound, no(store.ReasonPhoneBound), ok, "", no(store.ReasonPhoneBound)},
			{"enforced", "all@enforced.example", func(*store.Account) {}, no(store.ReasonEnforced), ok, "", no(store.ReasonEnforced)},
			{"excepted", "some@enforced.example", func(a *store.Account) { a.ExemptUntil = time.Now().Add(time.Hour) }, main, ok, "", no(store.ReasonWrongSecret)},
			{"disabled", "off@example.org", func(a *store.Account) { a.Disabled = true }, no(store.ReasonDisabled), known(store.ReasonDisabled), store.ReasonDisabled, no(store.ReasonDisabled)},
			{"unknown", "nobody@example.org", nil, no(store.ReasonUnknownAccount), no(store.ReasonUnknownAccount), store.ReasonUnknownAccount, no(store.ReasonUnknownAccount)},
		}
		services = map[string]store.Scopes{
			"imap": store.ScopeIMAP, "pop3": store.ScopePOP3, "pop": store.ScopePOP3, "smtp": store.ScopeSMTP, "SMTP": store.ScopeSMTP,
			"submission": store.ScopeSMTP, "sieve": store.ScopeSieve, "managesieve": store.ScopeSieve, "radicale": store.ScopeAll,
		}
	)
	if door.services != nil {
		maps.DeleteFunc(services, func(name string, _ store.Scopes) bool { return !slices.Contains(door.services, name) })
	}
	ids := map[string]string{} // credential by address and secret
	secrets := map[string]map[string]string{}
	for _, s := range states {
		mine := map[string]string{"main": mainPass, "wrong": "wrong horse battery", "shaped": "abcd efgh jkmn pqrs"}
		secrets[s.address] = mine
		rows := []struct {
			name string
			row  store.AppPasswordRow
		}{
			{"all", store.AppPasswordRow{Scopes: store.ScopeAll, State: store.Live}},
			{"imap only", store.AppPasswordRow{Scopes: store.ScopeIMAP, State: store.Live}},
			{"pop3 only", store.AppPasswordRow{Scopes: store.ScopePOP3, State: store.Live}},
			{"smtp and sieve", store.AppPasswordRow{Scopes: store.ScopeSMTP | store.ScopeSieve, State: store.Live, Expires: time.Now().Add(time.Hour)}},
			{"revoked", store.AppPasswordRow{Scopes: store.ScopeAll, State: store.Revoked}},
			{"expired", store.AppPasswordRow{Scopes: store.ScopeAll, State: store.Live, Expires: time.Now().Add(-time.Hour)}},
		}
		letters := make([][16]byte, len(rows))
		for i, r := range rows {
			var err error
			if letters[i], err = secret.NewAppPassword(rand.Reader); err != nil {
				t.Fatal(err)
			}
			mine[r.name] = secret.GroupAppPassword(letters[i])
		}
		if s.edit == nil {
			continue
		}
		account := d.account(t, s.address, func(a *store.Account) {
			for i, r := range rows {
				r.row.ID = store.AppPasswordID{byte(i + 1)}
				r.row.Tag = d.keys(t).AppPasswordTag(a.ID, letters[i])
				ids[s.address+r.name] = r.row.ID.String()
				a.AppPasswords = append(a.AppPasswords, r.row)
			}
			s.edit(a)
		})
		ids[s.address+"main"] = "main-" + account.ID.String()
		d.scramKeys(t, account, letters...)
	}
	want := func(i int, kind, mechanism string, need store.Scopes) cell {
		s := states[i]
		if strings.HasPrefix(mechanism, "SCRAM") && s.edit != nil { // it knows app passwords and nothing else
			s.main, s.wrong = no(store.ReasonWrongSecret), no(store.ReasonWrongSecret)
		}
		scope := func(have store.Scopes) cell {
			if s.live == ok && !have.Covers(need) {
				return known(store.ReasonScope)
			}
			return s.live
		}
		dead := func(r store.Reason) cell {
			if s.edit == nil {
				return s.wrong
			}
			if s.dead != "" {
				r = s.dead
			}
			return known(r)
		}
		switch kind {
		case "main":
			return s.main
		case "all":
			return scope(store.ScopeAll)
		case "imap only":
			return scope(store.ScopeIMAP)
		case "pop3 only":
			return scope(store.ScopePOP3)
		case "smtp and sieve":
			return scope(store.ScopeSMTP | store.ScopeSieve)
		case "revoked":
			return dead(store.ReasonRevoked)
		case "expired":
			return dead(store.ReasonExpired)
		}
		return s.wrong
	}

	type try struct {
		name, address, kind string
		want                cell
	}
	tries := make(map[netip.Addr]try)
	addr := netip.MustParseAddr("10.0.0.0")
	for i, s := range states {
		for kind, password := range secrets[s.address] {
			for service, need := range services {
				for _, mechanism := range door.mechanisms {
					addr = addr.Next() // a network of its own: each try is a first one
					w := try{fmt.Sprintf("%s/%s/%s/%s", s.name, kind, service, mechanism), s.address, kind, want(i, kind, mechanism, need)}
					tries[addr] = w
					answer := door.login(matrixTry{mechanism, service, addr, strings.ToUpper(s.address), password})
					line := door.refused(s.address)
					if w.want.outcome == store.Accepted {
						line = door.accepted(s.address, ids[s.address+kind])
					}
					if answer != line {
						t.Errorf("%s:\ngot  %q\nwant %q", w.name, answer, line)
					}
				}
			}
		}
	}

	// Hashed: the wrong secrets of the two accounts that may use a main password
	// (two kinds, with each service and each mechanism that tells them), and their
	// right one once each:
	// then it is remembered.
	telling := 0
	for _, mechanism := range door.mechanisms {
		if !strings.HasPrefix(mechanism, "SCRAM") {
			telling++
		}
	}
	if got, want := int(d.hashed.Load()), 2*(2*len(services)*telling+1); got != want {
		t.Errorf("%d passwords hashed, want %d", got, want)
	}
	if err := d.audit.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var after store.EventID
	for {
		page, err := d.store.Events(t.Context(), store.EventQuery{After: after, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range page {
			if ev.Kind == store.EventEnforcementReached || ev.Kind == store.EventAppPasswordExpired { // of the daemon's start
				continue
			}
			w, first := tries[ev.Addr]
			if !first || ev.Count != 1 {
				t.Errorf("an event too many: %+v", ev)
				continue
			}
			delete(tries, ev.Addr)
			if !slices.Contains(door.mechanisms, ev.Mechanism) {
				t.Errorf("%s: event names mechanism %q", w.name, ev.Mechanism)
			}
			if got := (cell{ev.Outcome, ev.Reason, ev.Counted}); got != w.want {
				t.Errorf("%s: event %+v, want %+v", w.name, got, w.want)
			}
			if (ev.Address == "") != (w.address == "nobody@example.org") {
				t.Errorf("%s: event names %q", w.name, ev.Address)
			}
		}
		if len(page) < 1000 {
			break
		}
		after = page[len(page)-1].ID
	}
	for _, w := range tries {
		t.Errorf("%s: no event", w.name)
	}
}
