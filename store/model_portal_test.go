package store

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// modelPortal is what the model knows of one account's portal records.
type modelPortal struct {
	sessions   map[SessionID]Session
	devices    map[DeviceID]Device
	challenges map[modelChallenge]Challenge
	state      CodeState
	recovery   *RecoveryCodes
	helpdesk   *HelpdeskCode
	expected   *ExpectedPhone
	userdb     []UserdbField
	scram      *SCRAMKeys
}

type modelChallenge struct {
	session SessionID
	purpose Purpose
}

func newModelPortal() modelPortal {
	return modelPortal{sessions: map[SessionID]Session{}, devices: map[DeviceID]Device{}, challenges: map[modelChallenge]Challenge{}}
}

// modelBudget names a budget.
type modelBudget struct {
	kind    BudgetKind
	subject byte
	window  int // hours after t0
}

// portalActions are the model's steps on the portal's records.
func (m *storeModel) portalActions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"put session":     m.putSession,
		"end sessions":    m.endSessions,
		"use session":     m.useSession,
		"put device":      m.putDevice,
		"end trust":       m.endTrust,
		"put challenge":   m.putChallenge,
		"end challenges":  m.endChallenges,
		"count codes":     m.countCodes,
		"recovery codes":  m.recoveryCodes,
		"helpdesk code":   m.helpdeskCode,
		"expect phone":    m.expectPhone,
		"set userdb":      m.setUserdb,
		"SCRAM keys":      m.scramKeys,
		"drop SCRAM row":  m.dropSCRAMRow,
		"spend or refund": m.spend,
		"prune budgets":   m.pruneBudgets,
	}
}

var (
	smallIDs = rapid.ByteRange(1, 3) // few, so that they meet
	tags     = rapid.Custom(func(t *rapid.T) (tag [16]byte) {
		copy(tag[:], rapid.SliceOfN(rapid.ByteRange(1, 255), 16, 16).Draw(t, "tag"))
		return tag
	})
	numbers = rapid.SampledFrom([]string{"+8613800000001", "+8613800000002", "+14155552671"})
)

func (m *storeModel) putSession(t *rapid.T) {
	a := m.pick(t)
	x := Session{ID: SessionID{smallIDs.Draw(t, "id")}, Account: a.account.ID, Address: a.account.Address, Tag: tags.Draw(t, "tag"),
		Stage: Stage(rapid.ByteRange(1, 3).Draw(t, "stage")), Made: times.Draw(t, "made"), Seen: times.Draw(t, "seen"),
		Stepped: times.Draw(t, "stepped"), Helpdesk: rapid.Bool().Draw(t, "helpdesk"), Device: DeviceID{rapid.ByteRange(0, 3).Draw(t, "device")},
		Tries: rapid.Byte().Draw(t, "tries")}
	a.portal.sessions[x.ID] = x
	m.update(t, func(w *Writer) error { return w.PutSession(x) })
}

// endSessions ends one, all but one, or all.
func (m *storeModel) endSessions(t *rapid.T) {
	a := m.pick(t)
	id := SessionID{rapid.ByteRange(0, 3).Draw(t, "id")}
	one := rapid.Bool().Draw(t, "only this")
	goes := func(of SessionID) bool { return (of == id) == one }
	want := len(a.portal.sessions)
	maps.DeleteFunc(a.portal.sessions, func(of SessionID, _ Session) bool { return goes(of) })
	maps.DeleteFunc(a.portal.challenges, func(of modelChallenge, _ Challenge) bool { return goes(of.session) })
	m.update(t, func(w *Writer) error {
		if one {
			return w.DeleteSession(a.account.ID, id)
		}
		n, err := w.EndSessions(a.account.ID, id)
		if n != want-len(a.portal.sessions) {
			t.Fatalf("EndSessions = %d; want %d", n, want-len(a.portal.sessions))
		}
		return err
	})
}

func (m *storeModel) useSession(t *rapid.T) {
	a := m.pick(t)
	id, at := SessionID{smallIDs.Draw(t, "id")}, times.Draw(t, "time")
	if x, known := a.portal.sessions[id]; known && x.Seen.Before(at) {
		x.Seen = at
		a.portal.sessions[id] = x
	}
	use := Use{Address: a.account.Address, AccountID: a.account.ID, Credential: SessionCredential(id), LastUse: LastUse{Time: at}}
	if err := m.s.WriteMerged(ctx, nil, []Use{use}); err != nil {
		t.Fatal(err)
	}
}

