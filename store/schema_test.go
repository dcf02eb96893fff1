package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

func TestOpenMakesAndKeepsSchema(t *testing.T) {
	e := memkv.New()
	openStore(t, e, Options{})
	if n := countKeys(t, e); n != 2 {
		t.Errorf("a new store holds %d keys, not 2", n)
	}
	if _, err := Open(ctx, e, testKeys(t), Options{}); err != nil {
		t.Errorf("opening it again: %v", err)
	}
}

func TestWrongKey(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	addAccount(t, s, "u@example.org", 1)
	before := countKeys(t, e)
	other, err := secret.NewKeys([32]byte{9})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, e, other, Options{}); !errors.Is(err, ErrWrongKey) {
		t.Errorf("Open with another key = %v; want ErrWrongKey", err)
	}
	if countKeys(t, e) != before {
		t.Error("a refused Open changed the database")
	}
}

func TestSchemaRecords(t *testing.T) {
	keys := testKeys(t)
	s := &Store{keys: keys}
	version := func(v uint16) []byte {
		return s.seal(schemaKey(), binary.BigEndian.AppendUint16(make([]byte, headerLen), v))
	}
	for name, test := range map[string]struct {
		change func(w kv.Writer) error
		want   error
	}{
		"newer":               {func(w kv.Writer) error { return w.Put(schemaKey(), version(schemaVersion+1)) }, ErrNewerSchema},
		"version zero":        {func(w kv.Writer) error { return w.Put(schemaKey(), version(0)) }, ErrDamaged},
		"no version":          {func(w kv.Writer) error { return w.Delete(schemaKey()) }, ErrDamaged},
		"damaged version":     {func(w kv.Writer) error { return w.Put(schemaKey(), make([]byte, 22)) }, ErrDamaged},
		"short version":       {func(w kv.Writer) error { return w.Put(schemaKey(), s.seal(schemaKey(), make([]byte, 21))) }, ErrDamaged},
		"no generation":       {func(w kv.Writer) error { return w.Delete(generationKey()) }, ErrDamaged},
		"damaged generation":  {func(w kv.Writer) error { return w.Put(generationKey(), make([]byte, 23)) }, ErrDamaged},
		"generation, flipped": {func(w kv.Writer) error { return flip(w, generationKey(), headerLen) }, ErrDamaged},
		"generation's header": {func(w kv.Writer) error { return flip(w, generationKey(), 0) }, ErrDamaged},
		"generation's MAC":    {func(w kv.Writer) error { return flip(w, generationKey(), 5) }, ErrDamaged},
		"nothing":             {func(kv.Writer) error { return nil }, nil},
	} {
		e := memkv.New()
		openStore(t, e, Options{})
		if err := e.Update(ctx, test.change); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(ctx, e, keys, Options{MigrateOK: true}); !errors.Is(err, test.want) {
			t.Errorf("%s: Open = %v; want %v", name, err, test.want)
		}
	}
}

func flip(w kv.Writer, key []byte, at int) error {
	value, err := w.Get(key)
	if err != nil {
		return err
	}
	value = bytes.Clone(value)
	value[at] ^= 1
	return w.Put(key, value)
}

