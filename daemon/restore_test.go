package daemon

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

const restoredAddress = "alice@example.org"

var restoreNow = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)

// place is a data folder without a daemon.
type place struct{ folder, database string }

func newPlace(t *testing.T) place {
	t.Helper()
	folder := t.TempDir()
	if _, err := secret.CreateKeys(filepath.Join(folder, KeyFile), strings.NewReader(strings.Repeat("k", 32))); err != nil {
		t.Fatal(err)
	}
	return place{folder, filepath.Join(folder, DatabaseFile)}
}

// change opens the database, which it makes if need be, for one transaction.
func (p place) change(t *testing.T, fn func(w *store.Writer) error) {
	t.Helper()
	st := openStoreFile(t, p.database, p.folder)
	if err := errors.Join(st.Update(t.Context(), fn), st.Close()); err != nil {
		t.Fatal(err)
	}
}

func (p place) read(t *testing.T, fn func(r *store.Reader) error) {
	t.Helper()
	st := openStoreFile(t, p.database, p.folder)
	if err := errors.Join(st.View(t.Context(), fn), st.Close()); err != nil {
		t.Fatal(err)
	}
}

// backup copies the database as it is.
func (p place) backup(t *testing.T) *os.File {
	t.Helper()
	return fileOf(t, p.snapshot(t))
}

// snapshot is a backup's bytes, without the room that the file has at its end.
func (p place) snapshot(t *testing.T) []byte {
	t.Helper()
	var copied bytes.Buffer
	st := openStoreFile(t, p.database, p.folder)
	if err := errors.Join(st.Snapshot(t.Context(), &copied), st.Close()); err != nil {
		t.Fatal(err)
	}
	return copied.Bytes()
}

