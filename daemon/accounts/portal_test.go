package accounts

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/sms"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/kv"
)

const (
	bob    = "bob@example.org"
	phoneA = "+8613812345678"
	phoneB = "+8613987654321"
	phoneC = "+8613712345678"
	phoneD = "+8613612345678"
)

// phones stands in for the sender and for everybody's phone.
type phones struct {
	mu   sync.Mutex // guards sent
	sent []sms.Message
	do   func() error // in the place of sending, if set
}

func (p *phones) Send(_ context.Context, m sms.Message) error {
	p.mu.Lock()
	do := p.do
	p.mu.Unlock()
	if do != nil {
		if err := do(); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, m)
	return nil
}

// last is the newest message.
func (p *phones) last() sms.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sent) == 0 {
		return sms.Message{}
	}
	return p.sent[len(p.sent)-1]
}

func (p *phones) code() string {
	m := p.last()
	return string(m.Code[:])
}

// otherCode is six digits that are not code.
func otherCode(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

// home is a browser; each call has the same address.
func home() Browser {
	return Browser{Addr: netip.MustParseAddr("192.0.2.7"), Network: netip.MustParsePrefix("192.0.2.7/32"),
		UserAgent: "Mozilla/5.0 (home)", Language: "en"}
}

// pass moves the clock.
func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }

func (w *world) signInAs(address, device string) (Entered, error) {
	w.t.Helper()
	a, err := w.Store.Account(w.t.Context(), address)
	w.must(err)
	return w.StartSession(w.t.Context(), SignIn{Address: a.Address, Account: a.ID, Fingerprint: a.MainFingerprint(), Browser: home(), Device: device})
}

// signIn is a session after the main password.
func (w *world) signIn(address string) Entered {
	w.t.Helper()
	e, err := w.signInAs(address, "")
	w.must(err)
	return e
}

// addBound adds an account with a phone.
func (w *world) addBound(address, number string) {
	w.t.Helper()
	w.add(address)
	_, err := w.BindPhone(w.t.Context(), admin, address, number)
	w.must(err)
}

func (w *world) ask(in Session, p store.Purpose, number string) Challenge {
	w.t.Helper()
	c, err := w.SendCode(w.t.Context(), in, p, number, home())
	w.must(err)
	return c
}

func (w *world) enter(in Session, p store.Purpose, code string) (Entered, error) {
	return w.EnterCode(w.t.Context(), in, Entry{Purpose: p, Code: code, Browser: home()})
}

// inside is a session that has just passed both steps.
func (w *world) inside(address string) Entered {
	w.t.Helper()
	return w.insideOf(w.signIn(address), false)
}

// insideOf passes the second step in a session, if there is one.
func (w *world) insideOf(e Entered, trust bool) Entered {
	w.t.Helper()
	if e.Session.Stage == store.StageIn {
		return e
	}
	w.ask(e.Session, store.PurposeSignIn, "")
	e, err := w.EnterCode(w.t.Context(), e.Session, Entry{Purpose: store.PurposeSignIn, Code: w.phone.code(), Trust: trust, Browser: home()})
	w.must(err)
	return e
}

// find is a session by its cookie, as the portal looks for it.
func (w *world) find(e Entered) (Session, error) {
	return w.Session(w.t.Context(), e.Cookie.Value, home())
}

// told wants an error of a kind, and is it with its texts.
func (w *world) told(err, kind error) *Error {
	w.t.Helper()
	var own *Error
	if !errors.Is(err, kind) || !errors.As(err, &own) {
		w.t.Fatalf("error = %v, want %v", err, kind)
	}
	if own.Sentence == "" || own.Sentence != strings.TrimRight(own.Sentence, ".") {
		w.t.Errorf("%v: sentence = %q", kind, own.Sentence)
	}
	return own
}

// logins lists the verdicts on second steps, oldest first.
func (w *world) logins() string {
	w.t.Helper()
	page, err := w.Events(w.t.Context(), EventQuery{Address: alice})
	w.must(err)
	var list []string
	for _, e := range slices.Backward(page) {
		if e.Kind == store.EventLogin {
			list = append(list, e.Mechanism+" "+string(e.Reason))
			if e.Service != "portal" || e.Addr != home().Addr || e.Network != home().Network || e.AccountID.IsZero() {
				w.t.Errorf("event = %+v", e)
			}
		}
	}
	return strings.Join(list, ", ")
}

// dump is every record but the events.
func (w *world) dump() map[string]string {
	w.t.Helper()
	all := make(map[string]string)
	w.must(w.engine.View(w.t.Context(), func(r kv.Reader) error {
		return r.Scan(nil, nil, func(key, value []byte) error {
			if key[0] != 'e' && key[0] != 'o' {
				all[string(key)] = string(value)
			}
			return nil
		})
	}))
	return all
}

// first does something in the store.
func (w *world) update(fn func(sw *store.Writer) error) {
	w.t.Helper()
	w.must(w.Store.Update(w.t.Context(), fn))
}

func (w *world) view(fn func(r *store.Reader) error) {
	w.t.Helper()
	w.must(w.Store.View(w.t.Context(), fn))
}

// worldWith is one with alice, who has a phone.
func worldWith(t testing.TB) *world {
	w := newWorld(t)
	w.addBound(alice, phoneA)
	return w
}