func TestCheckVersion(t *testing.T) {
	for _, test := range []struct {
		found, wanted int
		migrateOK     bool
		want          error
	}{
		{1, 1, false, nil}, {2, 3, true, nil}, {2, 3, false, ErrNeedsMigration},
		{4, 3, true, ErrNewerSchema}, {0, 3, true, ErrDamaged},
	} {
		if err := checkVersion(test.found, test.wanted, test.migrateOK); !errors.Is(err, test.want) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

var updateFrozen = flag.Bool("update", false, "write testdata/version1.db anew; never again once it was released")

const (
	frozenFile = "testdata/version1.db"
	frozenKey  = "testdata/version1.key" // a key of tests, of no secret
)

// frozen is what the file of version 1 holds.
type frozen struct {
	accounts []*Account
	apps     []AppPassword
	phone    Phone
	except   Exception
	uses     map[string]LastUse
	events   []Event
}

func frozenContents() frozen {
	bound := &Account{Address: "bound@example.org", ID: AccountID{1, 2, 3, 4, 5, 6, 7, 8}, MainHash: "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
		Bound: t0, AppPasswords: []AppPasswordRow{
			{ID: AppPasswordID{1}, Tag: [16]byte{1}, Scopes: ScopeAll, State: MadeBeforeBinding},
			{ID: AppPasswordID{2}, Tag: [16]byte{2}, Scopes: ScopeIMAP | ScopeSMTP, State: Live, Expires: t0.Add(90 * 24 * time.Hour)},
		}}
	exempt := &Account{Address: "exempt@example.org", ID: AccountID{2}, Disabled: true, ExemptUntil: t0.Add(time.Hour)}
	event := fullEvent()
	event.ID = makeEventID(event.Time, 1, 2)
	unknown := Event{ID: makeEventID(t0.Add(time.Hour), 2, 3), Time: t0.Add(time.Hour), Last: t0.Add(time.Hour), Count: 1, Kind: EventLogin,
		Outcome: Rejected, Reason: ReasonUnknownAccount, Network: netip.MustParsePrefix("2001:db8::/64")}
	return frozen{
		accounts: []*Account{bound, exempt},
		apps: []AppPassword{
			{ID: AppPasswordID{1}, Name: "old phone", Made: t0.Add(-time.Hour), MadeBy: "owner", Scopes: ScopeAll,
				Ended: t0, EndedBy: "owner", State: MadeBeforeBinding},
			{ID: AppPasswordID{2}, Name: "手机", Made: t0, MadeBy: "helpdesk:alice", ByAdmin: true,
				Scopes: ScopeIMAP | ScopeSMTP, Expires: t0.Add(90 * 24 * time.Hour), State: Live},
		},
		phone:  Phone{Number: "+8613812345678", Bound: t0, BoundBy: "root"},
		except: Exception{Until: t0.Add(time.Hour), Reason: "travelling", By: "root", Made: t0},
		uses: map[string]LastUse{
			AppPasswordID{2}.String(): {Time: t0, Addr: netip.MustParseAddr("192.0.2.1"), Service: "imap"},
			MainCredential(bound.ID):  {Time: t0.Add(-time.Hour)},
		},
		events: []Event{unknown, event}, // newest first
	}
}

// TestFrozenVersion1 opens a database that version 1 wrote, for ever.
func TestFrozenVersion1(t *testing.T) {
	if *updateFrozen {
		writeFrozen(t)
	}
	file, err := os.ReadFile(frozenFile)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "latchkey.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := boltkv.Open(path, boltkv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(ctx, e, frozenKeys(t), Options{MigrateOK: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := frozenContents()
	view(t, s, func(r *Reader) error {
		equal(t, "accounts", want.accounts, ask(t)(r.Accounts("", 100)))
		id := want.accounts[0].ID
		equal(t, "app passwords", want.apps, ask(t)(r.AppPasswords(id)))
		equal(t, "phone", want.phone, ask(t)(r.Phone(id)))
		equal(t, "exception", want.except, ask(t)(r.Exception(want.accounts[1].ID)))
		equal(t, "last uses", want.uses, ask(t)(r.LastUses(id)))
		equal(t, "events", want.events, ask(t)(r.Events(EventQuery{})))
		equal(t, "events of the address", want.events[1:], ask(t)(r.Events(EventQuery{Address: "u@example.org"})))
		return nil
	})
}

// ask makes one value of a value and its error.
func ask(t *testing.T) func(got any, err error) any {
	return func(got any, err error) any {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		return got
	}
}

func equal(t *testing.T, what string, want, got any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v\nwant %+v", what, got, want)
	}
}

func frozenKeys(t *testing.T) *secret.Keys {
	t.Helper()
	text, err := os.ReadFile(frozenKey)
	if err != nil {
		t.Fatal(err)
	}
	private := filepath.Join(t.TempDir(), "k") // git keeps no mode 0600
	if err := os.WriteFile(private, text, 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := secret.LoadKeys(private)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func writeFrozen(t *testing.T) {
	t.Helper()
	if err := os.Remove(frozenFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	e, err := boltkv.Open(frozenFile, boltkv.Options{PageSize: 1024, MmapSize: 1 << 15})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(ctx, e, frozenKeys(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := frozenContents()
	id := want.accounts[0].ID
	update(t, s, func(w *Writer) error {
		err := errors.Join(w.PutAccount(want.accounts[0]), w.PutAccount(want.accounts[1]),
			w.PutAppPassword(id, want.apps[0]), w.PutAppPassword(id, want.apps[1]),
			w.PutPhone(id, want.phone), w.PutException(want.accounts[1].ID, want.except))
		return err
	})
	var uses []Use
	for credential, use := range want.uses {
		uses = append(uses, Use{Address: "bound@example.org", AccountID: id, Credential: credential, LastUse: use})
	}
	if err := s.WriteMerged(ctx, want.events, uses); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(frozenFile); err != nil || info.Size() >= 64<<10 {
		t.Fatal(fmt.Errorf("frozen file of %d bytes, %w", info.Size(), err))
	}
}
