package accounts

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/store"
)

// TestDamagedSessionsAndDevices: one record that cannot be read keeps nobody from
// signing in, and hides no other.
func TestDamagedSessionsAndDevices(t *testing.T) {
	w := worldWith(t)
	bad, other := w.insideOf(w.signIn(alice), true), w.insideOf(w.signIn(alice), true)
	w.damage(bad.Session.ID[:])
	w.damage(bad.Session.Device[:])
	in := w.inside(alice)
	list, err := w.OwnDevices(t.Context(), in.Session)
	w.must(err)
	if len(list.Browsers) != 2 {
		t.Errorf("%+v", list.Browsers)
	}
	if _, err := w.find(other); err != nil {
		t.Error(err)
	}
	w.must(w.Untrust(t.Context(), in.Session, bad.Session.Device)) // whether it is trusted cannot be told: it goes
	w.told(w.Untrust(t.Context(), in.Session, bad.Session.Device), ErrNoDevice)
	w.damage(other.Session.Device[:])
	w.must(w.DeleteDevice(t.Context(), in.Session, other.Session.Device))
	if _, err := w.find(other); err == nil {
		t.Error("the session of a deleted browser is open")
	}
	if n, err := w.EndSessions(t.Context(), admin, alice); err != nil || n != 2 {
		t.Errorf("%d, %v", n, err)
	}
}

// TestDamagedChallenge: it is as good as none.
func TestDamagedChallenge(t *testing.T) {
	w := worldWith(t)
	in := w.signIn(alice).Session
	w.ask(in, store.PurposeSignIn, "")
	w.damage(append(in.ID[:], byte(store.PurposeSignIn)))
	_, err := w.enter(in, store.PurposeSignIn, w.phone.code())
	w.told(err, ErrNoCode)
	w.ask(in, store.PurposeSignIn, "")
	_, err = w.enter(in, store.PurposeSignIn, w.phone.code())
	w.must(err)
}

// TestCookiesAreNotPrinted, however somebody tries.
func TestCookiesAreNotPrinted(t *testing.T) {
	c := Cookie{Value: "s3cret"}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "cookie", c, "entered", Entered{Cookie: c, Device: &c})
	text, err := json.Marshal(map[string]any{"a": c, "b": &c, "c": Entered{Cookie: c, Device: &c}})
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{log.String(), string(text), fmt.Sprintf("%v %+v %#v %s %q %x %d", c, c, c, c, c, c, &c), c.String(), c.GoString()} {
		if printed == "" || strings.Contains(printed, "s3cret") || strings.Contains(printed, "733363726574") {
			t.Errorf("printed: %s", printed)
		}
	}
}
