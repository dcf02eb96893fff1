package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// used writes what a person leaves behind who signs in at the portal and has a
// mail program with an old password.
func used(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: used ADDRESS ID")
	}
	id, err := store.ParseDeviceID(args[1])
	ts.Check(err)
	data := ts.Getenv("DATA")
	keys, err := secret.OpenKeys(filepath.Join(data, daemon.KeyFile), true, rand.Reader)
	ts.Check(err)
	engine, err := boltkv.Open(filepath.Join(data, daemon.DatabaseFile), boltkv.Options{})
	ts.Check(err)
	st, err := store.Open(context.Background(), engine, keys, store.Options{})
	ts.Check(err)
	ts.Check(st.Update(context.Background(), func(w *store.Writer) error { return putUse(w, args[0], id, time.Now()) }))
	ts.Check(st.Close())
}

func putUse(w *store.Writer, address string, id store.DeviceID, now time.Time) error {
	a, err := w.Account(address)
	if err != nil {
		return err
	}
	const userAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
	from := netip.MustParseAddr("192.0.2.7")
	return errors.Join(
		w.PutDevice(store.Device{ID: id, Account: a.ID, Tag: [16]byte{1}, UserAgent: userAgent, First: now, Last: now, Addr: from,
			Trusted: now, TrustedUntil: now.Add(7 * 24 * time.Hour)}),
		w.PutSession(store.Session{ID: store.SessionID(id), Account: a.ID, Address: address, Tag: [16]byte{1}, Stage: store.StageIn,
			Made: now, Seen: now, Device: id}),
		w.PutEvent(store.Event{Time: now, Last: now, Count: 12, Kind: store.EventLogin, AccountID: a.ID, Address: address,
			Outcome: store.Rejected, Reason: store.ReasonWrongSecret, Service: "imap", ClientID: `"name" "Foxmail"`, Addr: from, Network: netip.PrefixFrom(from, 32)}),
	)
}
