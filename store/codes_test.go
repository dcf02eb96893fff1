package store

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func fullCodeState() CodeState {
	return CodeState{Wrong: 20, ClosedUntil: t0.Add(24 * time.Hour), Day: t0, Numbers: [][16]byte{{1}, {2}, {3}}}
}

func fullRecoveryCodes() RecoveryCodes {
	return RecoveryCodes{Made: t0, Codes: []RecoveryCode{{Tag: [16]byte{1}, Used: t0.Add(time.Hour)}, {Tag: [16]byte{2}}, {Tag: [16]byte{0xff}}}}
}

func fullHelpdeskCode() HelpdeskCode {
	return HelpdeskCode{Tag: [16]byte{1}, Made: t0, Until: t0.Add(30 * time.Minute), Tries: 2, By: "helpdesk:alice"}
}

func fullExpectedPhone() ExpectedPhone {
	return ExpectedPhone{Number: "+8613812345678", Made: t0, By: "root"}
}

func TestCodeState(t *testing.T) {
	s := newStore(t)
	a, other := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
	want := fullCodeState()
	allSet(t, want)
	read := func(acct AccountID) CodeState {
		t.Helper()
		var got CodeState
		view(t, s, func(r *Reader) (err error) { got, err = r.CodeState(acct); return err })
		return got
	}
	update(t, s, func(w *Writer) error { return w.PutCodeState(a.ID, want) })
	if got := read(a.ID); !reflect.DeepEqual(got, want) {
		t.Errorf("CodeState = %+v; want %+v", got, want)
	}
	if got := read(other.ID); !got.isZero() {
		t.Errorf("of another account: %+v", got)
	}
	before := countKeys(t, s.engine)
	update(t, s, func(w *Writer) error { return w.PutCodeState(a.ID, CodeState{}) })
	if got := read(a.ID); !got.isZero() || countKeys(t, s.engine) != before-1 {
		t.Errorf("after putting none: %+v, and its record is still there", got)
	}
	for _, x := range []CodeState{{Wrong: 1}, {ClosedUntil: t0}, {Day: t0}, {Numbers: [][16]byte{{}}}} {
		update(t, s, func(w *Writer) error { return w.PutCodeState(a.ID, x) })
		if got := read(a.ID); !reflect.DeepEqual(got, x) {
			t.Errorf("CodeState = %+v; want %+v", got, x)
		}
	}
	many := CodeState{Numbers: make([][16]byte, maxNewNumbers+1)}
	for name, err := range map[string]error{
		"no account":   s.Update(ctx, func(w *Writer) error { return w.PutCodeState(AccountID{}, want) }),
		"many numbers": s.Update(ctx, func(w *Writer) error { return w.PutCodeState(a.ID, many) }),
	} {
		if !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: %v; want ErrInvalidRecord", name, err)
		}
	}
}

func TestRecoveryCodes(t *testing.T) {
	s := newStore(t)
	a, other := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
	want := fullRecoveryCodes()
	update(t, s, func(w *Writer) error { return w.PutRecoveryCodes(a.ID, want) })
	view(t, s, func(r *Reader) error {
		if got, err := r.RecoveryCodes(a.ID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("RecoveryCodes = %+v, %v; want %+v", got, err, want)
		}
		if got, err := r.RecoveryCodes(other.ID); !errors.Is(err, ErrNoRecoveryCodes) {
			t.Errorf("of another account: %+v, %v", got, err)
		}
		return nil
	})
	update(t, s, func(w *Writer) error {
		return errors.Join(w.DeleteRecoveryCodes(a.ID), w.DeleteRecoveryCodes(a.ID))
	})
	view(t, s, func(r *Reader) error {
		if got, err := r.RecoveryCodes(a.ID); !errors.Is(err, ErrNoRecoveryCodes) {
			t.Errorf("after DeleteRecoveryCodes: %+v, %v", got, err)
		}
		return nil
	})
	for name, bad := range map[string]RecoveryCodes{
		"none": {Made: t0}, "many": {Codes: make([]RecoveryCode, maxRecoveryCodes+1)}, "no tag": {Codes: make([]RecoveryCode, 1)},
	} {
		if err := s.Update(ctx, func(w *Writer) error { return w.PutRecoveryCodes(a.ID, bad) }); !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: %v; want ErrInvalidRecord", name, err)
		}
	}
}

