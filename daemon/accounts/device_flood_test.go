package accounts

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// mail is a verdict on alice at a mail door, now; addr is a network of its own.
func (w *world) mail(addr, credential, service, client string, outcome store.Outcome, reason store.Reason) store.Event {
	w.t.Helper()
	a := netip.MustParseAddr(addr)
	network, err := a.Prefix(map[bool]int{true: 32, false: 64}[a.Is4()])
	w.must(err)
	return store.Event{Time: w.now, Last: w.now, Count: 1, Kind: store.EventLogin, Outcome: outcome, Reason: reason, AccountID: w.account().ID,
		Address: alice, Credential: credential, Service: service, ClientID: client, Addr: a, Network: network}
}

func (w *world) record(batch ...store.Event) {
	w.t.Helper()
	for part := range slices.Chunk(batch, 500) {
		w.must(w.Store.WriteMerged(w.t.Context(), part, nil))
	}
}

func (w *world) revoke(id store.AppPasswordID) {
	w.t.Helper()
	_, err := w.RevokeAppPassword(w.t.Context(), admin, alice, id)
	w.must(err)
}

// clients are what the listed programs call themselves, the last seen first.
func (w *world) clients() string {
	var list []string
	for _, p := range w.devices().Programs {
		list = append(list, p.ClientID)
	}
	return strings.Join(list, " ")
}

// TestStrangersAreNoDevices: who is refused with a secret that nobody knows is a
// device of the account only where the account is in use from.
func TestStrangersAreNoDevices(t *testing.T) {
	const office, cell = "203.0.113.5", "203.0.113.77"
	for _, test := range []struct {
		about  string
		before func(w *world) []store.Event
		from   string
		shown  bool
	}{
		{"from nowhere known", nil, office, false},
		{"where a program logged in", func(w *world) []store.Event {
			return []store.Event{w.mail(office, store.MainCredential(w.account().ID), "imap", "known", store.Accepted, store.ReasonMainPassword)}
		}, office, true},
		{"in the same network of 64 bits", func(w *world) []store.Event {
			return []store.Event{w.mail("2001:db8::1", store.MainCredential(w.account().ID), "imap", "known", store.Accepted, store.ReasonMainPassword)}
		}, "2001:db8::2", true},
		{"beside it", func(w *world) []store.Event {
			return []store.Event{w.mail(office, store.MainCredential(w.account().ID), "imap", "known", store.Accepted, store.ReasonMainPassword)}
		}, cell, false},
		{"where a program was refused, too", func(w *world) []store.Event {
			return []store.Event{w.mail(office, "", "imap", "other", store.Rejected, store.ReasonWrongSecret)}
		}, office, false},
		{"where a thief came as far as the code", func(w *world) []store.Event {
			return []store.Event{w.mail(office, store.MainCredential(w.account().ID), store.ServicePortal, "thief", store.Accepted, store.ReasonMainPassword)}
		}, office, false},
		{"where the code was right", func(w *world) []store.Event {
			return []store.Event{w.mail(office, "", store.ServicePortal, "browser", store.Accepted, store.ReasonCode)}
		}, office, true},
		{"where a browser is known", func(w *world) []store.Event { w.inside(alice); return nil }, home().Addr.String(), true},
		{"long after it was", func(w *world) []store.Event { w.inside(alice); w.pass(recently + time.Second); return nil }, home().Addr.String(), false},
		{"long after a program logged in", func(w *world) []store.Event {
			e := w.mail(office, store.MainCredential(w.account().ID), "imap", "known", store.Accepted, store.ReasonMainPassword)
			w.pass(recently + time.Second)
			return []store.Event{e}
		}, office, false},
	} {
		w := worldWith(t)
		if test.before != nil {
			w.record(test.before(w)...)
		}
		w.record(w.mail(test.from, "", "imap", "PHONE", store.Rejected, store.ReasonWrongSecret))
		if got := strings.Contains(w.clients(), "PHONE"); got != test.shown {
			t.Errorf("%s: listed: %v", test.about, got)
		}
	}
}