func (m *storeModel) putDevice(t *rapid.T) {
	a := m.pick(t)
	d := Device{ID: DeviceID{smallIDs.Draw(t, "id")}, Account: a.account.ID, Tag: tags.Draw(t, "tag"), UserAgent: texts.Draw(t, "user agent"),
		First: times.Draw(t, "first"), Last: times.Draw(t, "last")}
	if rapid.Bool().Draw(t, "delete") {
		delete(a.portal.devices, d.ID)
		m.update(t, func(w *Writer) error { return w.DeleteDevice(a.account.ID, d.ID) })
		return
	}
	if rapid.Bool().Draw(t, "trust") {
		d.Trusted, d.TrustedUntil = t0, t0.Add(time.Hour)
	}
	a.portal.devices[d.ID] = d
	m.update(t, func(w *Writer) error { return w.PutDevice(d) })
}

func (m *storeModel) endTrust(t *rapid.T) {
	a, want := m.pick(t), 0
	for id, d := range a.portal.devices {
		if !d.TrustedUntil.IsZero() {
			want++
		}
		d.Trusted, d.TrustedUntil = time.Time{}, time.Time{}
		a.portal.devices[id] = d
	}
	m.update(t, func(w *Writer) error {
		n, err := w.EndTrust(a.account.ID)
		if n != want {
			t.Fatalf("EndTrust = %d; want %d", n, want)
		}
		return err
	})
}

func (m *storeModel) putChallenge(t *rapid.T) {
	a := m.pick(t)
	c := Challenge{ID: ChallengeID(tags.Draw(t, "id")), Account: a.account.ID, Session: SessionID{smallIDs.Draw(t, "session")},
		Purpose: Purpose(rapid.ByteRange(1, 4).Draw(t, "purpose")), Number: numbers.Draw(t, "number"), First: times.Draw(t, "first"),
		Last: times.Draw(t, "last"), Sendings: rapid.Byte().Draw(t, "sendings"), Tries: rapid.Byte().Draw(t, "tries")}
	key := modelChallenge{c.Session, c.Purpose}
	if rapid.Bool().Draw(t, "delete") {
		delete(a.portal.challenges, key)
		m.update(t, func(w *Writer) error { return w.DeleteChallenge(c.Account, c.Session, c.Purpose) })
		return
	}
	a.portal.challenges[key] = c
	m.update(t, func(w *Writer) error { return w.PutChallenge(c) })
}

func (m *storeModel) endChallenges(t *rapid.T) {
	a := m.pick(t)
	want := len(a.portal.challenges)
	clear(a.portal.challenges)
	m.update(t, func(w *Writer) error {
		n, err := w.EndChallenges(a.account.ID)
		if n != want {
			t.Fatalf("EndChallenges = %d; want %d", n, want)
		}
		return err
	})
}

func (m *storeModel) countCodes(t *rapid.T) {
	a := m.pick(t)
	x := CodeState{Wrong: rapid.ByteRange(0, 2).Draw(t, "wrong"), ClosedUntil: times.Draw(t, "closed until")}
	if n := rapid.IntRange(0, 3).Draw(t, "numbers"); n > 0 {
		x.Day, x.Numbers = t0, rapid.SliceOfN(tags, n, n).Draw(t, "tags")
	}
	a.portal.state = x
	m.update(t, func(w *Writer) error { return w.PutCodeState(a.account.ID, x) })
}

func (m *storeModel) recoveryCodes(t *rapid.T) {
	a := m.pick(t)
	if a.portal.recovery != nil && rapid.Bool().Draw(t, "delete") {
		a.portal.recovery = nil
		m.update(t, func(w *Writer) error { return w.DeleteRecoveryCodes(a.account.ID) })
		return
	}
	x := &RecoveryCodes{Made: times.Draw(t, "made")}
	for range rapid.IntRange(1, 10).Draw(t, "codes") {
		x.Codes = append(x.Codes, RecoveryCode{Tag: tags.Draw(t, "tag"), Used: times.Draw(t, "used")})
	}
	a.portal.recovery = x
	m.update(t, func(w *Writer) error { return w.PutRecoveryCodes(a.account.ID, *x) })
}

