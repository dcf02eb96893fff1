package policy_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// proving is an exchange of SCRAM between somebody else's client and the policy.
type proving struct {
	w       *world
	attempt *policy.Attempt
	before  func() // called between the client's two messages
	salt    sasl.Salt
	verdict *policy.Verdict
}

var _ sasl.Env = (*proving)(nil)

func (p *proving) Salt(name, _ string) (sasl.Salt, bool) {
	var ended *policy.Verdict
	p.salt, ended = p.w.policy.Salt(p.w.t.Context(), p.attempt, name)
	p.verdict = ended
	return p.salt, ended == nil
}

func (p *proving) Got(a sasl.Attempt) {
	p.attempt.Proof = a.Proof
	v := p.w.policy.Decide(p.w.t.Context(), p.attempt)
	p.verdict = &v
}

func (*proving) PlusOffered() bool { return false }
func (*proving) AskBinding(string) {}
func (*proving) Binding() []byte   { return nil }

// prove lets a client log in. A client that is accepted must find that the server
// knows its password too; nobody else is told anything.
func (p *proving) prove(sent, password string) policy.Verdict {
	p.w.t.Helper()
	made, err := scram.SHA256.NewClient(sent, password, "")
	if err != nil {
		p.w.t.Fatal(err)
	}
	client := made.NewConversation()
	first, _ := client.Step("")
	server := sasl.Mechanisms()[2].New(p)
	challenge, _, err := server.Next([]byte(first))
	if p.verdict != nil {
		return *p.verdict
	}
	if err != nil {
		p.w.t.Fatal(err)
	}
	if p.before != nil {
		p.before()
	}
	final, err := client.Step(string(challenge))
	if err != nil {
		p.w.t.Fatal(err)
	}
	if _, done, err := server.Next([]byte(final)); err != nil || !done || p.verdict == nil {
		p.w.t.Fatal(done, err)
	}
	if (p.verdict.Final != nil) != (p.verdict.Outcome == store.Accepted) {
		p.w.t.Errorf("the server's last message: %q of %+v", p.verdict.Final, *p.verdict)
	}
	if p.verdict.Outcome == store.Accepted {
		if _, err := client.Step(string(p.verdict.Final)); err != nil || !client.Valid() {
			p.w.t.Errorf("the client refuses the server: %v", err)
		}
	}
	return *p.verdict
}

func (w *world) scram(who, password string) policy.Verdict {
	w.t.Helper()
	p := &proving{w: w, attempt: attempt(who, "")}
	p.attempt.Secret = secret.Secret{}
	return p.prove(who, password)
}

