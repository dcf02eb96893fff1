package accounts

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// devices are alice's, as an administrator sees them.
func (w *world) devices() Devices {
	w.t.Helper()
	list, err := w.ListDevices(w.t.Context(), alice)
	w.must(err)
	return list
}

// TestTrust: a trusted browser signs in without a code for 7 days from when it was
// trusted, however often it does.
func TestTrust(t *testing.T) {
	w := worldWith(t)
	first := w.insideOf(w.signIn(alice), true)
	begin := w.now
	for _, at := range []time.Duration{time.Hour, 3 * 24 * time.Hour, 7*24*time.Hour - time.Second} {
		w.now = begin.Add(at)
		e, err := w.signInAs(alice, first.Device.Value)
		w.must(err)
		if e.Session.Stage != store.StageIn || e.Session.Fresh || !e.Session.Stepped.IsZero() || e.Session.Device != first.Session.Device ||
			e.Device.Value != first.Device.Value {
			t.Errorf("after %s: %+v", at, e)
		}
		if d := w.devices().Browsers[0]; !d.Trusted.Equal(begin) || !d.TrustedUntil.Equal(begin.Add(7*24*time.Hour)) || !d.Last.Equal(w.now) {
			t.Errorf("after %s: %+v", at, d)
		}
	}
	if got := w.logins(); !strings.HasSuffix(got, "SMS-CODE ok-code, TRUSTED-DEVICE ok-trusted-device, TRUSTED-DEVICE ok-trusted-device, TRUSTED-DEVICE ok-trusted-device") {
		t.Errorf("logins: %s", got)
	}
	w.now = begin.Add(7 * 24 * time.Hour)
	e, err := w.signInAs(alice, first.Device.Value)
	w.must(err)
	if e.Session.Stage != store.StageCode {
		t.Fatalf("after 7 days: %+v", e)
	}
	if d := w.devices().Browsers[0]; !d.Trusted.IsZero() || !d.TrustedUntil.IsZero() {
		t.Errorf("shown as trusted: %+v", d)
	}
	w.ask(e.Session, store.PurposeSignIn, "")
	again, err := w.EnterCode(t.Context(), e.Session, Entry{Purpose: store.PurposeSignIn, Code: w.phone.code(), Trust: true, Browser: home(), Device: first.Device.Value})
	w.must(err)
	if again.Session.Device != first.Session.Device || again.Device.Value == first.Device.Value || !again.Device.Until.Equal(w.now.Add(7*24*time.Hour)) {
		t.Errorf("trusted anew: %+v", again)
	}
	for value, stage := range map[string]store.Stage{first.Device.Value: store.StageCode, again.Device.Value: store.StageIn} {
		if e, err := w.signInAs(alice, value); err != nil || e.Session.Stage != stage {
			t.Errorf("%+v, %v", e, err)
		}
	}
}

// TestTrustSwitchedOff: a TrustFor of 0 trusts no browser.
func TestTrustSwitchedOff(t *testing.T) {
	w := worldWith(t)
	w.cfg.Portal.TrustFor = 0
	in := w.insideOf(w.signIn(alice), true)
	if e, err := w.signInAs(alice, in.Device.Value); err != nil || e.Session.Stage != store.StageCode {
		t.Errorf("%+v, %v", e, err)
	}
	if got := w.kinds(); strings.Contains(got, "device-trusted") {
		t.Errorf("events: %s", got)
	}
}

