package accounts

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// BenchmarkDevices is the list of an account's devices with as many events of
// every class as are kept, all of them of the last days.
func BenchmarkDevices(b *testing.B) {
	w := worldWith(b)
	w.inside(alice)
	main := store.MainCredential(w.account().ID)
	live, _ := w.appPassword("laptop", true, time.Time{})
	gone, _ := w.appPassword("old phone", true, time.Time{})
	w.revoke(gone)
	var all []store.Event
	for i := range 1000 {
		w.pass(time.Minute)
		stranger := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 0x0b000000+uint32(i)))).String()
		change := w.mail("198.51.100.1", "", "", "", store.Accepted, store.ReasonMainPassword)
		change.Kind, change.Outcome = store.EventCodeSent, 0
		all = append(all, change,
			w.mail("198.51.100.1", live.String(), "imap", "laptop", store.Accepted, store.ReasonAppPassword),
			w.mail("198.51.100.1", gone.String(), "imap", "old phone", store.Rejected, store.ReasonRevoked),
			w.mail(stranger, "", fmt.Sprint("service-", i), "flood", store.Rejected, store.ReasonWrongSecret))
	}
	all = append(all, w.mail("198.51.100.2", main, "pop3", "desk", store.Accepted, store.ReasonMainPassword))
	w.record(all...)
	if n := len(w.devices().Programs); n != 3 {
		b.Fatalf("%d programs", n)
	}
	for b.Loop() {
		w.devices()
	}
}
