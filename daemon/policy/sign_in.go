package policy

import (
	"context"

	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// SignIn decides the portal's first step: is this the account's main password?
// A bound phone and enforcement keep it out of the mail doors, not out of here;
// an app password opens mail doors only.
//
// The password is hashed each time. What the mail doors remember as right is
// neither asked nor added to: nothing that is done here opens a mail door. Where
// no password is hashed, SignIn takes the turn of one all the same, as [Slow] does.
//
// SignIn blocks. As with [Slow.Wait], the attempt is decided even if its sender
// is gone: give it a context that does not end with the connection.
func (p *Policy) SignIn(ctx context.Context, a *Attempt) Verdict {
	for range maxAnew {
		if v, decided := p.signIn(ctx, a); decided {
			return v
		}
	}
	return Verdict{Name: a.Name}.undecided(store.ReasonBusy)
}

// signIn decides, unless the account changed while the password was hashed.
func (p *Policy) signIn(ctx context.Context, a *Attempt) (Verdict, bool) {
	reading := context.WithoutCancel(ctx) // what was hashed in time is also decided
	v := Verdict{Name: a.Name}
	account, err := p.account(reading, a)
	if err != nil {
		return v.unread(err), true
	}
	if account != nil {
		v.Known = true
		v.Login = Login{Address: account.Address, Account: account.ID}
		if w, recognised := p.appPasswordAtPortal(v, account, a); recognised {
			return w, true
		}
	}
	ticket, room := p.hasher.Reserve(hasher.Portal, Network(a.Addr))
	if !room {
		return v.undecided(store.ReasonBusy), true
	}
	closed := signInClosed(account, a.Secret)
	match, err := tryHash(ctx, ticket, account, closed, a.Secret)
	if err != nil {
		return v.undecided(unhashed(err)), true
	}
	again, err := p.account(reading, a)
	switch {
	case err != nil || !sameMain(account, again) || signInClosed(again, a.Secret) != closed:
		return v, false
	case closed != "":
		return p.count(v.reject(closed), account, a), true
	case !match:
		return p.count(v.reject(store.ReasonWrongSecret), account, a), true
	}
	v.Login.fingerprint = account.MainFingerprint()
	p.tellRight(account, a.Secret)
	return v.accept(store.ReasonMainPassword), true
}

// appPasswordAtPortal refuses an app password of this account. As at the mail
// doors it is not counted: who holds it did not guess.
func (p *Policy) appPasswordAtPortal(v Verdict, account *store.Account, a *Attempt) (Verdict, bool) {
	v, recognised := p.appPassword(v, account, a)
	if v.Outcome == store.Accepted {
		return v.reject(store.ReasonScope), true
	}
	return v, recognised
}

// signInClosed says why no password is tried, or "".
func signInClosed(account *store.Account, s secret.Secret) store.Reason {
	switch {
	case account == nil:
		return store.ReasonUnknownAccount
	case account.Disabled:
		return store.ReasonDisabled
	case account.MainHash == "":
		return store.ReasonNoMainPassword
	case len(s.Reveal()) > hasher.MaxPassword:
		return store.ReasonWrongSecret // no main password is longer
	}
	return ""
}

// Fingerprint stands for the stored hash that a main password matched: who acts
// on the login later sees by it whether the password has been changed since. It
// is zero for an app password.
func (l Login) Fingerprint() [16]byte { return l.fingerprint }