// TestOtherCookies: a cookie that is not the device's opens nothing, and makes
// another device.
func TestOtherCookies(t *testing.T) {
	w := worldWith(t)
	trusted := w.insideOf(w.signIn(alice), true)
	id, token, _ := strings.Cut(trusted.Device.Value, ".")
	for _, cookie := range []string{"", ".", id, id + ".", id + "." + strings.Repeat("A", 22), strings.Repeat("0", 16) + "." + token, trusted.Device.Value + "."} {
		e, err := w.signInAs(alice, cookie)
		w.must(err)
		if e.Session.Stage != store.StageCode {
			t.Errorf("%q: %+v", cookie, e.Session)
		}
		w.ask(e.Session, store.PurposeSignIn, "")
		in, err := w.EnterCode(t.Context(), e.Session, Entry{Purpose: store.PurposeSignIn, Code: w.phone.code(), Browser: home(), Device: cookie})
		w.must(err)
		if in.Session.Device == trusted.Session.Device {
			t.Errorf("%q is the device's", cookie)
		}
	}
	w.damage(trusted.Session.Device[:])
	if e, err := w.signInAs(alice, trusted.Device.Value); err != nil || e.Session.Stage != store.StageCode {
		t.Errorf("damaged: %+v, %v", e, err)
	}
}

func TestUntrustAndDelete(t *testing.T) {
	for _, tt := range []struct {
		name   string
		do     func(w *world, by Session, id store.DeviceID) error
		open   bool // are its sessions
		listed bool
		event  string
	}{
		{"untrusted by the owner", func(w *world, by Session, id store.DeviceID) error { return w.Untrust(w.t.Context(), by, id) }, true, true, "device-untrusted"},
		{"untrusted by the helpdesk", func(w *world, _ Session, id store.DeviceID) error {
			return w.UntrustDevice(w.t.Context(), admin, alice, id)
		}, true, true, "device-untrusted"},
		{"deleted by the owner", func(w *world, by Session, id store.DeviceID) error { return w.DeleteDevice(w.t.Context(), by, id) }, false, false, "device-deleted"},
		{"deleted by the helpdesk", func(w *world, _ Session, id store.DeviceID) error {
			return w.RemoveDevice(w.t.Context(), admin, alice, id)
		}, false, false, "device-deleted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := worldWith(t)
			trusted, other := w.insideOf(w.signIn(alice), true), w.insideOf(w.signIn(alice), true)
			again, err := w.signInAs(alice, trusted.Device.Value)
			w.must(err)
			before := w.kinds()
			w.must(tt.do(w, other.Session, trusted.Session.Device))
			if got := strings.TrimSpace(strings.TrimPrefix(w.kinds(), before)); got != tt.event {
				t.Errorf("events: %s", got)
			}
			for _, e := range []Entered{trusted, again} {
				if _, err := w.find(e); (err == nil) != tt.open {
					t.Errorf("its session: %v", err)
				}
			}
			if _, err := w.find(other); err != nil {
				t.Errorf("the other's session: %v", err)
			}
			list := w.devices().Browsers
			if (len(list) == 2) != tt.listed {
				t.Errorf("%+v", list)
			}
			for cookie, stage := range map[string]store.Stage{trusted.Device.Value: store.StageCode, other.Device.Value: store.StageIn} {
				if e, err := w.signInAs(alice, cookie); err != nil || e.Session.Stage != stage {
					t.Errorf("%+v, %v", e, err)
				}
			}
			before = w.kinds()
			if err := tt.do(w, other.Session, trusted.Session.Device); tt.listed && err != nil || !tt.listed && !errors.Is(err, ErrNoDevice) {
				t.Errorf("again: %v", err)
			}
			if got := w.kinds(); got != before {
				t.Errorf("again: %s", got)
			}
		})
	}
}

// TestDevicesAreBounded: the longest unseen browsers without trust go first, with
// their sessions.
func TestDevicesAreBounded(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	var all []Entered
	for range maxDevices + 3 {
		w.pass(time.Second)
		all = append(all, w.signIn(alice))
	}
	listed := make(map[store.DeviceID]bool)
	for _, d := range w.devices().Browsers {
		listed[d.ID] = true
	}
	for i, e := range all {
		kept := i >= 3
		if _, err := w.find(e); (err == nil) != kept || listed[e.Session.Device] != kept {
			t.Errorf("device %d: session %v, listed %v", i, err, listed[e.Session.Device])
		}
	}
	w.pass(7*24*time.Hour - 2*time.Second) // all but the two newest
	last := w.signIn(alice)
	w.view(func(r *store.Reader) error {
		kept, err := r.Devices(last.Session.Account)
		if len(kept) != 3 {
			t.Errorf("%d are kept", len(kept))
		}
		return err
	})
}

