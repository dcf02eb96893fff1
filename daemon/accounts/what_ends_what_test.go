package accounts

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// TestWhatEndsWhat walks event × thing: which of three app passwords live
// afterwards, and what the main password opens.
func TestWhatEndsWhat(t *testing.T) {
	const phone, other = "+8613812345678", "+8613987654321"
	bind := func(number string) func(w *world) error {
		return func(w *world) error { _, err := w.BindPhone(w.t.Context(), admin, alice, number); return err }
	}
	set := func(revoke bool) func(w *world) error {
		return func(w *world) error {
			_, err := w.SetPassword(w.t.Context(), admin, alice, secret.New("another password"), revoke)
			return err
		}
	}
	for _, tt := range []struct {
		name   string
		bound  bool // before
		event  func(w *world) error
		cause  [2]store.AppPasswordState // of the owner's and the administrator's
		main   MainPassword
		events string
	}{
		{"phone bound", false, bind(phone), [2]store.AppPasswordState{store.MadeBeforeBinding, store.Live}, MainBound, "phone-bound app-password-revoked"},
		{"number changed", true, bind(other), [2]store.AppPasswordState{store.Live, store.Live}, MainBound, "phone-bound"},
		{"same number", true, bind("138-1234 5678"), [2]store.AppPasswordState{store.Live, store.Live}, MainBound, ""},
		{"phone unbound", true, func(w *world) error { return w.UnbindPhone(w.t.Context(), admin, alice) }, [2]store.AppPasswordState{store.Live, store.Live}, MainOpens, "phone-unbound"},
		{"password set", false, set(false), [2]store.AppPasswordState{store.Live, store.Live}, MainOpens, "password-set"},
		{"password set, app passwords end", true, set(true), [2]store.AppPasswordState{store.Revoked, store.Revoked}, MainBound, "password-set app-password-revoked app-password-revoked"},
		{"disabled", true, func(w *world) error { return w.Disable(w.t.Context(), admin, alice) }, [2]store.AppPasswordState{store.Live, store.Live}, MainDisabled, "account-disabled"},
		{"enabled though it was", true, func(w *world) error { return w.Enable(w.t.Context(), admin, alice) }, [2]store.AppPasswordState{store.Live, store.Live}, MainBound, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.add(alice)
			if tt.bound {
				w.must(bind(phone)(w))
			}
			w.appPassword("by the owner", false, time.Time{})
			w.appPassword("by the administrator", true, time.Time{})
			before := w.kinds()
			w.now = w.now.Add(time.Second)
			w.must(tt.event(w))
			shown := w.show()
			for i, name := range []string{"by the owner", "by the administrator"} {
				at := slices.IndexFunc(shown.AppPasswords, func(p AppPassword) bool { return p.Name == name })
				if got := shown.AppPasswords[at].State; got != tt.cause[i] {
					t.Errorf("app password %s: %s, want %s", name, got, tt.cause[i])
				}
			}
			if shown.MainPassword != tt.main {
				t.Errorf("main password: %s, want %s", shown.MainPassword, tt.main)
			}
			if got := strings.TrimSpace(strings.TrimPrefix(w.kinds(), before)); got != tt.events {
				t.Errorf("events: %q, want %q", got, tt.events)
			}
		})
	}
}