// TestGuessersAreBounded: names that one network makes up take no room from
// programs whose credential is known.
func TestGuessersAreBounded(t *testing.T) {
	w := worldWith(t)
	main := store.MainCredential(w.account().ID)
	app, _ := w.appPassword("revoked", true, time.Time{})
	w.revoke(app)
	w.record(w.mail("192.0.2.99", main, "imap", "mine", store.Accepted, store.ReasonMainPassword),
		w.mail("203.0.113.1", app.String(), "imap", "gone", store.Rejected, store.ReasonRevoked))
	for i := range 500 {
		w.pass(time.Second)
		w.record(w.mail("192.0.2.99", "", "imap", fmt.Sprint("guess-", i), store.Rejected, store.ReasonWrongSecret))
	}
	list := w.devices().Programs
	if len(list) != maxGuessers+2 || list[0].ClientID != "guess-499" || list[maxGuessers].ClientID != "gone" || list[maxGuessers+1].ClientID != "mine" {
		t.Errorf("%d: %+v", len(list), list)
	}
	for i := range 2 * maxPrograms {
		w.pass(time.Second)
		w.record(w.mail("192.0.2.99", main, "imap", fmt.Sprint("program-", i), store.Accepted, store.ReasonMainPassword))
	}
	if list := w.devices().Programs; len(list) != maxPrograms+maxGuessers || list[0].ClientID != fmt.Sprint("program-", 2*maxPrograms-1) {
		t.Errorf("%d: %+v", len(list), list[0])
	}
}

// TestFloodLeavesTheAccount: 5,000 refused logins from as many networks leave the
// account's changes, its logins and its devices as they were.
func TestFloodLeavesTheAccount(t *testing.T) {
	w := worldWith(t)
	w.inside(alice)
	main := store.MainCredential(w.account().ID)
	live, _ := w.appPassword("laptop", true, time.Time{})
	gone, _ := w.appPassword("old phone", true, time.Time{})
	w.revoke(gone)
	phone := w.mail(home().Addr.String(), "", "imap", "phone", store.Rejected, store.ReasonPhoneBound)
	w.record(phone, w.mail("198.51.100.1", live.String(), "imap", "laptop", store.Accepted, store.ReasonAppPassword),
		w.mail("198.51.100.2", main, "pop3", "desk", store.Accepted, store.ReasonMainPassword),
		w.mail("198.51.100.3", gone.String(), "imap", "tablet", store.Rejected, store.ReasonRevoked))
	kept := func() []store.Event {
		var all []store.Event
		q := EventQuery{Address: alice}
		for {
			page, err := w.Events(t.Context(), q)
			w.must(err)
			for _, e := range page {
				if !e.Kind.HasOutcome() || e.Outcome == store.Accepted || e.Credential != "" {
					all = append(all, e)
				}
			}
			if len(page) < MaxPage {
				return all
			}
			q.After = page[len(page)-1].ID
		}
	}
	before, devices := kept(), w.devices()
	if len(before) < 8 || len(devices.Programs) != 4 || len(devices.Browsers) != 1 {
		t.Fatalf("%+v, %+v", before, devices)
	}

	w.pass(10 * time.Minute)
	var flood []store.Event
	for i := range 5000 {
		a := binary.BigEndian.AppendUint32(nil, 0x0b000000+uint32(i))
		e := w.mail(netip.AddrFrom4([4]byte(a)).String(), "", fmt.Sprint("service-", i), "flood", store.Rejected, store.ReasonWrongSecret)
		e.Time, e.Last = e.Time.Add(time.Duration(i)*time.Millisecond), e.Last.Add(time.Duration(i)*time.Millisecond)
		flood = append(flood, e)
	}
	w.record(flood...)
	w.pass(time.Minute)
	_, err := w.Store.PruneEvents(t.Context(), w.now.Add(-90*24*time.Hour), nil)
	w.must(err)
	if after := kept(); !slices.Equal(after, before) {
		t.Errorf("%d events were kept of\n%+v:\n%+v", len(after), before, after)
	}
	// The phone's refusals compete with other guesses; it keeps sending.
	phone.ID, phone.Time, phone.Last = store.EventID{}, w.now, w.now
	w.record(phone)
	after := w.devices()
	at := slices.IndexFunc(devices.Programs, func(p Program) bool { return p.ClientID == "phone" })
	devices.Programs[at].Last = w.now
	byClient := func(a, b Program) int { return strings.Compare(a.ClientID, b.ClientID) }
	slices.SortFunc(devices.Programs, byClient)
	slices.SortFunc(after.Programs, byClient)
	if !slices.Equal(after.Programs, devices.Programs) || !slices.Equal(after.Browsers, devices.Browsers) {
		t.Errorf("devices were\n%+v\nand are\n%+v", devices, after)
	}
}
