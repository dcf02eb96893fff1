package daemon

import (
	"net/netip"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
)

// plainDoor is a door whose peers speak no mechanism: each login is a connection
// of its own.
type plainDoor struct {
	matrixDoor
	send      func(try matrixTry) *peer
	read      func(p *peer) (answer string)
	refusal   func(sentence string) (answer string)
	undecided string // an answer
}

// eachPlainDoor runs a test at every such door, with a daemon for each. edit may be nil.
func eachPlainDoor(t *testing.T, edit func(*config.Config), test func(t *testing.T, d *running, door plainDoor)) {
	for name, kind := range map[string]struct {
		listen func(*config.Config)
		door   func(*testing.T, *running) plainDoor
	}{
		"saslauthd": {saslauthdListener, saslauthdDoor},
		"nginx":     {nginxListener, nginxDoor},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, func(c *config.Config) {
				kind.listen(c)
				if edit != nil {
					edit(c)
				}
			})
			test(t, d, kind.door(t, d))
		})
	}
}

// plainTry is a login over IMAP.
func plainTry(name, password string) matrixTry {
	return matrixTry{service: "imap", addr: netip.MustParseAddr("192.0.2.7"), name: name, password: password}
}

// Every refusal leaves no earlier than failure_delay, whatever the reason, and
// holds nobody else up. So does an answer that nobody could give.
func TestPlainDoorAge(t *testing.T) {
	const delay = 700 * time.Millisecond
	edit := func(c *config.Config) { c.Auth.FailureDelay = config.Duration(delay) }
	eachPlainDoor(t, edit, func(t *testing.T, d *running, door plainDoor) {
		_, letters := d.withAppPassword(t, "u@example.org")
		d.account(t, "bound@example.org", func(a *store.Account) { a.Bound = time.Now() })
		sent := time.Now()
		refused := []*peer{
			door.send(plainTry("u@example.org", "wrong")),
			door.send(plainTry("nobody@example.org", "wrong")),
			door.send(plainTry("bound@example.org", mainPass)),
			door.send(plainTry("a@b@c", "wrong")),
			door.send(plainTry("", "wrong")),
			door.send(plainTry("", "")),
		}
		if got := door.login(plainTry("u@example.org", letters)); got != door.accepted("u@example.org", "") {
			t.Errorf("a good login: %q", got)
		}
		for i, p := range refused {
			if got := door.read(p); got != door.refusal(sentence) || time.Since(sent) < delay {
				t.Errorf("%d: %q at the age of %v", i, got, time.Since(sent))
			}
		}
		if err := d.store.Close(); err != nil {
			t.Fatal(err)
		}
		d.broken = true
		sent = time.Now()
		if got := door.login(plainTry("u@example.org", letters)); got != door.undecided || time.Since(sent) < delay {
			t.Errorf("the store is down: %q at the age of %v", got, time.Since(sent))
		}
	})
}

// A main password whose turn to be hashed does not come is Undecided; an app
// password needs no turn.
func TestPlainDoorBusy(t *testing.T) {
	eachPlainDoor(t, nil, func(t *testing.T, d *running, door plainDoor) {
		busy := make(chan struct{})
		d.block(busy)
		defer close(busy)
		_, letters := d.withAppPassword(t, "u@example.org")
		first := door.send(plainTry("u@example.org", mainPass))
		<-d.blocked
		second := door.send(plainTry("u@example.org", "wrong"))
		if got := door.login(plainTry("u@example.org", letters)); got != door.accepted("u@example.org", "") {
			t.Errorf("an app password waits for the hasher: %q", got)
		}
		for _, p := range []*peer{first, second} {
			if got := door.read(p); got != door.undecided {
				t.Errorf("%q", got)
			}
		}
	})
}

// A reload is in force for the next request; a stop lets refusals leave at once.
func TestPlainDoorReloadAndStop(t *testing.T) {
	eachPlainDoor(t, nil, func(t *testing.T, d *running, door plainDoor) {
		d.account(t, "u@example.org", nil)
		next := *d.cfg
		next.Auth.Refusal, next.Auth.DefaultDomain, next.Auth.FailureDelay = "Another sentence.", "example.org", config.Duration(time.Hour)
		d.Reload(&next)
		if got := door.login(plainTry("u", mainPass)); got != door.accepted("u@example.org", "") {
			t.Errorf("%q", got)
		}
		waiting := door.send(plainTry("u@example.org", "wrong"))
		for d.hashed.Load() < 2 {
			time.Sleep(time.Millisecond) // its request arrives
		}
		d.stop()
		if got := door.read(waiting); got != door.refusal("Another sentence.") {
			t.Errorf("at the stop: %q", got)
		}
	})
}