func fileOf(t *testing.T, content []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backup.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func (p place) restore(t *testing.T, backup *os.File) (*Restored, error) {
	t.Helper()
	return (&Restore{Folder: p.folder, Backup: backup, Actor: "root", Now: restoreNow}).Run(t.Context())
}

// person is an account as a test writes and reads it.
type person struct {
	store.Account
	phone    string
	expected string
	used     int // of two recovery codes; -1: there are none
	made     int // which set of them
	closed   bool
}

func (x person) put(w *store.Writer) error {
	err := w.PutAccount(&x.Account)
	for _, row := range x.AppPasswords {
		err = errors.Join(err, w.PutAppPassword(x.ID, store.AppPassword{ID: row.ID, Name: "app " + row.ID.String(), State: row.State, Scopes: row.Scopes}))
	}
	if x.phone != "" {
		err = errors.Join(err, w.PutPhone(x.ID, store.Phone{Number: x.phone, Bound: x.Bound}))
	} else {
		err = errors.Join(err, w.DeletePhone(x.ID))
	}
	if x.expected != "" {
		err = errors.Join(err, w.PutExpectedPhone(x.ID, store.ExpectedPhone{Number: x.expected, Made: restoreNow}))
	} else {
		err = errors.Join(err, w.DeleteExpectedPhone(x.ID))
	}
	if x.ExemptUntil.IsZero() {
		err = errors.Join(err, w.DeleteException(x.ID))
	} else {
		err = errors.Join(err, w.PutException(x.ID, store.Exception{Until: x.ExemptUntil, Reason: "travelling"}))
	}
	if x.used < 0 {
		err = errors.Join(err, w.DeleteRecoveryCodes(x.ID))
	} else {
		codes := store.RecoveryCodes{Made: time.Unix(int64(x.made+1), 0).UTC(), Codes: []store.RecoveryCode{{Tag: [16]byte{1}}, {Tag: [16]byte{2}}}}
		for i := range x.used {
			codes.Codes[i].Used = time.Unix(99, 0).UTC()
		}
		err = errors.Join(err, w.PutRecoveryCodes(x.ID, codes))
	}
	if x.closed {
		err = errors.Join(err, w.PutCodeState(x.ID, store.CodeState{Wrong: 10, ClosedUntil: restoreNow.Add(time.Hour)}))
	}
	return err
}

func get(r *store.Reader) (person, error) {
	a, err := r.Account(restoredAddress)
	if err != nil {
		return person{}, err
	}
	x := person{Account: *a, used: -1}
	phone, err := r.Phone(a.ID)
	if x.phone = phone.Number; errors.Is(err, store.ErrNoPhone) {
		err = nil
	}
	expected, err2 := r.ExpectedPhone(a.ID)
	if x.expected = expected.Number; errors.Is(err2, store.ErrNoExpectedPhone) {
		err2 = nil
	}
	codes, err3 := r.RecoveryCodes(a.ID)
	if err3 == nil {
		x.used, x.made = 0, int(codes.Made.Unix()-1)
		for _, c := range codes.Codes {
			if !c.Used.IsZero() {
				x.used++
			}
		}
	} else if errors.Is(err3, store.ErrNoRecoveryCodes) {
		err3 = nil
	}
	except, err4 := r.Exception(a.ID)
	if errors.Is(err4, store.ErrNoException) {
		err4 = nil
	}
	if !except.Until.Equal(a.ExemptUntil) {
		err4 = errors.Join(err4, errors.New("the account's exception is not its record's"))
	}
	state, err5 := r.CodeState(a.ID)
	x.closed = state.ClosedUntil.After(restoreNow)
	for _, row := range a.AppPasswords {
		p, err := r.AppPassword(a.ID, row.ID)
		if err == nil && p.State != row.State {
			err = errors.New("an app password's state is not its row's")
		}
		err5 = errors.Join(err5, err)
	}
	return x, errors.Join(err, err2, err3, err4, err5)
}

func rowsIn(states ...store.AppPasswordState) []store.AppPasswordRow {
	var list []store.AppPasswordRow
	for i, state := range states {
		if state != 0 {
			list = append(list, store.AppPasswordRow{ID: store.AppPasswordID{byte(i + 1)}, Tag: [16]byte{byte(i + 1)}, Scopes: store.ScopeAll, State: state})
		}
	}
	return list
}

func describePerson(x person) string {
	var b strings.Builder
	for _, row := range x.AppPasswords {
		b.WriteString(" " + row.ID.String()[:2] + "=" + row.State.String())
	}
	day := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.Format(time.DateOnly)
	}
	flags := map[bool]string{true: "yes", false: "no"}
	return strings.Join([]string{"disabled " + flags[x.Disabled], "hash " + x.MainHash, "bound " + day(x.Bound), x.phone,
		"exempt " + day(x.ExemptUntil), "expected " + x.expected, "codes " + time.Unix(int64(x.made), 0).UTC().Format("05") + "/" + string(rune('0'+x.used)),
		"closed " + flags[x.closed], b.String()}, ", ")
}

