package portal

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// mail is a login at a mail server's door.
func (w *world) mail(address, credential, client string, outcome store.Outcome, reason store.Reason) {
	w.t.Helper()
	account, err := w.Accounts.Show(w.t.Context(), address)
	w.must(err)
	w.Audit.Login(store.Event{Time: w.clock(), Last: w.clock(), Count: 1, Kind: store.EventLogin, Outcome: outcome, Reason: reason, AccountID: account.ID,
		Address: address, Credential: credential, Service: "imap", Mechanism: "PLAIN", ClientID: client,
		Addr: netip.MustParseAddr("198.51.100.9"), Network: netip.MustParsePrefix("198.51.100.9/32")})
}

// trustedClient is a browser that alice trusts.
func trustedClient(w *world) *client {
	w.t.Helper()
	c := w.client()
	c.signIn(alice, good)
	c.get(pathSignInCode)
	c.post(pathSignInCode, "code", w.code(), "trust", "yes").wants(http.StatusSeeOther, pathSecurity)
	c.get(pathSecurity)
	return c
}

// deviceID is the id in the first address of the page that ends like this.
func (a *answer) deviceID(end string) string {
	a.t.Helper()
	before, _, found := strings.Cut(a.Body.String(), end+`"`)
	if !found {
		a.t.Fatalf("%s has no address that ends with %s", a.path, end)
	}
	return before[strings.LastIndex(before, "/")+1:]
}

func TestBrowsers(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	c := trustedClient(w)
	w.pass(2 * time.Minute)
	other := trustedClient(w)
	other.agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	page := c.get(pathDevices).wants(http.StatusOK, "")
	if strings.Count(page.Body.String(), "/untrust") != 2 || !c.says(page, "devices.current") || !strings.Contains(page.text(), "Firefox 140 on Linux") {
		t.Fatal(page.text())
	}

	// The other browser is the last that signed in, so it stands first.
	id := page.deviceID("/untrust")
	if a := c.follow(c.post(pathDevices + "/" + id + "/untrust")); !c.says(a, "told.device_untrusted") || strings.Count(a.Body.String(), "/untrust") != 1 {
		t.Fatal(a.text())
	}
	if a := c.get(pathDevices+"/"+id+"/delete").wants(http.StatusOK, ""); c.says(a, "device_delete.current") {
		t.Error(a.text())
	}
	other.get(pathSecurity).wants(http.StatusOK, "")
	c.get(pathDevices)
	if a := c.follow(c.post(pathDevices + "/" + id + "/delete")); !c.says(a, "told.device_deleted") || strings.Contains(a.Body.String(), id) {
		t.Error(a.text())
	}
	other.get(pathSecurity).wants(http.StatusSeeOther, pathSignIn)

	own := c.get(pathDevices).deviceID("/untrust")
	if a := c.get(pathDevices + "/" + own + "/delete"); !c.says(a, "device_delete.current") {
		t.Error(a.text())
	}
	if a := c.follow(c.post(pathDevices + "/" + own + "/delete")); a.path != pathSignIn || !c.says(a, "told.device_deleted") {
		t.Errorf("%s: %s", a.path, a.text())
	}
	c.signIn(alice, good).wants(http.StatusSeeOther, pathSignInCode)
}

// TestOldBrowsers: a browser that has not signed in for a week is listed only
// while it is trusted.
func TestOldBrowsers(t *testing.T) {
	w := newWorld(t)
	w.cfg.Portal.TrustFor = w.cfg.Portal.TrustFor * 2
	w.addBound(alice, number)
	trustedClient(w)
	w.pass(recentFor)
	c := w.client()
	c.enter(alice)
	page := c.get(pathDevices)
	if strings.Count(page.Body.String(), "/untrust") != 1 || strings.Count(page.Body.String(), "/delete\"") != 1 {
		t.Error(page.text())
	}
	w.pass(recentFor)
	c.enter(alice)
	if page := c.get(pathDevices); strings.Count(page.Body.String(), "/untrust") != 0 || !c.says(page, "devices.none_trusted") {
		t.Error(page.text())
	}
}

func TestPrograms(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	p, _, err := w.Accounts.AddAppPassword(t.Context(), root, alice, accounts.NewAppPassword{Name: "Old phone"})
	w.must(err)
	c := w.client()
	c.enter(alice)
	if a := c.get(pathDevices); !c.says(a, "devices.none_programs") {
		t.Error(a.text())
	}
	w.mail(alice, p.ID.String(), `"name" "Thunderbird" "version" "128.4"`, store.Accepted, store.ReasonAppPassword)
	for range 2 {
		w.mail(alice, "", `"name" "com.tencent.foxmail"`, store.Rejected, store.ReasonPhoneBound)
	}
	a := c.get(pathDevices)
	if !strings.Contains(a.text(), "Thunderbird 128 IMAP With Old phone") || !strings.Contains(a.text(), "Foxmail IMAP refused") || !strings.Contains(a.text(), "198.51.100.9") {
		t.Fatal(a.text())
	}
	if c.says(a, "devices.insists", "count", 2) {
		t.Error("two refusals are told as many")
	}
	w.mail(alice, "", `"name" "com.tencent.foxmail"`, store.Rejected, store.ReasonPhoneBound)
	if a := c.get(pathDevices); !c.says(a, "devices.insists", "count", 3) || !c.says(a, "devices.main_password") {
		t.Error(a.text())
	}
	if a := c.get(pathSecurity); !c.says(a, "security.refused", "count", 1) {
		t.Error(a.text())
	}

	remove := pathDevices + "/program/" + p.ID.String() + "/delete"
	if a := c.get(remove); !c.says(a, "program_delete.revokes", "name", "Old phone") || len(live(w.appPasswords(alice))) != 1 {
		t.Error(a.text())
	}
	if a := c.follow(c.post(remove)); !c.says(a, "told.program_deleted") || len(live(w.appPasswords(alice))) != 0 || strings.Contains(a.Body.String(), remove) {
		t.Error(a.text())
	}
	c.get(remove).wants(http.StatusSeeOther, pathDevices)
}