// keyed derives SCRAM keys for the account's app passwords: forms by id.
func (w *world) keyed(forms map[byte]string) {
	w.t.Helper()
	salt := w.keys.SCRAMSalt(address)
	k := store.SCRAMKeys{Salt: salt[:], Iterations: sasl.SCRAMIterations}
	for id, grouped := range forms {
		letters, _ := secret.FoldAppPassword(grouped)
		row := store.SCRAMRow{ID: store.AppPasswordID{id}}
		for _, form := range []string{string(letters[:]), grouped} {
			key, err := sasl.DeriveSCRAM(form, salt[:], sasl.SCRAMIterations)
			if err != nil {
				w.t.Fatal(err)
			}
			row.Keys = append(row.Keys, key[:]...)
		}
		k.Rows = append(k.Rows, row)
	}
	err := w.store.Update(w.t.Context(), func(tx *store.Writer) error {
		a, err := tx.Account(address)
		if err != nil {
			return err
		}
		return errors.Join(tx.PutSCRAMKeys(a.ID, k), tx.PutAccount(a))
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestSCRAMMatrix walks the matrix of who gets in by SCRAM: account × secret. The
// column of the main password is always "no".
func TestSCRAMMatrix(t *testing.T) {
	type want struct {
		outcome store.Outcome
		reason  store.Reason
		counted bool
	}
	var (
		no       = want{store.Rejected, store.ReasonWrongSecret, true}
		unknown  = want{store.Rejected, store.ReasonUnknownAccount, true}
		disabled = want{store.Rejected, store.ReasonDisabled, false}
		open     = map[string]want{
			"main": no, "wrong": no, "keyless": no, "live": {store.Accepted, store.ReasonAppPassword, false}, "live, letters": {store.Accepted, store.ReasonAppPassword, false},
			"scope": {store.Rejected, store.ReasonScope, false}, "revoked": {store.Rejected, store.ReasonRevoked, false},
			"made before": {store.Rejected, store.ReasonRevoked, false}, "expired": {store.Rejected, store.ReasonExpired, false},
			"past": {store.Rejected, store.ReasonExpired, false}, "rowless": no,
		}
	)
	for _, tc := range []struct {
		account string
		edit    func(*world, *store.Account) // nil: there is none
		want    map[string]want
	}{
		{"no phone", func(*world, *store.Account) {}, open},
		{"phone bound", func(w *world, a *store.Account) { a.Bound = w.now }, open},
		{"enforced", func(*world, *store.Account) {}, open},
		{"excepted", func(w *world, a *store.Account) { a.ExemptUntil = w.now.Add(time.Hour) }, open},
		{"without a main password", func(_ *world, a *store.Account) { a.MainHash = "" }, open},
		{"disabled", func(_ *world, a *store.Account) { a.Disabled = true }, map[string]want{"main": no, "wrong": no, "keyless": no, "live": disabled,
			"live, letters": disabled, "scope": disabled, "revoked": disabled, "made before": disabled, "expired": disabled, "past": disabled, "rowless": no}},
		{"unknown", nil, map[string]want{"main": unknown, "live": unknown, "revoked": unknown, "wrong": unknown}},
	} {
		t.Run(tc.account, func(t *testing.T) {
			w := newWorld(t)
			w.policy.SetRules(policy.Rules{Enforced: func(string, time.Time) bool { return tc.account == "enforced" || tc.account == "excepted" }})
			secrets := map[string]string{"main": right, "wrong": "wrong horse battery", "rowless": "abcd efgh jkmn pqrs",
				"live":        w.appPassword(1, store.ScopeIMAP, nil),
				"scope":       w.appPassword(2, store.ScopeSMTP|store.ScopePOP3, nil),
				"revoked":     w.appPassword(3, store.ScopeAll, func(r *store.AppPasswordRow) { r.State = store.Revoked }),
				"made before": w.appPassword(4, store.ScopeAll, func(r *store.AppPasswordRow) { r.State = store.MadeBeforeBinding }),
				"expired":     w.appPassword(5, store.ScopeAll, func(r *store.AppPasswordRow) { r.State = store.Expired }),
				"past":        w.appPassword(6, store.ScopeAll, func(r *store.AppPasswordRow) { r.Expires = w.now }),
				"keyless":     w.appPassword(7, store.ScopeAll, nil), // made before there were keys
			}
			w.keyed(map[byte]string{1: secrets["live"], 2: secrets["scope"], 3: secrets["revoked"], 4: secrets["made before"],
				5: secrets["expired"], 6: secrets["past"], 99: secrets["rowless"]})
			letters, _ := secret.FoldAppPassword(secrets["live"])
			secrets["live, letters"] = string(letters[:])
			who := address
			if tc.edit == nil {
				who = "nobody@example.org"
			} else {
				w.change(func(a *store.Account) { tc.edit(w, a) })
			}
			for name, want := range tc.want {
				w.now = w.now.Add(24 * time.Hour) // each is the first of its day
				w.change(func(a *store.Account) {
					if !a.ExemptUntil.IsZero() {
						a.ExemptUntil = w.now.Add(time.Hour)
					}
				})
				v := w.scram(who, secrets[name])
				if got := (struct {
					outcome store.Outcome
					reason  store.Reason
					counted bool
				}{v.Outcome, v.Reason, v.Counted}); got != want {
					t.Errorf("%s: got %+v, want %+v", name, got, want)
				}
				if v.Known != (tc.edit != nil) || v.Name != who {
					t.Errorf("%s: known %v, name %q", name, v.Known, v.Name)
				}
				if app := v.Login.AppPassword; (app != store.AppPasswordID{}) != (want.reason != store.ReasonWrongSecret && tc.edit != nil) {
					t.Errorf("%s: app password %v", name, app)
				}
				if v.Outcome == store.Accepted {
					if again := w.policy.Again(t.Context(), v.Login); again.Outcome != store.Accepted {
						t.Errorf("%s: asked again: %+v", name, again)
					}
				}
			}
			if n := w.hasher.Matches(); n != 0 {
				t.Errorf("%d passwords were hashed", n)
			}
			w.hasher.SetFull(true) // no room is needed
			if v := w.scram(who, secrets["live"]); v.Reason != tc.want["live"].reason {
				t.Errorf("with no room to hash: %+v", v)
			}
		})
	}
}

// TestSCRAMUndecided: a store that cannot answer, for either message.
func TestSCRAMUndecided(t *testing.T) {
	for reason, broken := range map[store.Reason]error{
		store.ReasonStoreUnavailable: errors.New("disk on fire"), store.ReasonDamaged: store.ErrDamaged,
	} {
		w := newWorld(t)
		app := w.appPassword(1, store.ScopeAll, nil)
		w.keyed(map[byte]string{1: app})
		p := &proving{w: w, attempt: attempt(address, ""), before: func() { w.broken = broken }}
		if v := p.prove(address, app); v.Outcome != store.Undecided || v.Reason != reason || v.Counted {
			t.Errorf("at the proof: %+v", v)
		}
		if v := w.scram(address, app); v.Outcome != store.Undecided || v.Reason != reason || v.Counted {
			t.Errorf("at the salt: %+v", v)
		}
	}
}

// TestSCRAMRevokedMeanwhile: what counts is the account at the proof.
func TestSCRAMRevokedMeanwhile(t *testing.T) {
	w := newWorld(t)
	app := w.appPassword(1, store.ScopeAll, nil)
	w.keyed(map[byte]string{1: app})
	p := &proving{w: w, attempt: attempt(address, ""), before: func() {
		w.change(func(a *store.Account) { a.AppPasswords[0].State = store.Revoked })
	}}
	if v := p.prove(address, app); v.Reason != store.ReasonRevoked || v.Counted {
		t.Errorf("%+v", v)
	}
}

// TestSCRAMRefusedUnread: as with a password, before any look-up, and before
// anything is told.
func TestSCRAMRefusedUnread(t *testing.T) {
	w := newWorld(t)
	w.change(func(*store.Account) {})
	w.reads = 0
	a := attempt(address, "")
	a.Authz = "boss@example.org"
	if _, v := w.policy.Salt(t.Context(), a, address); v == nil || v.Reason != store.ReasonAuthz || v.Counted {
		t.Errorf("another's name: %+v", v)
	}
	w.policy.SetRules(policy.Rules{RequireSecured: true})
	a = attempt(address, "")
	a.Secured = false
	if _, v := w.policy.Salt(t.Context(), a, address); v == nil || v.Reason != store.ReasonUnsecured {
		t.Errorf("in the clear: %+v", v)
	}
	if w.reads != 0 {
		t.Errorf("the account was read %d times", w.reads)
	}
}

// TestSCRAMSalts: a name has one salt for ever, whether or not there is such an
// account, and whether or not it has app passwords; no two names have the same.
func TestSCRAMSalts(t *testing.T) {
	w := newWorld(t)
	salt := func(name, sent string) sasl.Salt {
		t.Helper()
		got, v := w.policy.Salt(t.Context(), attempt(name, ""), sent)
		if v != nil || len(got.Salt) != 16 || got.Iterations != 4096 {
			t.Fatalf("%q: %+v, %+v", sent, got, v)
		}
		return got
	}
	before := salt(address, "Zhang@Example.org")
	for _, made := range []func(){
		func() { w.change(func(*store.Account) {}) },
		func() { w.keyed(map[byte]string{1: w.appPassword(1, store.ScopeAll, nil)}) },
		func() { w.change(func(a *store.Account) { a.Disabled = true }) },
	} {
		made()
		if after := salt(address, address); !bytes.Equal(after.Salt, before.Salt) {
			t.Errorf("the salt changes: %x, %x", before.Salt, after.Salt)
		}
	}
	var all [][]byte
	for _, name := range [][2]string{{address, address}, {"nobody@example.org", "nobody@example.org"}, {"", "a@b@c"}, {"", "nobody"}} {
		s, again := salt(name[0], name[1]).Salt, salt(name[0], name[1]).Salt
		if !bytes.Equal(s, again) || slices.ContainsFunc(all, func(other []byte) bool { return bytes.Equal(s, other) }) {
			t.Errorf("%q has the salt %x", name[1], s)
		}
		all = append(all, s)
	}

	// Another salt that the account was given stays its own.
	err := w.store.Update(t.Context(), func(tx *store.Writer) error {
		a, err := tx.Account(address)
		if err != nil {
			return err
		}
		return tx.PutSCRAMKeys(a.ID, store.SCRAMKeys{Salt: []byte("sixteen bytes of"), Iterations: 4096})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := salt(address, address); string(got.Salt) != "sixteen bytes of" {
		t.Errorf("own salt: %x", got.Salt)
	}
}

// TestSCRAMCountsOnceADay: what was refused is not told, so one refusal of a name
// and network is counted, and others of theirs are not.
func TestSCRAMCountsOnceADay(t *testing.T) {
	w := newWorld(t)
	w.change(func(*store.Account) {})
	for i, counted := range []bool{true, false, false} {
		if v := w.scram(address, string(rune('a'+i))); v.Counted != counted {
			t.Errorf("try %d: %+v", i, v)
		}
	}
	if v := w.scram("nobody@example.org", "a"); !v.Counted {
		t.Errorf("another name: %+v", v)
	}
	if v := w.policy.Decide(t.Context(), attempt(address, "a")); !v.Counted {
		t.Errorf("a password told: %+v", v)
	}
	w.now = w.now.Add(24 * time.Hour)
	if v := w.scram(address, "a"); !v.Counted {
		t.Errorf("a day later: %+v", v)
	}
}
