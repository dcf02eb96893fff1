package daemon

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
)

// TestAlias logs in with another name of the account, over the daemon's sockets:
// mail servers are told the account's address, and refusals repeat what was sent.
func TestAlias(t *testing.T) {
	d := start(t, func(c *config.Config) {
		c.Userdb.Home = "/var/mail/%d/%n"
		c.Auth.Mechanisms = append(c.Auth.Mechanisms, "SCRAM-SHA-256")
	})
	account, letters := d.withSCRAM(t, "u@example.org")
	d.account(t, "v@example.org", nil)
	d.alias(t, "u@example.org", "a@example.net")
	client := d.dial(t, 2)
	ok := "OK\tuser=u@example.org\tuser_apw="
	app, main := store.AppPasswordID{1}.String(), "main-"+account.ID.String()
	refused := "FAIL\tuser=a@example.net\treason=" + sentence
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		for _, try := range []struct{ name, password, want string }{
			{"a@example.net", letters, ok + app},
			{"A@Example.NET", mainPass, ok + main},
			{"u@example.org", letters, ok + app},
			{"A@Example.NET", "wrong horse", refused},
			{"v@example.org", letters, "FAIL\tuser=v@example.org\treason=" + sentence},
		} {
			if answer := client.login(mechanism, "service=imap", try.name, try.password); answer != try.want {
				t.Errorf("%s, %s:\ngot  %q\nwant %q", mechanism, try.name, answer, try.want)
			}
		}
	}

	for _, try := range []struct{ password, want string }{{letters, ok + app}, {mainPass, refused}} { // the salt is the account's
		if answer := client.login("SCRAM-SHA-256", "service=imap", "a@example.net", try.password); answer != try.want {
			t.Errorf("SCRAM:\ngot  %q\nwant %q", answer, try.want)
		}
	}

	// An authorization identity has to be the name that was sent, in one of its
	// spellings: that is decided before any look-up.
	for _, try := range []struct{ authz, name, want string }{
		{"A@example.net", "a@example.net", "OK\t7\tuser=u@example.org\t"},
		{"u@example.org", "u@example.org", "OK\t7\tuser=u@example.org\t"},
		{"u@example.org", "a@example.net", "FAIL\t7\tuser=a@example.net\tcode=authz_fail"},
		{"a@example.net", "u@example.org", "FAIL\t7\tuser=u@example.org\tcode=authz_fail"},
	} {
		p := d.dial(t, 2)
		p.send("AUTH\t7\tPLAIN\tservice=imap\tresp=" + b64(try.authz+"\x00"+try.name+"\x00"+letters))
		if answer := p.line(); !strings.HasPrefix(answer+"\t", try.want) {
			t.Errorf("%s for %s: %q, want %q", try.name, try.authz, answer, try.want)
		}
	}

	// The post-login question, and the one of LMTP.
	cookie := ""
	for _, line := range client.hand {
		if c, found := strings.CutPrefix(line, "COOKIE\t"); found {
			cookie = c
		}
	}
	client.login("PLAIN", "service=imap", "a@example.net", letters)
	master := dialPath(t, d.cfg.SocketPaths().Master)
	master.send("VERSION\t1\t1", fmt.Sprintf("REQUEST\t1\t4711\t%d\t%s", client.id, cookie))
	master.line()
	master.line()
	master.expect("USER\t1\tu@example.org\thome=/var/mail/example.org/u\tuser_apw=" + app)
	lmtp := dialPath(t, d.cfg.SocketPaths().Userdb)
	lmtp.send("VERSION\t1\t1", "USER\t1\tA@Example.net\tservice=lmtp", "USER\t2\tb@example.net\tservice=lmtp", "PASS\t4\tA@Example.net\tservice=lmtp")
	lmtp.line()
	lmtp.line()
	lmtp.expect("USER\t1\tu@example.org\thome=/var/mail/example.org/u")
	lmtp.expect("NOTFOUND\t2")
	lmtp.expect("PASS\t4\tuser=u@example.org")

	// The account goes, and so does the name.
	err := d.store.Update(t.Context(), func(w *store.Writer) error { return w.DeleteAccount(account) })
	if err != nil {
		t.Fatal(err)
	}
	d.account(t, "u@example.org", nil)
	if answer := client.login("PLAIN", "service=imap", "a@example.net", mainPass); answer != refused {
		t.Errorf("a new account inherited the alias: %q", answer)
	}
	lmtp.send("USER\t3\ta@example.net\tservice=lmtp")
	lmtp.expect("NOTFOUND\t3")

	testAliasEvents(t, d)
}

// testAliasEvents: all that happened to the account stands under its address.
func testAliasEvents(t *testing.T, d *running) {
	t.Helper()
	if err := d.audit.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	byName := func(address string) (logins, refusals int) {
		page, err := d.store.Events(t.Context(), store.EventQuery{Address: address})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			switch {
			case e.Kind != store.EventLogin:
			case e.Outcome == store.Accepted:
				logins += int(e.Count)
			default:
				refusals += int(e.Count)
			}
		}
		return logins, refusals
	}
	if logins, refusals := byName("u@example.org"); logins != 10 || refusals != 3 {
		t.Errorf("%d logins and %d refusals under the address; want 10 and 3", logins, refusals)
	}
	if logins, refusals := byName("a@example.net"); logins+refusals != 0 {
		t.Errorf("%d events under the alias", logins+refusals)
	}
}

// alias gives an account another name.
func (r *running) alias(t *testing.T, address, name string) {
	t.Helper()
	err := r.store.Update(t.Context(), func(w *store.Writer) error {
		a, err := w.Account(address)
		return errors.Join(err, w.AddAlias(a, store.Alias{Name: name, Made: time.Now()}), w.PutAccount(a))
	})
	if err != nil {
		t.Fatal(err)
	}
}