func (m *storeModel) helpdeskCode(t *rapid.T) {
	a := m.pick(t)
	x := &HelpdeskCode{Tag: tags.Draw(t, "tag"), Made: times.Draw(t, "made"), Until: times.Draw(t, "until"), Tries: 1, By: "root"}
	if x.Until.IsZero() {
		a.portal.helpdesk = nil
		m.update(t, func(w *Writer) error { return w.DeleteHelpdeskCode(a.account.ID) })
		return
	}
	a.portal.helpdesk = x
	m.update(t, func(w *Writer) error { return w.PutHelpdeskCode(a.account.ID, *x) })
}

func (m *storeModel) expectPhone(t *rapid.T) {
	a := m.pick(t)
	if a.portal.expected != nil && rapid.Bool().Draw(t, "delete") {
		a.portal.expected = nil
		m.update(t, func(w *Writer) error { return w.DeleteExpectedPhone(a.account.ID) })
		return
	}
	a.portal.expected = &ExpectedPhone{Number: numbers.Draw(t, "number"), Made: times.Draw(t, "made"), By: "root"}
	m.update(t, func(w *Writer) error { return w.PutExpectedPhone(a.account.ID, *a.portal.expected) })
}

func (m *storeModel) setUserdb(t *rapid.T) {
	a := m.pick(t)
	a.portal.userdb = nil
	for _, key := range []string{"gid", "home", "uid"} {
		if value := rapid.SampledFrom([]string{"", "5000", "/srv/%n"}).Draw(t, key); value != "" {
			a.portal.userdb = append(a.portal.userdb, UserdbField{key, value})
		}
	}
	m.update(t, func(w *Writer) error {
		return errors.Join(w.PutUserdb(&a.account, a.portal.userdb), w.PutAccount(&a.account))
	})
}

func (m *storeModel) scramKeys(t *rapid.T) {
	a := m.pick(t)
	k := &SCRAMKeys{Salt: rapid.SliceOfN(rapid.Byte(), minSCRAMSalt, maxSCRAMSalt).Draw(t, "salt"), Iterations: rapid.Uint32Min(1).Draw(t, "iterations"), Rows: []SCRAMRow{}}
	for range rapid.IntRange(0, 4).Draw(t, "rows") {
		k.Rows = append(k.Rows, SCRAMRow{AppPasswordID{smallIDs.Draw(t, "id")}, rapid.SliceOfN(rapid.Byte(), 1, maxSCRAMKeys).Draw(t, "keys")})
	}
	a.portal.scram = k
	m.update(t, func(w *Writer) error { return w.PutSCRAMKeys(a.account.ID, *k) })
}

// dropSCRAMRow deletes what hangs below an app password whose row in the account
// is not the store's business.
func (m *storeModel) dropSCRAMRow(t *rapid.T) {
	a, id := m.pick(t), AppPasswordID{smallIDs.Draw(t, "id")}
	if k := a.portal.scram; k != nil {
		k.Rows = slices.DeleteFunc(k.Rows, func(r SCRAMRow) bool { return r.ID == id })
	}
	m.update(t, func(w *Writer) error { return w.DeleteAppPassword(a.account.ID, id) })
}

func (m *storeModel) spend(t *rapid.T) {
	b := modelBudget{BudgetKind(rapid.ByteRange(1, 5).Draw(t, "kind")), smallIDs.Draw(t, "subject"), rapid.IntRange(0, 3).Draw(t, "window")}
	subject, window := [16]byte{b.subject}, t0.Add(time.Duration(b.window)*time.Hour)
	if rapid.Bool().Draw(t, "refund") {
		m.update(t, func(w *Writer) error { return w.Refund(b.kind, subject, window) })
		if m.spent[b]--; m.spent[b] <= 0 {
			delete(m.spent, b)
		}
		return
	}
	limit := rapid.IntRange(0, 3).Draw(t, "limit")
	m.update(t, func(w *Writer) error {
		ok, err := w.Spend(b.kind, subject, window, limit)
		if want := m.spent[b] < limit; ok != want {
			t.Fatalf("Spend with %d spent of %d = %v", m.spent[b], limit, ok)
		}
		return err
	})
	if m.spent[b] < limit {
		m.spent[b]++
	}
}