// TestTrustedOnesStay: when there are too many, and when they were not seen for
// long.
func TestTrustedOnesStay(t *testing.T) {
	w := worldWith(t)
	w.cfg.Portal.TrustFor *= 2
	w.cfg.SMS.PerAccountDay, w.cfg.SMS.PerNumberDay, w.cfg.SMS.PerSourceHour = 100, 100, 100
	trusted := w.insideOf(w.signIn(alice), true)
	for range maxDevices + 1 {
		w.pass(time.Second)
		w.inside(alice)
	}
	w.pass(8 * 24 * time.Hour)
	w.inside(alice)
	if e, err := w.signInAs(alice, trusted.Device.Value); err != nil || e.Session.Stage != store.StageIn {
		t.Errorf("%+v, %v", e, err)
	}
	if list := w.devices().Browsers; len(list) != 2 {
		t.Errorf("%+v", list)
	}
}

func TestOwnBrowsers(t *testing.T) {
	w := worldWith(t)
	old := w.inside(alice)
	w.pass(24 * time.Hour)
	trusted := w.insideOf(w.signIn(alice), true)
	begin := w.now
	w.pass(time.Hour)
	_, err := w.signInAs(alice, trusted.Device.Value)
	w.must(err)
	in, err := w.signInAs(alice, trusted.Device.Value)
	w.must(err)
	list, err := w.OwnDevices(t.Context(), in.Session)
	w.must(err)
	want := BrowserDevice{ID: trusted.Session.Device, UserAgent: home().UserAgent, First: begin, Last: w.now, Addr: home().Addr,
		Trusted: begin, TrustedUntil: begin.Add(7 * 24 * time.Hour), Current: true, Sessions: 2}
	if len(list.Browsers) != 2 || list.Browsers[0] != want || list.Browsers[1].ID != old.Session.Device ||
		list.Browsers[1].Current || list.Browsers[1].Sessions != 0 {
		t.Errorf("%+v", list.Browsers)
	}
	w.pass(6 * 24 * time.Hour)
	if list := w.devices().Browsers; len(list) != 1 || list[0].Current || list[0].Sessions != 0 {
		t.Errorf("7 days later: %+v", list)
	}
	_, err = w.ListDevices(t.Context(), "nobody@example.org")
	w.told(err, ErrNoAccount)
}

