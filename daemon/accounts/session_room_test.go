package accounts

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// signInFrom is a session after the main password, from an address and, unless
// it is "", a browser that has that cookie.
func (w *world) signInFrom(addr, device string) Entered {
	w.t.Helper()
	a, b := w.account(), home()
	b.Addr = netip.MustParseAddr(addr)
	e, err := w.StartSession(w.t.Context(), SignIn{Address: alice, Account: a.ID, Fingerprint: a.MainFingerprint(), Browser: b, Device: device})
	w.must(err)
	w.pass(time.Second)
	return e
}

func (w *world) isOpen(e Entered) bool {
	w.t.Helper()
	_, err := w.find(e)
	if err != nil {
		w.told(err, ErrSignedOut)
	}
	return err == nil
}

// TestSessionsAreBounded: who keeps signing in pushes out the oldest of their
// own, and nobody who is inside.
func TestSessionsAreBounded(t *testing.T) {
	w := worldWith(t)
	in := w.inside(alice)
	w.pass(time.Second)
	var waiting []Entered
	for range maxSessions + 4 {
		waiting = append(waiting, w.signInFrom("192.0.2.9", ""))
	}
	for i, e := range waiting {
		if w.isOpen(e) != (i >= 4) {
			t.Errorf("session %d of %d: open is %t", i, len(waiting), i < 4)
		}
	}
	if !w.isOpen(in) {
		t.Error("the one that is in was pushed out")
	}
	w.pass(12 * time.Hour)
	w.signIn(alice)
	w.view(func(r *store.Reader) error {
		all, err := r.Sessions(in.Session.Account)
		if len(all) != 1 {
			t.Errorf("%d records of sessions are kept", len(all))
		}
		return err
	})
}

// TestSessionsInsideAreBounded: those that are in push each other out, the oldest
// first, when they come in and not before; who only waits pushes none out.
func TestSessionsInsideAreBounded(t *testing.T) {
	w := worldWith(t)
	w.cfg.SMS.PerNumberDay, w.cfg.SMS.PerAccountDay, w.cfg.SMS.PerSourceHour, w.cfg.SMS.SignInPerHour = 1000, 1000, 1000, 1000
	var inside []Entered
	for range maxSessions {
		inside = append(inside, w.inside(alice))
		w.pass(time.Second)
	}
	late := w.signInFrom("192.0.2.9", "")
	for i, e := range inside {
		if !w.isOpen(e) {
			t.Fatalf("session %d was pushed out by one that waits for its code", i)
		}
	}
	late = w.insideOf(late, false)
	for i, e := range inside {
		if w.isOpen(e) != (i > 0) {
			t.Errorf("session %d: open is %t", i, i == 0)
		}
	}
	if !w.isOpen(late) {
		t.Error("the new one is not open")
	}
}

// TestThiefShutsNobodyOut: whoever has the main password and signs in over and
// over does not end the session in which the owner waits for a code: from one
// network never, and from however many never in a browser that was inside before.
func TestThiefShutsNobodyOut(t *testing.T) {
	fixed := func(addr string) func(int) string { return func(int) string { return addr } }
	for _, tt := range []struct {
		name  string
		from  func(i int) string
		known bool // the owner's browser
	}{
		{"one address", fixed("192.0.2.9"), false},
		{"one /64", func(i int) string { return fmt.Sprintf("2001:db8::%x", i+1) }, false},
		{"thirty addresses", func(i int) string { return fmt.Sprintf("192.0.2.%d", 10+i%30) }, false},
		{"any number of addresses", func(i int) string { return fmt.Sprintf("10.0.%d.%d", i/200, 1+i%200) }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := worldWith(t)
			w.Network = func(addr netip.Addr) netip.Prefix {
				bits := 32
				if addr.Is6() {
					bits = 64
				}
				prefix, err := addr.Prefix(bits)
				w.must(err)
				return prefix
			}
			device := ""
			if tt.known {
				device = w.inside(alice).Device.Value
			}
			for i := range maxSessions {
				w.signInFrom(tt.from(i), "")
			}
			owner := w.signInFrom(home().Addr.String(), device)
			if owner.Session.Stage != store.StageCode {
				t.Fatal("no code is asked")
			}
			for i := range 4 * maxSessions {
				w.signInFrom(tt.from(i), "")
			}
			if !w.isOpen(owner) || !w.isOpen(w.insideOf(owner, false)) {
				t.Error("the owner was pushed out")
			}
		})
	}
}