func TestHelpdeskCode(t *testing.T) {
	s := newStore(t)
	a, other := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
	want := fullHelpdeskCode()
	allSet(t, want)
	update(t, s, func(w *Writer) error { return w.PutHelpdeskCode(a.ID, want) })
	view(t, s, func(r *Reader) error {
		if got, err := r.HelpdeskCode(a.ID); err != nil || got != want {
			t.Errorf("HelpdeskCode = %+v, %v; want %+v", got, err, want)
		}
		if got, err := r.HelpdeskCode(other.ID); !errors.Is(err, ErrNoHelpdeskCode) {
			t.Errorf("of another account: %+v, %v", got, err)
		}
		return nil
	})
	update(t, s, func(w *Writer) error {
		return errors.Join(w.DeleteHelpdeskCode(a.ID), w.DeleteHelpdeskCode(a.ID))
	})
	view(t, s, func(r *Reader) error {
		if got, err := r.HelpdeskCode(a.ID); !errors.Is(err, ErrNoHelpdeskCode) {
			t.Errorf("after DeleteHelpdeskCode: %+v, %v", got, err)
		}
		return nil
	})
	for name, change := range map[string]func(*HelpdeskCode){
		"no tag": func(x *HelpdeskCode) { x.Tag = [16]byte{} }, "no end": func(x *HelpdeskCode) { x.Until = time.Time{} },
		"long": func(x *HelpdeskCode) { x.By = Actor(strings.Repeat("n", maxText+1)) },
	} {
		x := want
		change(&x)
		if err := s.Update(ctx, func(w *Writer) error { return w.PutHelpdeskCode(a.ID, x) }); !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: %v; want ErrInvalidRecord", name, err)
		}
	}
}

func TestExpectedPhone(t *testing.T) {
	s := newStore(t)
	a, other := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
	want := fullExpectedPhone()
	allSet(t, want)
	update(t, s, func(w *Writer) error { return w.PutExpectedPhone(a.ID, want) })
	view(t, s, func(r *Reader) error {
		if got, err := r.ExpectedPhone(a.ID); err != nil || got.Number != want.Number || got != want {
			t.Errorf("ExpectedPhone = %+v, %v; want %+v", got, err, want)
		}
		if got, err := r.ExpectedPhone(other.ID); !errors.Is(err, ErrNoExpectedPhone) {
			t.Errorf("of another account: %+v, %v", got, err)
		}
		if n, err := r.NumberAccounts(want.Number); n != 0 || err != nil {
			t.Errorf("a number that is only expected counts as bound: %d, %v", n, err)
		}
		return nil
	})
	update(t, s, func(w *Writer) error {
		return errors.Join(w.DeleteExpectedPhone(a.ID), w.DeleteExpectedPhone(a.ID))
	})
	view(t, s, func(r *Reader) error {
		if got, err := r.ExpectedPhone(a.ID); !errors.Is(err, ErrNoExpectedPhone) {
			t.Errorf("after DeleteExpectedPhone: %+v, %v", got, err)
		}
		return nil
	})
	for name, change := range map[string]func(*ExpectedPhone){
		"no number": func(x *ExpectedPhone) { x.Number = "" },
		"long":      func(x *ExpectedPhone) { x.By = Actor(strings.Repeat("n", maxText+1)) },
	} {
		x := want
		change(&x)
		if err := s.Update(ctx, func(w *Writer) error { return w.PutExpectedPhone(a.ID, x) }); !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: %v; want ErrInvalidRecord", name, err)
		}
	}
}

func TestEnforcementReached(t *testing.T) {
	s := newStore(t)
	read := func() time.Time {
		t.Helper()
		var got time.Time
		view(t, s, func(r *Reader) (err error) { got, err = r.EnforcementReached(); return err })
		return got
	}
	if got := read(); !got.IsZero() {
		t.Errorf("before it was put: %v", got)
	}
	update(t, s, func(w *Writer) error { return w.PutEnforcementReached(t0) })
	if got := read(); !got.Equal(t0) {
		t.Errorf("EnforcementReached = %v; want %v", got, t0)
	}
	for _, bad := range []time.Time{{}, time.Unix(0, 0)} {
		if err := s.Update(ctx, func(w *Writer) error { return w.PutEnforcementReached(bad) }); !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("PutEnforcementReached(%v) = %v; want ErrInvalidRecord", bad, err)
		}
	}
	replaceValue(t, s.engine, string(reachedKey()), []byte("damaged"))
	err := s.View(ctx, func(r *Reader) error { _, err := r.EnforcementReached(); return err })
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged date reads as %v; want ErrDamaged, never as never", err)
	}
}