// TestRestoreMatrix is the table of restore_account.go: what the backup has, what
// is there at present, what there is afterwards, and what is said of it.
func TestRestoreMatrix(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2027, 1, n, 0, 0, 0, 0, time.UTC) }
	const one, other = "+8613812345678", "+8613900000000"
	plain := func(edit func(x *person)) person {
		x := person{Account: store.Account{Address: restoredAddress, ID: store.AccountID{1}, MainHash: "old"}, used: -1}
		edit(&x)
		return x
	}
	nothing := func(*person) {}
	for _, tt := range []struct {
		name                string
		backup, now, wanted func(x *person)
		again, lost         []What
	}{
		{"nothing happened", nothing, nothing, nothing, nil, nil},
		{"disabled since", nothing, func(x *person) { x.Disabled = true }, func(x *person) { x.Disabled = true }, []What{KeptDisabled}, nil},
		{"enabled since", func(x *person) { x.Disabled = true }, nothing, func(x *person) { x.Disabled = true }, nil, []What{LostEnabled}},
		{"password changed", nothing, func(x *person) { x.MainHash = "new" }, func(x *person) { x.MainHash = "new" }, []What{KeptPassword}, nil},
		{"password taken away", nothing, func(x *person) { x.MainHash = "" }, func(x *person) { x.MainHash = "" }, []What{KeptPassword}, nil},
		{"phone bound", nothing, func(x *person) { x.phone, x.Bound = one, day(2) }, func(x *person) { x.phone, x.Bound = one, day(2) }, []What{KeptPhone}, nil},
		{"phone changed", func(x *person) { x.phone, x.Bound = one, day(1) }, func(x *person) { x.phone, x.Bound = other, day(1) },
			func(x *person) { x.phone, x.Bound = other, day(1) }, []What{KeptPhone}, nil},
		{"phone the same", func(x *person) { x.phone, x.Bound = one, day(1) }, func(x *person) { x.phone, x.Bound = one, day(1) },
			func(x *person) { x.phone, x.Bound = one, day(1) }, nil, nil},
		{"phone unbound", func(x *person) { x.phone, x.Bound, x.used = one, day(1), 0 }, nothing,
			func(x *person) { x.phone, x.Bound = one, day(1) }, []What{KeptRecoveryCodes}, []What{LostUnbound}},
		{"expected used up", func(x *person) { x.expected = one }, func(x *person) { x.phone, x.Bound = one, day(2) },
			func(x *person) { x.phone, x.Bound = one, day(2) }, []What{KeptPhone}, nil},
		{"expected named", nothing, func(x *person) { x.expected = one }, func(x *person) { x.expected = one }, []What{KeptExpected}, nil},
		{"expected changed", func(x *person) { x.expected = one }, func(x *person) { x.expected = other }, func(x *person) { x.expected = other }, []What{KeptExpected}, nil},
		{"expected gone", func(x *person) { x.expected = one }, nothing, func(x *person) { x.expected = one }, nil, nil},
		{"exception ended", func(x *person) { x.ExemptUntil = day(9) }, nothing, nothing, []What{KeptException}, nil},
		{"exception shortened", func(x *person) { x.ExemptUntil = day(9) }, func(x *person) { x.ExemptUntil = day(5) },
			func(x *person) { x.ExemptUntil = day(5) }, []What{KeptException}, nil},
		{"exception made", nothing, func(x *person) { x.ExemptUntil = day(9) }, nothing, nil, []What{LostException}},
		{"recovery code used", func(x *person) { x.used = 0 }, func(x *person) { x.used = 1 }, func(x *person) { x.used = 1 }, []What{KeptRecoveryCodes}, nil},
		{"recovery codes new", func(x *person) { x.used = 1 }, func(x *person) { x.made, x.used = 2, 0 },
			func(x *person) { x.made, x.used = 2, 0 }, []What{KeptRecoveryCodes}, nil},
		{"codes closed", nothing, func(x *person) { x.closed = true }, func(x *person) { x.closed = true }, []What{KeptCodesClosed}, nil},
		{"app passwords", func(x *person) {
			x.AppPasswords = rowsIn(store.Live, store.Live, store.Live, store.Live, store.Expired)
		},
			func(x *person) {
				x.AppPasswords = rowsIn(store.Revoked, store.Live, store.MadeBeforeBinding, 0, store.Expired, store.Live)
			},
			func(x *person) {
				r := rowsIn(store.Revoked, store.Live, store.MadeBeforeBinding, store.Revoked, store.Expired)
				x.AppPasswords = []store.AppPasswordRow{r[1], r[4], r[0], r[2], r[3]}
			}, []What{KeptAppPassword, KeptAppPassword, KeptAppPassword}, []What{LostAppPassword}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t)
			p.change(t, plain(tt.backup).put)
			backup := p.backup(t)
			p.change(t, plain(tt.now).put)
			done, err := p.restore(t, backup)
			if err != nil {
				t.Fatal(err)
			}
			if done.Present != PresentRead || done.Unknown.Total() != 0 {
				t.Errorf("%+v", done)
			}
			equalCounts(t, "again", done.Again, tt.again)
			equalCounts(t, "lost", done.Lost, tt.lost)
			p.read(t, func(r *store.Reader) error {
				got, err := get(r)
				if err == nil && describePerson(got) != describePerson(plain(tt.wanted)) {
					t.Errorf("got\n%s\nwant\n%s", describePerson(got), describePerson(plain(tt.wanted)))
				}
				return err
			})
			p.good(t)
		})
	}
}

