package store

import (
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
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Databases as each version wrote them are opened for ever. Only the newest can
// be written anew, and never again once it was released.
var updateFrozen = flag.Bool("update", false, "write testdata/version2.db anew")

const (
	frozenVersion1 = "testdata/version1.db"
	frozenVersion2 = "testdata/version2.db"
	frozenKey      = "testdata/version1.key" // of both: a key of tests, of no secret
)

// frozen is what the files of versions 1 and 2 hold; what only the latter has is
// frozenPortal.
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

// compare reads what both versions hold.
func (want frozen) compare(t *testing.T, s *Store) {
	t.Helper()
	view(t, s, func(r *Reader) error {
		equal(t, "accounts", want.accounts, ask(t)(r.Accounts("", 100)))
		id := want.accounts[0].ID
		equal(t, "app passwords", want.apps, ask(t)(r.AppPasswords(id)))
		equal(t, "phone", want.phone, ask(t)(r.Phone(id)))
		equal(t, "accounts of the number", 1, ask(t)(r.NumberAccounts(want.phone.Number)))
		equal(t, "exception", want.except, ask(t)(r.Exception(want.accounts[1].ID)))
		equal(t, "last uses", want.uses, ask(t)(r.LastUses(id)))
		equal(t, "events", want.events, ask(t)(r.Events(EventQuery{})))
		equal(t, "events of the address", want.events[1:], ask(t)(r.Events(EventQuery{Address: "u@example.org"})))
		return nil
	})
}

// TestFrozenVersion1 opens a database that version 1 wrote, for ever: its
// migration loses nothing, wherever it is stopped on the way.
func TestFrozenVersion1(t *testing.T) {
	want, stopped := frozenContents(), 0
	for n := range 5 {
		e := openFrozen(t, frozenVersion1)
		if _, err := Open(ctx, e, frozenKeys(t), Options{}); !errors.Is(err, ErrNeedsMigration) {
			t.Fatalf("without MigrateOK: %v; want ErrNeedsMigration", err)
		}
		if _, err := Open(ctx, &stopping{Engine: e, left: n}, frozenKeys(t), Options{MigrateOK: true}); errors.Is(err, errStopped) {
			stopped++
			if _, err := Open(ctx, e, frozenKeys(t), Options{}); !errors.Is(err, ErrNeedsMigration) {
				t.Errorf("stopped after %d steps, without MigrateOK: %v; want ErrNeedsMigration", n, err)
			}
		} else if err != nil {
			t.Fatal(err)
		}
		s, err := Open(ctx, e, frozenKeys(t), Options{MigrateOK: true})
		if err != nil {
			t.Fatalf("stopped after %d steps: %v", n, err)
		}
		want.compare(t, s)
		if got, err := checkEngine(t, e, frozenKeys(t), unchanged); err != nil || got.Damaged != 0 {
			t.Errorf("stopped after %d steps: the check finds %+v, %v", n, got, err)
		}
	}
	if stopped != 3 { // to begin, one page, to end
		t.Errorf("the migration was stopped %d times, not 3", stopped)
	}
}

// frozenPortal is what only the file of version 2 holds of its first account.
type frozenPortal struct {
	session   Session
	device    Device
	challenge Challenge
	state     CodeState
	recovery  RecoveryCodes
	helpdesk  HelpdeskCode
	expected  ExpectedPhone
	reached   time.Time
}

func frozenPortalContents(a *Account) frozenPortal {
	return frozenPortal{session: fullSession(a, 1), device: fullDevice(a, 1), challenge: fullChallenge(a, 1, PurposeChange),
		state: fullCodeState(), recovery: fullRecoveryCodes(), helpdesk: fullHelpdeskCode(), expected: fullExpectedPhone(), reached: t0}
}

// TestFrozenVersion2 opens a database that version 2 wrote, for ever.
func TestFrozenVersion2(t *testing.T) {
	want := frozenContents()
	want.uses[AppPasswordID{1}.String()] = LastUse{Time: t0, Service: "imap", ClientID: "Foxmail 7"}
	portal := frozenPortalContents(want.accounts[0])
	if *updateFrozen {
		writeFrozen(t, want, portal)
	}
	s, err := Open(ctx, openFrozen(t, frozenVersion2), frozenKeys(t), Options{MigrateOK: true})
	if err != nil {
		t.Fatal(err)
	}
	want.compare(t, s)
	id := want.accounts[0].ID
	view(t, s, func(r *Reader) error {
		equal(t, "session", portal.session, ask(t)(r.Session(id, portal.session.ID)))
		equal(t, "device", portal.device, ask(t)(r.Device(id, portal.device.ID)))
		equal(t, "challenge", portal.challenge, ask(t)(r.Challenge(id, SessionID{1}, PurposeChange)))
		equal(t, "state of codes", portal.state, ask(t)(r.CodeState(id)))
		equal(t, "recovery codes", portal.recovery, ask(t)(r.RecoveryCodes(id)))
		equal(t, "helpdesk's code", portal.helpdesk, ask(t)(r.HelpdeskCode(id)))
		equal(t, "expected phone", portal.expected, ask(t)(r.ExpectedPhone(id)))
		equal(t, "enforcement", portal.reached, ask(t)(r.EnforcementReached()))
		return nil
	})
	spend(t, s, BudgetNumberDay, 1, t0, 1, false) // one was spent
	spend(t, s, BudgetNumberDay, 1, t0, 2, true)
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

// openFrozen opens a copy of a frozen file.
func openFrozen(t *testing.T, name string) kv.Engine {
	t.Helper()
	file, err := os.ReadFile(name)
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
	t.Cleanup(func() { e.Close() })
	return e
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

func writeFrozen(t *testing.T, want frozen, portal frozenPortal) {
	t.Helper()
	if err := os.Remove(frozenVersion2); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	e, err := boltkv.Open(frozenVersion2, boltkv.Options{PageSize: 1024, MmapSize: 1 << 15})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(ctx, e, frozenKeys(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	id := want.accounts[0].ID
	update(t, s, func(w *Writer) error {
		_, err := w.Spend(BudgetNumberDay, [16]byte{1}, t0, 9)
		return errors.Join(err, w.PutAccount(want.accounts[0]), w.PutAccount(want.accounts[1]),
			w.PutAppPassword(id, want.apps[0]), w.PutAppPassword(id, want.apps[1]),
			w.PutPhone(id, want.phone), w.PutException(want.accounts[1].ID, want.except),
			w.PutSession(portal.session), w.PutDevice(portal.device), w.PutChallenge(portal.challenge),
			w.PutCodeState(id, portal.state), w.PutRecoveryCodes(id, portal.recovery), w.PutHelpdeskCode(id, portal.helpdesk),
			w.PutExpectedPhone(id, portal.expected), w.PutEnforcementReached(portal.reached))
	})
	var uses []Use
	for credential, use := range want.uses {
		uses = append(uses, Use{Address: "bound@example.org", AccountID: id, Credential: credential, LastUse: use})
	}
	if err := s.WriteMerged(ctx, want.events, uses); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(frozenVersion2); err != nil || info.Size() >= 64<<10 {
		t.Fatal(fmt.Errorf("frozen file of %d bytes, %w", info.Size(), err))
	}
}
