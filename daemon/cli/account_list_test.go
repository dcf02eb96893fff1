package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// TestListWithDamage: a damaged account hides no other, and the status tells.
func TestListWithDamage(t *testing.T) {
	s := newSite(t)
	s.damage(t, "auser123@")
	for _, test := range []struct {
		args  []string
		lines int // on standard output
	}{
		{[]string{"account", "list"}, 1 + 999},
		{[]string{"account", "list", "--json"}, 1000},
	} {
		s.out.Reset()
		s.err.Reset()
		if got := s.app.run(append(test.args, "--config", s.app.configFile)); got != exitFailed {
			t.Errorf("exit status %d", got)
		}
		if n := strings.Count(s.out.String(), "\n"); n != test.lines {
			t.Errorf("%d lines, want %d", n, test.lines)
		}
		want := "latchkey: warning: user123@example.org: the account's record is damaged\nlatchkey: error: 1 account is damaged\n"
		if !strings.HasPrefix(s.err.String(), want) {
			t.Errorf("said: %s", s.err)
		}
	}
	var found []damagedAccount
	for line := range strings.Lines(s.out.String()) {
		var a damagedAccount
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if a.Damaged {
			found = append(found, a)
		}
	}
	if len(found) != 1 || found[0].Address != "user123@example.org" {
		t.Errorf("damaged: %+v", found)
	}
}

// TestSenders: every account stands in Postfix's table, whichever page it is on,
// and a table that is not whole is known by the status.
func TestSenders(t *testing.T) {
	s := newSite(t)
	list := func(want int) string {
		t.Helper()
		s.out.Reset()
		s.err.Reset()
		if got := s.app.run([]string{"account", "list", "--postfix-senders", "--config", s.app.configFile}); got != want {
			t.Errorf("exit status %d, want %d: %s", got, want, s.err)
		}
		return s.out.String()
	}
	for _, args := range [][]string{{"add", "zoe@example.org", "--no-password"}, {"alias", "add", "zoe@example.org", "z@example.org"}} {
		if got := s.app.run(append(append([]string{"account"}, args...), "--config", s.app.configFile)); got != 0 {
			t.Fatalf("exit status %d: %s", got, s.err)
		}
	}
	var want strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&want, "user%03[1]d@example.org\tuser%03[1]d@example.org\n", i)
	}
	want.WriteString("zoe@example.org\tzoe@example.org\nz@example.org\tzoe@example.org\n")
	if got := list(0); got != want.String() {
		t.Errorf("%d lines, ending in %q", strings.Count(got, "\n"), got[max(0, len(got)-200):])
	}
	s.damage(t, "auser123@") // in the file as it was before
	if got := list(exitFailed); strings.Count(got, "\n") != 999 || !strings.Contains(s.err.String(), "user123@example.org") {
		t.Errorf("%d lines, and said: %s", strings.Count(got, "\n"), s.err)
	}
}

// TestShowWithDamage: the app password whose description is damaged is shown as
// such.
func TestShowWithDamage(t *testing.T) {
	s := newSite(t)
	var id store.AccountID
	for key := range s.values {
		if key[0] == 'b' { // below an account; here this is its app password
			id = store.AccountID([]byte(key[1:9]))
			break
		}
	}
	s.damage(t, "b"+string(id[:]))
	address := ""
	if got := s.app.run([]string{"account", "list", "--config", s.app.configFile, "--json"}); got != 0 {
		t.Fatalf("exit status %d, %s", got, s.err)
	}
	for line := range strings.Lines(s.out.String()) {
		var a accounts.Summary
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if a.ID == id {
			address = a.Address
		}
	}
	s.out.Reset()
	s.app.json = false
	if got := s.app.run([]string{"account", "show", address, "--config", s.app.configFile}); got != 0 || !strings.Contains(s.out.String(), "  (its record is damaged)\n") {
		t.Errorf("exit status %d\n%s%s", got, s.out, s.err)
	}
}