// good wants no damage in the database, the numbers' index included.
func (p place) good(t *testing.T) {
	t.Helper()
	keys, err := secret.LoadKeys(filepath.Join(p.folder, KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(p.database)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var pages boltkv.Pages
	var unread error
	checked, err := store.Check(keys, func(record func(key, value []byte)) {
		pages, unread = boltkv.CheckFile(t.Context(), file, record, nil)
	})
	if err = errors.Join(unread, err); err != nil || pages.Damaged+checked.Damaged > 0 {
		t.Errorf("the check finds %+v %+v, %v", pages, checked, err)
	}
}

func equalCounts(t *testing.T, list string, got RestoredList, want []What) {
	t.Helper()
	counts := map[What]int{}
	for _, what := range want {
		counts[what]++
	}
	if !maps.Equal(got.Count, counts) || len(got.List) != len(want) {
		t.Errorf("%s: %v, want %v", list, got.Count, counts)
	}
}

// TestRestoreEnds: sessions, trust and codes that are waited for are gone, also
// where nothing is known of the present.
func TestRestoreEnds(t *testing.T) {
	for name, present := range map[string]bool{"present": true, "lost": false} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			id := store.AccountID{1}
			p.change(t, func(w *store.Writer) error {
				return errors.Join(
					w.PutAccount(&store.Account{Address: restoredAddress, ID: id}),
					w.PutSession(store.Session{ID: store.SessionID{1}, Account: id, Address: restoredAddress, Tag: [16]byte{1}, Stage: store.StageIn}),
					w.PutDevice(store.Device{ID: store.DeviceID{1}, Account: id, Tag: [16]byte{1}, Trusted: restoreNow, TrustedUntil: restoreNow.Add(time.Hour)}),
					w.PutChallenge(store.Challenge{ID: store.ChallengeID{1}, Account: id, Session: store.SessionID{9}, Purpose: store.PurposeBind, Number: "+8613812345678"}),
					w.PutHelpdeskCode(id, store.HelpdeskCode{Tag: [16]byte{1}, Until: restoreNow.Add(time.Hour)}))
			})
			backup := p.backup(t)
			if !present {
				if err := os.Remove(p.database); err != nil {
					t.Fatal(err)
				}
			}
			done, err := p.restore(t, backup)
			if err != nil || done.Sessions != 1 || done.Trusts != 1 || done.Codes != 2 {
				t.Fatalf("%+v, %v", done, err)
			}
			p.read(t, func(r *store.Reader) error {
				sessions, err := r.Sessions(id)
				device, err2 := r.Device(id, store.DeviceID{1})
				_, err3 := r.Challenge(id, store.SessionID{9}, store.PurposeBind)
				_, err4 := r.HelpdeskCode(id)
				if len(sessions) > 0 || device.TrustedAt(restoreNow) || !errors.Is(err3, store.ErrNoChallenge) || !errors.Is(err4, store.ErrNoHelpdeskCode) {
					t.Errorf("%v %v %v %v", sessions, device, err3, err4)
				}
				return errors.Join(err, err2)
			})
		})
	}
}

// eventsByRoot counts the events of a kind.
func eventsByRoot(r *store.Reader, kind store.EventKind) (int, error) {
	events, err := r.Events(store.EventQuery{Limit: 1000})
	n := 0
	for _, e := range events {
		if e.Kind == kind && e.Actor == "root" {
			n++
		}
	}
	return n, err
}

