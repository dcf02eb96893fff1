package portal

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// TestOnlyPagesOfUsesFlush: a page that shows no last use does not have events
// written, and one that does shows the login of a moment ago.
func TestOnlyPagesOfUsesFlush(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	p, _, err := w.Accounts.AddAppPassword(t.Context(), root, alice, accounts.NewAppPassword{Name: "Old phone"})
	w.must(err)
	c := w.client()
	c.stepped(alice)
	w.must(w.Accounts.Refresh(t.Context(), alice))
	flushed := 0
	flush := w.Accounts.Flush
	w.Accounts.Flush = func(ctx context.Context, address string) error { flushed++; return flush(ctx, address) }
	one := pathAppPasswords + "/" + p.ID.String() + "/revoke"
	program := pathDevices + "/program/" + p.ID.String() + "/delete"
	devices, err := w.Accounts.ListDevices(t.Context(), alice)
	w.must(err)
	browser := pathDevices + "/" + devices.Browsers[0].ID.String() + "/delete"
	shows := map[string]bool{pathDevices: true, pathAppPasswords: true, pathRevokeAll: true, one: true, program: true, pathPassword: true}
	for _, path := range []string{pathDevices, pathAppPasswords, pathRevokeAll, one, program, pathPassword,
		pathSecurity, browser, pathGuide, pathPhone, pathRecoveryCodes} {
		w.mail(alice, p.ID.String(), `"name" "Thunderbird" "version" "128.4"`, store.Accepted, store.ReasonAppPassword)
		flushed = 0
		a := c.get(path).wants(http.StatusOK, "")
		if flushed > 1 || shows[path] != (flushed == 1) {
			t.Errorf("%s flushed %d times", path, flushed)
		}
		if shows[path] && strings.Contains(a.text(), "Not used yet") {
			t.Errorf("%s: %s", path, a.text())
		}
	}
	w.Accounts.Flush = func(context.Context, string) error { return errors.New("disk full") }
	for path := range shows {
		c.get(path).wants(http.StatusServiceUnavailable, "")
	}
	c.get(pathSecurity).wants(http.StatusOK, "")
}