// TestUserAgentsAreClipped to what the record of a device holds.
func TestUserAgentsAreClipped(t *testing.T) {
	w := worldWith(t)
	a := w.account()
	b := home()
	b.UserAgent = strings.Repeat("长", 1000) + "\xff"
	e, err := w.StartSession(t.Context(), SignIn{Address: alice, Account: a.ID, Fingerprint: a.MainFingerprint(), Browser: b})
	w.must(err)
	w.ask(e.Session, store.PurposeSignIn, "")
	_, err = w.EnterCode(t.Context(), e.Session, Entry{Purpose: store.PurposeSignIn, Code: w.phone.code(), Browser: b})
	w.must(err)
	if got := w.devices().Browsers[0].UserAgent; len(got) != 255 || got != strings.Repeat("长", 85) {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// TestPrograms groups what mail programs did in the last 7 days.
func TestPrograms(t *testing.T) {
	w := worldWith(t)
	app, _ := w.appPassword("Alice's phone", true, time.Time{})
	short, _ := w.appPassword("short", true, w.now.Add(time.Hour))
	gone := store.AppPasswordID{7}
	a := w.account()
	flushed := false
	w.Flush = func(context.Context, string) error { flushed = true; return nil }
	now := w.now
	login := func(ago time.Duration, credential, service, client string, outcome store.Outcome, reason store.Reason, count uint32) store.Event {
		at := now.Add(-ago)
		return store.Event{Time: at.Add(-time.Minute), Last: at, Count: count, Kind: store.EventLogin, Outcome: outcome, Reason: reason,
			AccountID: a.ID, Address: alice, Credential: credential, Service: service, ClientID: client,
			Addr: netip.MustParseAddr("198.51.100.9"), Network: netip.MustParsePrefix("198.51.100.9/32")}
	}
	const ok, no = store.Accepted, store.Rejected
	events := []store.Event{
		login(time.Hour, app.String(), "imap", "Thunderbird", ok, store.ReasonAppPassword, 3),
		login(2*time.Hour, app.String(), "imap", "Thunderbird", ok, store.ReasonAppPassword, 2),
		login(3*time.Hour, app.String(), "imap", "Thunderbird", no, store.ReasonScope, 9),
		login(4*time.Hour, app.String(), "imap", "Thunderbird", ok, store.ReasonAppPassword, 5),
		login(5*time.Hour, app.String(), "smtp", "", no, store.ReasonScope, 1),
		login(6*time.Hour, "", "imap", "Foxmail", no, store.ReasonWrongSecret, 2),
		login(7*time.Hour, "", "imap", "Foxmail", no, store.ReasonWrongSecret, 2),
		login(8*time.Hour, store.MainCredential(a.ID), "pop3", "", ok, store.ReasonMainPassword, 1),
		login(9*time.Hour, gone.String(), "imap", "", no, store.ReasonRevoked, 1),
		login(10*time.Hour, short.String(), "imap", "", ok, store.ReasonAppPassword, 1),
		login(11*time.Hour, "", "sieve", "", store.Undecided, store.ReasonBusy, 1),
		login(12*time.Hour, "", store.ServicePortal, "", no, store.ReasonWrongSecret, 1),
		login(7*24*time.Hour, app.String(), "sieve", "edge", ok, store.ReasonAppPassword, 1),
		login(7*24*time.Hour+time.Second, app.String(), "sieve", "late", ok, store.ReasonAppPassword, 1),
	}
	other := login(time.Hour, "", "imap", "of an earlier account", no, store.ReasonWrongSecret, 1)
	other.AccountID = store.AccountID{9}
	w.must(w.Store.WriteMerged(t.Context(), append(events, other), nil))
	list := w.devices().Programs
	addr := netip.MustParseAddr("198.51.100.9")
	at := func(hours int) time.Time { return now.Add(-time.Duration(hours) * time.Hour) }
	want := []Program{
		{app, "Alice's phone", "imap", "Thunderbird", addr, at(1), 5, store.Live, false, store.ReasonAppPassword},
		{app, "Alice's phone", "smtp", "", addr, at(5), 1, store.Live, true, store.ReasonScope},
		{store.AppPasswordID{}, "", "imap", "Foxmail", addr, at(6), 4, 0, true, store.ReasonWrongSecret},
		{store.AppPasswordID{}, "", "pop3", "", addr, at(8), 1, 0, false, store.ReasonMainPassword},
		{gone, "", "imap", "", addr, at(9), 1, store.Revoked, true, store.ReasonRevoked},
		{short, "short", "imap", "", addr, at(10), 1, store.Live, false, store.ReasonAppPassword},
		{app, "Alice's phone", "sieve", "edge", addr, at(7 * 24), 1, store.Live, false, store.ReasonAppPassword},
	}
	if len(list) != len(want) || !flushed {
		t.Fatalf("%d, flushed: %v: %+v", len(list), flushed, list)
	}
	for i := range want {
		if list[i] != want[i] {
			t.Errorf("%d: %+v\nwant %+v", i, list[i], want[i])
		}
	}
	w.pass(time.Hour)
	if p := w.devices().Programs[5]; p.AppPassword != short || p.State != store.Expired {
		t.Errorf("when its time has come: %+v", p)
	}
}
