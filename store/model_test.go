package store

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
)

// TestModel runs random operations on all records but events against the store
// and a plain model of it.
func TestModel(t *testing.T) {
	t.Run("memkv", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) { runModel(t, memkv.New(), nil) })
	})
	t.Run("boltkv", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "model.db")
		opts := boltkv.Options{NoSync: true, PageSize: 1024}
		rapid.Check(t, func(t *rapid.T) {
			e, err := boltkv.Open(path, opts)
			if err != nil {
				t.Fatal(err)
			}
			defer os.Remove(path)
			runModel(t, e, func() (kv.Engine, error) { return boltkv.Open(path, opts) })
		})
	})
}

// modelAccount is what the model knows of one account.
type modelAccount struct {
	account Account
	apps    map[AppPasswordID]AppPassword
	phone   *Phone
	except  *Exception
	uses    map[string]LastUse
	portal  modelPortal
	aliases map[string]Alias
}

type storeModel struct {
	s      *Store
	reopen func() (kv.Engine, error)
	want   map[string]*modelAccount
	gone   []AccountID // ids of deleted accounts: nothing may hang below them
	spent  map[modelBudget]int
}

func runModel(t *rapid.T, e kv.Engine, reopen func() (kv.Engine, error)) {
	s, err := Open(ctx, e, testKeys(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := &storeModel{s: s, reopen: reopen, want: map[string]*modelAccount{}, spent: map[modelBudget]int{}}
	defer func() {
		if err := m.s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}()
	actions := m.portalActions()
	maps.Copy(actions, map[string]func(*rapid.T){
		"":                  m.compare,
		"create":            m.create,
		"change":            m.change,
		"delete":            m.delete,
		"make app password": m.makeAppPassword,
		"end app password":  m.endAppPassword,
		"bind or unbind":    m.phone,
		"except":            m.except,
		"use":               m.use,
		"alias":             m.alias,
		"fail":              m.fail,
		"reopen":            m.reopenStore,
	})
	t.Repeat(actions)
}

var (
	addresses = rapid.SampledFrom([]string{"a@x.org", "b@x.org", "a@x.or", "aa@x.org", "长@x.org"})
	times     = rapid.Custom(func(t *rapid.T) time.Time {
		return fromSeconds(rapid.Int64Range(-5, 4e9).Draw(t, "seconds"))
	})
	texts = rapid.StringN(0, 20, 60)
)

// pick draws an account that exists, and makes one if none does: rapid gives up on
// a state from which a hundred actions in a row were skipped.
func (m *storeModel) pick(t *rapid.T) *modelAccount {
	if len(m.want) == 0 {
		m.create(t)
	}
	return m.want[rapid.SampledFrom(slices.Sorted(maps.Keys(m.want))).Draw(t, "account")]
}

func (m *storeModel) update(t *rapid.T, fn func(w *Writer) error) {
	if err := m.s.Update(ctx, fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func (m *storeModel) create(t *rapid.T) {
	address, hash := addresses.Draw(t, "address"), texts.Draw(t, "hash")
	var made *Account
	err := m.s.Update(ctx, func(w *Writer) (err error) { made, err = w.CreateAccount(address, hash); return err })
	if m.aliased(address) != nil {
		if !errors.Is(err, ErrAliasExists) {
			t.Fatalf("CreateAccount of an alias = %v", err)
		}
		return
	}
	if _, exists := m.want[address]; exists {
		if !errors.Is(err, ErrAccountExists) {
			t.Fatalf("CreateAccount of one that exists = %v", err)
		}
		return
	}
	if err != nil || slices.Contains(m.gone, made.ID) {
		t.Fatalf("CreateAccount = %v, %v", made, err)
	}
	m.want[address] = &modelAccount{account: *made, apps: map[AppPasswordID]AppPassword{}, uses: map[string]LastUse{},
		portal: newModelPortal(), aliases: map[string]Alias{}}
}

func (m *storeModel) change(t *rapid.T) {
	a := m.pick(t)
	a.account.Disabled = rapid.Bool().Draw(t, "disabled")
	a.account.MainHash = texts.Draw(t, "hash")
	m.update(t, func(w *Writer) error { return w.PutAccount(&a.account) })
}

func (m *storeModel) delete(t *rapid.T) {
	a := m.pick(t)
	m.update(t, func(w *Writer) error { return w.DeleteAccount(&a.account) })
	delete(m.want, a.account.Address)
	m.gone = append(m.gone, a.account.ID)
}

func (m *storeModel) makeAppPassword(t *rapid.T) {
	a := m.pick(t)
	id, err := NewAppPasswordID(m.s.rand)
	if err != nil {
		t.Fatal(err)
	}
	// Made ascends so that the order of the list is known.
	p := AppPassword{ID: id, Name: texts.Draw(t, "name"), Made: t0.Add(time.Duration(len(a.apps)) * time.Second),
		MadeBy: "owner", Scopes: Scopes(rapid.Uint8().Draw(t, "scopes")), Expires: times.Draw(t, "expires"), State: Live}
	var letters [16]byte
	copy(letters[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "letters"))
	row := AppPasswordRow{ID: id, Tag: m.s.keys.AppPasswordTag(a.account.ID, letters), Scopes: p.Scopes, State: Live, Expires: p.Expires}
	a.account.AppPasswords = append(a.account.AppPasswords, row)
	a.apps[id] = p
	m.update(t, func(w *Writer) error {
		return errors.Join(w.PutAccount(&a.account), w.PutAppPassword(a.account.ID, p))
	})
}

func (m *storeModel) endAppPassword(t *rapid.T) {
	a := m.pick(t)
	if len(a.account.AppPasswords) == 0 {
		t.Skip("none")
	}
	row := &a.account.AppPasswords[rapid.IntRange(0, len(a.account.AppPasswords)-1).Draw(t, "row")]
	p := a.apps[row.ID]
	p.Ended, p.EndedBy, p.State = times.Draw(t, "ended"), "root", Revoked
	row.State, a.apps[row.ID] = Revoked, p
	m.update(t, func(w *Writer) error {
		return errors.Join(w.PutAccount(&a.account), w.PutAppPassword(a.account.ID, p))
	})
}

func (m *storeModel) phone(t *rapid.T) {
	a := m.pick(t)
	if a.phone != nil && rapid.Bool().Draw(t, "unbind") {
		a.phone, a.account.Bound = nil, time.Time{}
		m.update(t, func(w *Writer) error {
			return errors.Join(w.PutAccount(&a.account), w.DeletePhone(a.account.ID))
		})
		return
	}
	at := times.Draw(t, "bound")
	a.phone, a.account.Bound = &Phone{Number: fmt.Sprintf("+86%011d", rapid.IntRange(0, 4).Draw(t, "number")), Bound: at, BoundBy: "owner"}, at
	m.update(t, func(w *Writer) error {
		return errors.Join(w.PutAccount(&a.account), w.PutPhone(a.account.ID, *a.phone))
	})
}

func (m *storeModel) except(t *rapid.T) {
	a := m.pick(t)
	x := &Exception{Until: times.Draw(t, "until"), Reason: texts.Draw(t, "reason"), By: "root", Made: t0}
	if x.Until.IsZero() {
		a.except, a.account.ExemptUntil = nil, time.Time{}
		m.update(t, func(w *Writer) error {
			return errors.Join(w.PutAccount(&a.account), w.DeleteException(a.account.ID))
		})
		return
	}
	a.except, a.account.ExemptUntil = x, x.Until
	m.update(t, func(w *Writer) error {
		return errors.Join(w.PutAccount(&a.account), w.PutException(a.account.ID, *x))
	})
}

func (m *storeModel) use(t *rapid.T) {
	a := m.pick(t)
	credential := MainCredential(a.account.ID)
	if n := len(a.account.AppPasswords); n > 0 && rapid.Bool().Draw(t, "app") {
		credential = a.account.AppPasswords[n-1].ID.String()
	}
	u := LastUse{Time: times.Draw(t, "time"), Service: texts.Draw(t, "service"), ClientID: texts.Draw(t, "client")}
	uses := []Use{{Address: a.account.Address, AccountID: a.account.ID, Credential: credential, LastUse: u}}
	for _, id := range m.gone { // stamps of accounts that are gone change nothing
		uses = append(uses, Use{Address: a.account.Address, AccountID: id, Credential: MainCredential(id), LastUse: u})
	}
	if err := m.s.WriteMerged(ctx, nil, uses); err != nil {
		t.Fatal(err)
	}
	a.uses[credential] = u
}

// aliased returns the account that has the alias, or nil.
func (m *storeModel) aliased(name string) *modelAccount {
	for _, a := range m.want {
		if _, has := a.aliases[name]; has {
			return a
		}
	}
	return nil
}

// alias gives an account another name, or takes it.
func (m *storeModel) alias(t *rapid.T) {
	a := m.pick(t)
	x := Alias{Name: addresses.Draw(t, "name"), Made: times.Draw(t, "made"), By: "root"}
	remove := rapid.Bool().Draw(t, "remove")
	err := m.s.Update(ctx, func(w *Writer) error {
		if remove {
			return errors.Join(w.DeleteAlias(a.account.ID, x.Name), w.PutAccount(&a.account))
		}
		return errors.Join(w.AddAlias(&a.account, x), w.PutAccount(&a.account))
	})
	_, has := a.aliases[x.Name]
	var want error
	switch {
	case remove && !has:
		want = ErrNoAlias
	case !remove && m.want[x.Name] != nil:
		want = ErrAccountExists
	case !remove && m.aliased(x.Name) != nil:
		want = ErrAliasExists
	case remove:
		delete(a.aliases, x.Name)
	default:
		a.aliases[x.Name] = x
	}
	if !errors.Is(err, want) {
		t.Fatalf("alias %s, removed %v: %v; want %v", x.Name, remove, err, want)
	}
}

// fail changes much and then fails.
func (m *storeModel) fail(t *rapid.T) {
	a := m.pick(t)
	mine := errors.New("mine")
	err := m.s.Update(ctx, func(w *Writer) error {
		_, err := w.CreateAccount("new@x.org", "")
		return errors.Join(err, w.DeletePhone(a.account.ID), w.DeleteAccount(&a.account), mine)
	})
	if !errors.Is(err, mine) {
		t.Fatalf("Update = %v", err)
	}
}

func (m *storeModel) reopenStore(t *rapid.T) {
	if m.reopen == nil {
		t.Skip("keeps nothing")
	}
	if err := m.s.Close(); err != nil {
		t.Fatal(err)
	}
	e, err := m.reopen()
	if err != nil {
		t.Fatal(err)
	}
	if m.s, err = Open(ctx, e, testKeys(t), Options{}); err != nil {
		t.Fatal(err)
	}
}

// compare reads everything and compares it with the model.
func (m *storeModel) compare(t *rapid.T) {
	err := m.s.View(ctx, func(r *Reader) error {
		page, err := r.Accounts("", 1000)
		if err != nil || len(page) != len(m.want) {
			t.Fatalf("%d accounts, %v; want %d", len(page), err, len(m.want))
		}
		for _, got := range page {
			m.compareAccount(t, r, got)
		}
		for _, id := range m.gone {
			n := 0
			err := r.kv.Scan(belowPrefix(id), nil, func(_, _ []byte) error { n++; return nil })
			if n != 0 || err != nil {
				t.Fatalf("%d records hang below an account that is gone, %v", n, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("View: %v", err)
	}
	m.compareNumbers(t)
	for _, address := range []string{"a@x.org", "aa@x.org", "zz@x.org"} {
		got, err := m.s.Account(ctx, address)
		want := m.want[address]
		if want == nil {
			want = m.aliased(address)
		}
		if want == nil && !errors.Is(err, ErrNoAccount) || want != nil && !sameAccount(got, &want.account) {
			t.Fatalf("Account(%s) = %+v, %v", address, got, err)
		}
		got, keys, err := m.s.SCRAM(ctx, address)
		if want == nil && !errors.Is(err, ErrNoAccount) ||
			want != nil && (err != nil || !sameAccount(got, &want.account) || !reflect.DeepEqual(keys, deref(want.portal.scram))) {
			t.Fatalf("SCRAM(%s) = %+v, %v, %v", address, got, keys, err)
		}
	}
}

func (m *storeModel) compareAccount(t *rapid.T, r *Reader, got *Account) {
	want := m.want[got.Address]
	if want == nil || !sameAccount(got, &want.account) {
		t.Fatalf("account %+v; want %+v", got, want)
	}
	apps, err := r.AppPasswords(got.ID)
	if err != nil || len(apps) != len(want.apps) {
		t.Fatalf("%d app passwords, %v; want %d", len(apps), err, len(want.apps))
	}
	for i, p := range apps {
		if p != want.apps[p.ID] || got.AppPasswords[i].ID != p.ID {
			t.Fatalf("app password %+v; want %+v", p, want.apps[p.ID])
		}
	}
	phone, err := r.Phone(got.ID)
	if none := errors.Is(err, ErrNoPhone); none != (want.phone == nil) || !none && (err != nil || phone != *want.phone) {
		t.Fatalf("phone %+v, %v; want %+v", phone, err, want.phone)
	}
	x, err := r.Exception(got.ID)
	if none := errors.Is(err, ErrNoException); none != (want.except == nil) || !none && (err != nil || x != *want.except) {
		t.Fatalf("exception %+v, %v; want %+v", x, err, want.except)
	}
	uses, err := r.LastUses(got.ID)
	if err != nil || !maps.Equal(uses, want.uses) {
		t.Fatalf("last uses %v, %v; want %v", uses, err, want.uses)
	}
	aliases, err := r.Aliases(got.ID)
	if err != nil || len(aliases) != len(want.aliases) {
		t.Fatalf("aliases %v, %v; want %v", aliases, err, want.aliases)
	}
	for _, x := range aliases {
		if x != want.aliases[x.Name] {
			t.Fatalf("alias %+v; want %+v", x, want.aliases[x.Name])
		}
	}
	m.comparePortal(t, r, got.ID, &want.portal)
}

func sameAccount(a, b *Account) bool {
	return a != nil && reflect.DeepEqual(a, b)
}