// TestRestoreOfAccounts: deleted ones stay deleted, those made anew under the
// same address too, and what was made since is lost.
func TestRestoreOfAccounts(t *testing.T) {
	p := newPlace(t)
	account := func(address string, id byte) *store.Account {
		return &store.Account{Address: address, ID: store.AccountID{id}}
	}
	p.change(t, func(w *store.Writer) error {
		return errors.Join(w.PutAccount(account("deleted@example.org", 1)), w.PutAccount(account("anew@example.org", 2)),
			w.PutAccount(account("stays@example.org", 3)), w.PutAccount(account("undeleted@example.org", 4)),
			w.PutPhone(store.AccountID{1}, store.Phone{Number: "+8613812345678"}))
	})
	backup := p.backup(t)
	p.change(t, func(w *store.Writer) error {
		return errors.Join(w.DeleteAccount(account("deleted@example.org", 1)), w.DeleteAccount(account("anew@example.org", 2)),
			w.DeleteAccount(account("undeleted@example.org", 4)), w.PutAccount(account("anew@example.org", 5)),
			w.PutAccount(account("made@example.org", 6)), w.PutEnforcementReached(restoreNow))
	})
	before, err := os.ReadFile(p.database)
	if err != nil {
		t.Fatal(err)
	}
	r := &Restore{Folder: p.folder, Backup: backup, Actor: "root", Now: restoreNow, Undelete: []string{"undeleted@example.org"}, DryRun: true}
	if _, err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(p.database); err != nil || !bytes.Equal(before, after) {
		t.Error("a dry run changed the database")
	}
	onlyOwnFiles(t, p.folder)
	r.DryRun = false
	done, err := r.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equalCounts(t, "again", done.Again, []What{KeptDeleted, KeptDeleted, KeptUndeleted, KeptEnforcement})
	equalCounts(t, "lost", done.Lost, []What{LostAccount, LostAccount})
	p.read(t, func(rd *store.Reader) error {
		list, err := rd.Accounts("", 10)
		if len(list) != 2 || list[0].Address != "stays@example.org" || list[0].Disabled || list[1].Address != "undeleted@example.org" || !list[1].Disabled {
			t.Errorf("%+v", list)
		}
		reached, err2 := rd.EnforcementReached()
		if !reached.Equal(restoreNow) {
			t.Errorf("reached %v", reached)
		}
		restored, err3 := eventsByRoot(rd, store.EventRestored)
		if restored != 1 {
			t.Errorf("%d events of the restore", restored)
		}
		return errors.Join(err, err2, err3)
	})
	if kept, err := os.ReadFile(done.Kept); err != nil || !bytes.Equal(kept, before) {
		t.Errorf("the old database is not kept: %v", err)
	}
	p.good(t)
}

