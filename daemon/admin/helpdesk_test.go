package admin

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// use writes a trusted browser with a session, both named id.
func (d *door) use(t *testing.T, address string, id byte) {
	t.Helper()
	now := d.accounts.Now()
	err := d.accounts.Store.Update(t.Context(), func(w *store.Writer) error {
		a, err := w.Account(address)
		if err != nil {
			return err
		}
		device := store.Device{ID: store.DeviceID{id}, Account: a.ID, Tag: [16]byte{id}, UserAgent: "a browser", First: now, Last: now,
			Addr: netip.MustParseAddr("192.0.2.7"), Trusted: now, TrustedUntil: now.Add(time.Hour)}
		if err := w.PutDevice(device); err != nil {
			return err
		}
		return w.PutSession(store.Session{ID: store.SessionID{id}, Account: a.ID, Address: address, Tag: [16]byte{id}, Stage: store.StageIn,
			Made: now, Seen: now, Device: device.ID})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestHelpdeskResetsPhone: the one-time code stands in one answer and no other,
// and the event says who asked.
func TestHelpdeskResetsPhone(t *testing.T) {
	d := newDoor(t)
	d.cfg.Portal.URL = "https://mail.example.org"
	d.ask(t.Context(), 0, pathAccountAdd, `{"address":"alice@example.org","password":"correct horse"}`)
	reset := func() PhoneResetMade {
		t.Helper()
		w := d.ask(t.Context(), helper, pathPhoneReset, `{"address":"alice@example.org","revoke_app_passwords":true}`)
		var made PhoneResetMade
		if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %s, %v", w.Code, w.Body, err)
		}
		return made
	}
	if made := reset(); made.Bound || made.Portal != "https://mail.example.org" {
		t.Errorf("a first phone: %+v", made)
	}
	d.ask(t.Context(), 0, pathPhoneBind, `{"address":"alice@example.org","number":"13812345678"}`)
	d.ask(t.Context(), 0, pathAppPasswordAdd, `{"address":"alice@example.org","name":"phone"}`)
	d.use(t, alice, 1)
	made := reset()
	code, ok := secret.FoldRecoveryCode(made.Code.Reveal())
	if !ok || made.Code.Reveal() != code.Group() || !made.Bound || !made.Until.Equal(d.accounts.Now().Add(30*time.Minute)) {
		t.Errorf("%+v", made)
	}
	shown, err := d.client(0).AccountShow(t.Context(), alice)
	if err != nil || shown.Live != 0 || shown.Bound.IsZero() || shown.TwoStep.Sessions != 0 || shown.TwoStep.Trusted != 0 || !shown.TwoStep.HelpdeskCodeUntil.Equal(made.Until) {
		t.Errorf("%+v, %v", shown, err)
	}
	page, err := d.client(0).Events(t.Context(), Events{Address: alice, Limit: 3})
	if err != nil || !madeBy(page.Events, store.EventHelpdeskCodeMade, "helpdesk:helen") {
		t.Errorf("%+v, %v", page, err)
	}
	if want := "msg=changed what=phone/reset account=alice@example.org actor=helpdesk:helen"; !strings.Contains(d.log.String(), want) {
		t.Errorf("the log does not have %s", want)
	}
	said := d.log.String()
	for path, body := range map[string]string{pathAccountShow: `{"address":"alice@example.org"}`, pathPhoneShow: `{"address":"alice@example.org"}`, pathEvents: `{}`, pathAccountList: `{}`} {
		said += d.ask(t.Context(), 0, path, body).Body.String()
	}
	if strings.Contains(said, made.Code.Reveal()) || strings.Contains(said, strings.ReplaceAll(made.Code.Reveal(), "-", "")) {
		t.Error("the code is shown again")
	}
}

func madeBy(events []store.Event, kind store.EventKind, actor store.Actor) bool {
	for _, e := range events {
		if e.Kind == kind {
			return e.Actor == actor
		}
	}
	return false
}

// TestHelpdeskEndsDevices: what a thief may hold is seen and ended, one by one, of
// the one account.
func TestHelpdeskEndsDevices(t *testing.T) {
	d := newDoor(t)
	const bob = "bob@example.org"
	for _, address := range []string{alice, bob} {
		d.ask(t.Context(), 0, pathAccountAdd, `{"address":"`+address+`"}`)
	}
	d.use(t, alice, 1)
	d.use(t, alice, 2)
	d.use(t, bob, 3)
	c := NewClient(InProcess(d, Identity{"helpdesk:helen", Helpdesk}))
	list := func() (ids []byte, trusted, sessions int) {
		t.Helper()
		devices, err := c.DeviceList(t.Context(), alice)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range devices.Browsers {
			ids = append(ids, b.ID[0])
			sessions += b.Sessions
			if !b.TrustedUntil.IsZero() {
				trusted++
			}
		}
		return ids, trusted, sessions
	}
	want := func(when string, browsers, wantTrusted, wantSessions int) {
		t.Helper()
		if ids, trusted, sessions := list(); len(ids) != browsers || trusted != wantTrusted || sessions != wantSessions {
			t.Errorf("%s: browsers %v, %d trusted, %d sessions", when, ids, trusted, sessions)
		}
	}
	want("first", 2, 2, 2)
	if err := c.DeviceDelete(t.Context(), DeviceQuestion{alice, store.DeviceID{3}}); kindOf(err) != KindNotFound {
		t.Errorf("bob's browser as alice's: %v", err)
	}
	if err := c.DeviceUntrust(t.Context(), DeviceQuestion{alice, store.DeviceID{1}}); err != nil {
		t.Error(err)
	}
	want("one not trusted any more", 2, 1, 2)
	if err := c.DeviceDelete(t.Context(), DeviceQuestion{alice, store.DeviceID{2}}); err != nil {
		t.Error(err)
	}
	want("one deleted", 1, 0, 1)
	if n, err := c.SessionEnd(t.Context(), alice); n != 1 || err != nil {
		t.Errorf("%d sessions ended, %v", n, err)
	}
	want("signed out", 1, 0, 0)
	if devices, err := c.DeviceList(t.Context(), bob); err != nil || len(devices.Browsers) != 1 || devices.Browsers[0].Sessions != 1 {
		t.Errorf("bob's: %+v, %v", devices, err)
	}
	for _, did := range []string{"device/untrust", "device/delete", "session/end"} {
		if want := "msg=changed what=" + did + " account=alice@example.org actor=helpdesk:helen"; !strings.Contains(d.log.String(), want) {
			t.Errorf("the log does not have %s", want)
		}
	}
}

// TestExpectedPhone: an administrator names it, everybody sees it masked, and an
// account without a phone is known by it.
func TestExpectedPhone(t *testing.T) {
	d := newDoor(t)
	c := d.client(0)
	d.ask(t.Context(), 0, pathAccountAdd, `{"address":"alice@example.org"}`)
	if _, err := c.PhoneShow(t.Context(), alice); kindOf(err) != KindNotFound {
		t.Errorf("nothing to show: %v", err)
	}
	expected, err := c.PhoneExpect(t.Context(), PhoneExpect{alice, "138 1234 5678"})
	if err != nil || expected.Phone != "+86 138****5678" {
		t.Errorf("%+v, %v", expected, err)
	}
	shown, err := c.PhoneShow(t.Context(), alice)
	if err != nil || shown.Phone != nil || shown.TwoStep.Expected == nil || shown.TwoStep.Expected.Phone != "+86 138****5678" || shown.TwoStep.Expected.By != "root" {
		t.Errorf("%+v, %v", shown, err)
	}
	if _, err := c.PhoneReveal(t.Context(), alice); kindOf(err) != KindNotFound {
		t.Errorf("no phone is bound, and one is revealed: %v", err)
	}
	if strings.Contains(d.log.String(), "13812345678") {
		t.Error("the log shows the number")
	}
	if w := d.ask(t.Context(), helper, pathPhoneExpect, `{"address":"alice@example.org","number":"13987654321"}`); w.Code != http.StatusForbidden {
		t.Errorf("the helpdesk names a number: %d %s", w.Code, w.Body)
	}
}