func (m *storeModel) pruneBudgets(t *rapid.T) {
	before, want := rapid.IntRange(0, 4).Draw(t, "before"), len(m.spent)
	maps.DeleteFunc(m.spent, func(b modelBudget, _ int) bool { return b.window < before })
	n, err := m.s.PruneBudgets(ctx, t0.Add(time.Duration(before)*time.Hour))
	if err != nil || n != want-len(m.spent) {
		t.Fatalf("PruneBudgets = %d, %v; want %d", n, err, want-len(m.spent))
	}
}

func (m *storeModel) comparePortal(t *rapid.T, r *Reader, acct AccountID, want *modelPortal) {
	sessions, err := r.Sessions(acct)
	if err != nil || !sameSet(sessions, want.sessions, func(x Session) SessionID { return x.ID }) {
		t.Fatalf("sessions %+v, %v; want %+v", sessions, err, want.sessions)
	}
	devices, err := r.Devices(acct)
	if err != nil || !sameSet(devices, want.devices, func(d Device) DeviceID { return d.ID }) {
		t.Fatalf("devices %+v, %v; want %+v", devices, err, want.devices)
	}
	for session := range byte(4) {
		for purpose := PurposeSignIn; purpose <= PurposeConfirm; purpose++ {
			c, err := r.Challenge(acct, SessionID{session}, purpose)
			x, known := want.challenges[modelChallenge{SessionID{session}, purpose}]
			optional(t, "challenge", c, err, ErrNoChallenge, known, x)
		}
	}
	state, err := r.CodeState(acct)
	if err != nil || !reflect.DeepEqual(state, want.state) {
		t.Fatalf("state of codes %+v, %v; want %+v", state, err, want.state)
	}
	recovery, err := r.RecoveryCodes(acct)
	optional(t, "recovery codes", recovery, err, ErrNoRecoveryCodes, want.recovery != nil, deref(want.recovery))
	helpdesk, err := r.HelpdeskCode(acct)
	optional(t, "helpdesk's code", helpdesk, err, ErrNoHelpdeskCode, want.helpdesk != nil, deref(want.helpdesk))
	expected, err := r.ExpectedPhone(acct)
	optional(t, "expected phone", expected, err, ErrNoExpectedPhone, want.expected != nil, deref(want.expected))
	userdb, err := r.Userdb(&Account{ID: acct, OwnUserdb: len(want.userdb) > 0})
	if err != nil || !slices.Equal(userdb, want.userdb) {
		t.Fatalf("userdb fields %+v, %v; want %+v", userdb, err, want.userdb)
	}
	scram, err := r.SCRAMKeys(acct)
	optional(t, "SCRAM keys", scram, err, ErrNoSCRAMKeys, want.scram != nil, deref(want.scram))
}

// optional compares a record that may not be there.
func optional[T any](t *rapid.T, what string, got T, err, none error, known bool, want T) {
	if !known && errors.Is(err, none) || known && err == nil && reflect.DeepEqual(got, want) {
		return
	}
	t.Fatalf("%s: %+v, %v; want %+v, there: %v", what, got, err, want, known)
}

func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}

func sameSet[K comparable, T comparable](list []T, want map[K]T, id func(T) K) bool {
	return len(list) == len(want) && !slices.ContainsFunc(list, func(x T) bool { return want[id(x)] != x })
}

// compareNumbers counts the accounts of each number, and lets Check look at the
// whole database.
func (m *storeModel) compareNumbers(t *rapid.T) {
	want := map[string]int{}
	for _, a := range m.want {
		if a.phone != nil {
			want[a.phone.Number]++
		}
	}
	checked, err := Check(testKeys(t), func(record func(key, value []byte)) {
		err := m.s.engine.View(ctx, func(r kv.Reader) error {
			return r.Scan(nil, nil, func(key, value []byte) error { record(key, value); return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	if err != nil || checked.Damaged != 0 || checked.Records[RecordNumberListing] != len(want) || checked.Records[RecordBudget] != len(m.spent) {
		t.Fatalf("the check finds %+v, %v; want %d numbers and %d budgets", checked, err, len(want), len(m.spent))
	}
	err = m.s.View(ctx, func(r *Reader) error {
		for i := range 5 {
			number := fmt.Sprintf("+86%011d", i)
			if n, err := r.NumberAccounts(number); err != nil || n != want[number] {
				t.Fatalf("%s is bound to %d accounts, %v; want %d", number, n, err, want[number])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