// TestRestoreRefuses: nothing is changed, and nothing left.
func TestRestoreRefuses(t *testing.T) {
	p := newPlace(t)
	p.change(t, func(w *store.Writer) error {
		return w.PutAccount(&store.Account{Address: restoredAddress, ID: store.AccountID{1}})
	})
	snapshot := p.snapshot(t)
	whole, err := os.ReadFile(p.database)
	if err != nil {
		t.Fatal(err)
	}
	other := place{t.TempDir(), ""}
	other.database = filepath.Join(other.folder, DatabaseFile)
	if _, err := secret.CreateKeys(filepath.Join(other.folder, KeyFile), strings.NewReader(strings.Repeat("o", 32))); err != nil {
		t.Fatal(err)
	}
	other.change(t, func(w *store.Writer) error { return nil })
	var wrong *store.WrongKeyError
	var bad *BadBackupError
	for name, tt := range map[string]struct {
		backup *os.File
		as     any
	}{
		"another key": {other.backup(t), &wrong},
		"cut off":     {fileOf(t, snapshot[:len(snapshot)-4096]), &bad},
		"damaged":     {fileOf(t, bytes.ReplaceAll(whole, []byte("alice@"), []byte("alicf@"))), &bad},
		"empty":       {fileOf(t, nil), &bad},
		"no database": {fileOf(t, bytes.Repeat([]byte("x"), 10_000)), &bad},
	} {
		if _, err := p.restore(t, tt.backup); !errors.As(err, tt.as) {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := os.ReadFile(p.database); err != nil || !bytes.Equal(now, whole) {
			t.Errorf("%s: the database changed", name)
		}
		onlyOwnFiles(t, p.folder)
	}
	backup := p.backup(t)
	engine, err := boltkv.Open(p.database, boltkv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.restore(t, backup); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("beside a daemon: %v", err)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(p.folder, KeyFile)); err != nil {
		t.Fatal(err)
	}
	var noKey *NoKeyError
	keys, err := secret.NewKeys([32]byte(bytes.Repeat([]byte("k"), 32)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.restore(t, backup); !errors.As(err, &noKey) || noKey.Needs != keys.Generation() {
		t.Errorf("without a key: %v", err)
	}
}

// TestRestoreInPart: where the present database is damaged, what can be read
// counts, and the rest is named. What is missing from it may not have been deleted.
func TestRestoreInPart(t *testing.T) {
	p := newPlace(t)
	p.change(t, func(w *store.Writer) error {
		return errors.Join(w.PutAccount(&store.Account{Address: "a@example.org", ID: store.AccountID{1}}),
			w.PutAccount(&store.Account{Address: "b@example.org", ID: store.AccountID{2}}),
			w.PutAccount(&store.Account{Address: "c@example.org", ID: store.AccountID{3}}))
	})
	backup := p.backup(t)
	p.change(t, func(w *store.Writer) error {
		return errors.Join(w.PutAccount(&store.Account{Address: "a@example.org", ID: store.AccountID{1}, Disabled: true, MainHash: "find-me"}),
			w.PutAccount(&store.Account{Address: "b@example.org", ID: store.AccountID{2}, Disabled: true}),
			w.DeleteAccount(&store.Account{Address: "c@example.org", ID: store.AccountID{3}}))
	})
	p.spoil(t, "find-me")
	done, err := p.restore(t, backup)
	if err != nil {
		t.Fatal(err)
	}
	if done.Present != PresentInPart || done.Unknown.Total() != 2 {
		t.Errorf("%+v", done)
	}
	equalCounts(t, "again", done.Again, []What{KeptDisabled})
	p.read(t, func(r *store.Reader) error {
		list, err := r.Accounts("", 10)
		if len(list) != 3 || list[0].Disabled || !list[1].Disabled {
			t.Errorf("%+v", list)
		}
		return err
	})
}

// TestRestoreMigrates brings a backup of the first version up to date.
func TestRestoreMigrates(t *testing.T) {
	folder := t.TempDir()
	p := place{folder, filepath.Join(folder, DatabaseFile)}
	for from, to := range map[string]string{"version1.key": filepath.Join(folder, KeyFile), "version1.db": filepath.Join(folder, "old")} {
		content, err := os.ReadFile(filepath.Join("../store/testdata", from))
		if err := errors.Join(err, os.WriteFile(to, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(filepath.Join(folder, "old"))
	if err != nil {
		t.Fatal(err)
	}
	// The present one is as old: it is read, and kept as it is.
	if err := os.Rename(filepath.Join(folder, "old"), p.database); err != nil {
		t.Fatal(err)
	}
	done, err := p.restore(t, fileOf(t, old))
	if err != nil || done.Present != PresentRead {
		t.Fatalf("%+v, %v", done, err)
	}
	p.read(t, func(r *store.Reader) error {
		_, err := r.Account("bound@example.org")
		return err
	})
	p.good(t)
	if kept, err := os.ReadFile(done.Kept); err != nil || !bytes.Equal(kept, old) {
		t.Errorf("the old database was changed: %v", err)
	}
}

// TestRestoreIsCancelled leaves everything as it was.
func TestRestoreIsCancelled(t *testing.T) {
	p := newPlace(t)
	p.change(t, func(w *store.Writer) error {
		return w.PutAccount(&store.Account{Address: restoredAddress, ID: store.AccountID{1}})
	})
	backup := p.backup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&Restore{Folder: p.folder, Backup: backup, Actor: "root", Now: restoreNow}).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	onlyOwnFiles(t, p.folder)
	p.good(t)
}
