package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// fullChallenge fills every field; n is in its ids.
func fullChallenge(a *Account, session byte, purpose Purpose) Challenge {
	return Challenge{ID: ChallengeID{session, byte(purpose)}, Account: a.ID, Session: SessionID{session}, Purpose: purpose,
		Number: "+8613812345678", First: t0, Last: t0.Add(time.Minute), Sendings: 2, Tries: 1}
}

func TestChallenges(t *testing.T) {
	s := newStore(t)
	a, other := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
	purposes := []Purpose{PurposeSignIn, PurposeBind, PurposeChange, PurposeConfirm}
	allSet(t, fullChallenge(a, 1, PurposeBind))
	update(t, s, func(w *Writer) error {
		var errs []error
		for _, p := range purposes {
			errs = append(errs, w.PutChallenge(fullChallenge(a, 1, p)))
		}
		return errors.Join(append(errs, w.PutChallenge(fullChallenge(a, 2, PurposeBind)), w.PutChallenge(fullChallenge(other, 1, PurposeBind)))...)
	})
	view(t, s, func(r *Reader) error {
		for _, p := range purposes {
			if got, err := r.Challenge(a.ID, SessionID{1}, p); err != nil || got != fullChallenge(a, 1, p) {
				t.Errorf("%v: %#v, %v", p, got, err)
			}
		}
		for name, ask := range map[string]func() (Challenge, error){
			"another session": func() (Challenge, error) { return r.Challenge(a.ID, SessionID{2}, PurposeSignIn) },
			"another account": func() (Challenge, error) { return r.Challenge(other.ID, SessionID{1}, PurposeSignIn) },
			"another purpose": func() (Challenge, error) { return r.Challenge(a.ID, SessionID{2}, PurposeChange) },
			"no purpose":      func() (Challenge, error) { return r.Challenge(a.ID, SessionID{1}, 0) },
		} {
			if got, err := ask(); !errors.Is(err, ErrNoChallenge) || got != (Challenge{}) {
				t.Errorf("%s: %v, %v; want ErrNoChallenge", name, got, err)
			}
		}
		return nil
	})
	update(t, s, func(w *Writer) error { return w.DeleteChallenge(a.ID, SessionID{1}, PurposeBind) })
	for _, want := range []int{4, 0} {
		update(t, s, func(w *Writer) error {
			if n, err := w.EndChallenges(a.ID); n != want || err != nil {
				t.Errorf("EndChallenges = %d, %v; want %d", n, err, want)
			}
			return nil
		})
	}
	view(t, s, func(r *Reader) error {
		_, err := r.Challenge(other.ID, SessionID{1}, PurposeBind)
		return err
	})
}

func TestChallengeBounds(t *testing.T) {
	s := newStore(t)
	a := addAccount(t, s, "u@example.org", 0)
	for name, change := range map[string]func(*Challenge){
		"no id":      func(c *Challenge) { c.ID = ChallengeID{} },
		"no account": func(c *Challenge) { c.Account = AccountID{} },
		"no session": func(c *Challenge) { c.Session = SessionID{} },
		"no number":  func(c *Challenge) { c.Number = "" },
		"long":       func(c *Challenge) { c.Number = strings.Repeat("1", maxText+1) },
		"no purpose": func(c *Challenge) { c.Purpose = 0 },
		"purpose 5":  func(c *Challenge) { c.Purpose = PurposeConfirm + 1 },
	} {
		c := fullChallenge(a, 1, PurposeBind)
		change(&c)
		if err := s.Update(ctx, func(w *Writer) error { return w.PutChallenge(c) }); !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: PutChallenge = %v; want ErrInvalidRecord", name, err)
		}
	}
}

// TestNumbersPrintMasked: printing what holds a number shows what may be shown.
func TestNumbersPrintMasked(t *testing.T) {
	c := fullChallenge(&Account{ID: AccountID{1}}, 1, PurposeChange)
	p := ExpectedPhone{Number: c.Number, Made: t0, By: "root"}
	for _, v := range []any{c, p, []any{c, p}, map[string]any{"c": c, "p": p}, struct {
		C Challenge
		P ExpectedPhone
	}{c, p}} {
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, printed := range []string{fmt.Sprintf("%v %+v %#v %s", v, v, v, v), string(encoded)} {
			if strings.Contains(printed, "1234") || !strings.Contains(printed, "+86 138****5678") {
				t.Errorf("%T prints as %s", v, printed)
			}
		}
	}
	if got := c.String(); got != "change +86 138****5678" {
		t.Errorf("a challenge prints as %s", got)
	}
}

func TestNamesOfStagesAndPurposes(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{StageCode.String(), StageRebind.String(), StageIn.String(), Stage(9).String(),
		PurposeSignIn.String(), PurposeBind.String(), PurposeChange.String(), PurposeConfirm.String(), Purpose(9).String()} {
		if name == "" || seen[name] {
			t.Errorf("name %q", name)
		}
		seen[name] = true
	}
}
