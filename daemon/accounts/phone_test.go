package accounts

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestBindTellsWhatEnded(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	own, _ := w.appPassword("own", false, time.Time{})
	w.appPassword("expired", false, w.now.Add(time.Second))
	w.now = w.now.Add(time.Minute)
	b, err := w.BindPhone(t.Context(), admin, alice, " +86 (138) 1234-5678 ")
	w.must(err)
	if b.Phone != "+86 138****5678" || b.Changed || len(b.Ended) != 1 || b.Ended[0] != own {
		t.Errorf("%+v", b)
	}
	since := w.account().Bound
	w.now = w.now.Add(time.Hour)
	b, err = w.BindPhone(t.Context(), admin, alice, "13987654321")
	w.must(err)
	if !b.Changed || len(b.Ended) != 0 || !w.account().Bound.Equal(since) {
		t.Errorf("%+v, bound since %s", b, w.account().Bound)
	}
	if got := w.show().Phone; got != "+86 139****4321" {
		t.Errorf("phone = %q", got)
	}
}

func TestPhoneIsShownMaskedUnlessAsked(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	if _, err := w.ShowPhone(t.Context(), alice); !errors.Is(err, ErrNoPhone) {
		t.Errorf("none: %v", err)
	}
	if _, err := w.RevealPhone(t.Context(), admin, alice); !errors.Is(err, ErrNoPhone) {
		t.Errorf("none: %v", err)
	}
	if err := w.UnbindPhone(t.Context(), admin, alice); !errors.Is(err, ErrNoPhone) {
		t.Errorf("none: %v", err)
	}
	_, err := w.BindPhone(t.Context(), admin, alice, "13812345678")
	w.must(err)
	masked, err := w.ShowPhone(t.Context(), alice)
	w.must(err)
	full, err := w.RevealPhone(t.Context(), admin, alice)
	w.must(err)
	if masked.Number != "+86 138****5678" || full.Number != "+8613812345678" || masked.BoundBy != admin {
		t.Errorf("%+v, %+v", masked, full)
	}
	if got := w.kinds(); got != "account-added phone-bound phone-shown" {
		t.Errorf("events: %s", got)
	}
	page, err := w.Events(t.Context(), EventQuery{})
	w.must(err)
	for _, e := range page {
		if strings.Contains(e.Detail, "1234") {
			t.Errorf("an event shows the number: %q", e.Detail)
		}
	}
}
