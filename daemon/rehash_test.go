package daemon

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// foreignHash is mainPass: doveadm pw -s SHA256-CRYPT -r 1000 -p …
const foreignHash = "$5$rounds=1000$sxH.EE4tryn3/Xhj$JCuQABUuZxHT9itsfkNat3Bym1cJNHR1mU33OR7N6g6"

// TestRehash replaces a foreign hash at its first use, behind the answer: what the
// answer opened stays open, the password is not hashed again, and nothing ends.
func TestRehash(t *testing.T) {
	d := start(t, nil)
	foreign := func(a *store.Account) { a.MainHash = foreignHash }
	d.account(t, "u@example.org", foreign)
	client := d.dial(t, 2)
	cookie := ""
	for _, line := range client.hand {
		if c, found := strings.CutPrefix(line, "COOKIE\t"); found {
			cookie = c
		}
	}
	in := func(password, want string) {
		t.Helper()
		if answer := client.login("PLAIN", "service=imap", "u@example.org", password); !strings.HasPrefix(answer, want+"\t") {
			t.Fatalf("%q, want %s", answer, want)
		}
		d.rehash.wait()
	}
	hash := func() string {
		t.Helper()
		a, err := d.store.Account(t.Context(), "u@example.org")
		if err != nil {
			t.Fatal(err)
		}
		return a.MainHash
	}
	in("wrong horse battery", "FAIL")
	if hash() != foreignHash {
		t.Fatal("replaced after a wrong password")
	}
	in(mainPass, "OK")
	if !strings.HasPrefix(hash(), "$argon2id$") {
		t.Fatalf("the hash is still %.10s", hash())
	}

	// The post-login question comes behind the replacement.
	master := dialPath(t, d.cfg.SocketPaths().Master)
	master.send("VERSION\t1\t1")
	master.line()
	master.line() // SPID
	master.send(fmt.Sprintf("REQUEST\t1\t4711\t%d\t%s", client.id, cookie))
	if answer := master.line(); !strings.HasPrefix(answer, "USER\t1\t") {
		t.Errorf("the post-login question: %q", answer)
	}

	// It is remembered as right, and once replaced that is that.
	replaced, before := hash(), d.hashed.Load()
	in(mainPass, "OK")
	if n := d.hashed.Load() - before; n != 0 {
		t.Errorf("hashed %d times for a password that is remembered", n)
	}
	if hash() != replaced {
		t.Error("replaced twice")
	}
	in("wrong horse battery 2", "FAIL")
	events, err := d.accounts.Events(t.Context(), accounts.EventQuery{Address: "u@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, e := range events {
		if e.Kind == store.EventPasswordRehashed {
			seen++
			if e.Detail != "was sha256-crypt" || e.Actor != "latchkey" {
				t.Errorf("event %+v", e)
			}
		}
	}
	if seen != 1 {
		t.Errorf("%d events of the replacement", seen)
	}

	// A password that was changed meanwhile is not brought back.
	d.edit(t, "u@example.org", foreign)
	old, err := d.store.Account(t.Context(), "u@example.org")
	if err != nil {
		t.Fatal(err)
	}
	d.edit(t, "u@example.org", func(a *store.Account) { a.MainHash = replaced })
	if done, err := d.accounts.Rehash(t.Context(), old, "$argon2id$other"); done || err != nil || hash() != replaced {
		t.Errorf("a hash that is not the account's any more was replaced: %v, %v", done, err)
	}
	// And what one hash opened, the next password does not keep open.
	master.send(fmt.Sprintf("REQUEST\t2\t4711\t%d\t%s", client.id, cookie))
	master.line()
	d.edit(t, "u@example.org", func(a *store.Account) { a.MainHash = "$5$rounds=1001$" + foreignHash[len("$5$rounds=1000$"):] })
	if d.policy.SameMain(mustAccount(t, d, "u@example.org"), old.MainFingerprint()) {
		t.Error("another password passes for the same")
	}
}

func mustAccount(t *testing.T, d *running, address string) *store.Account {
	t.Helper()
	a, err := d.store.Account(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestRehashAtPortal replaces the hash between a sign-in's two steps.
func TestRehashAtPortal(t *testing.T) {
	d := start(t, nil)
	d.account(t, "u@example.org", func(a *store.Account) { a.MainHash, a.Bound = foreignHash, time.Now() })
	v := d.policy.SignIn(t.Context(), &policy.Attempt{Name: "u@example.org", Secret: secret.New(mainPass), Facts: policy.Facts{Service: "portal", Secured: true}})
	if v.Outcome != store.Accepted {
		t.Fatalf("%+v", v)
	}
	d.rehash.wait()
	if a := mustAccount(t, d, "u@example.org"); a.MainHash == foreignHash {
		t.Fatal("not replaced")
	}
	if _, err := d.accounts.StartSession(t.Context(), accounts.SignIn{Address: v.Login.Address, Account: v.Login.Account, Fingerprint: v.Login.Fingerprint()}); err != nil {
		t.Errorf("the second step: %v", err)
	}
	// What is not remembered at the mail doors is not made so by it.
	before := d.hashed.Load()
	d.edit(t, "u@example.org", func(a *store.Account) { a.Bound = time.Time{} })
	d.dial(t, 2).login("PLAIN", "service=imap", "u@example.org", mainPass)
	if d.hashed.Load() == before {
		t.Error("the mail door knew the password")
	}
}
