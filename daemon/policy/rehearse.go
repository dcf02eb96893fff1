package policy

import (
	"context"

	"github.com/latchkey-mail/latchkey/store"
)

// Rehearse decides as Decide does, by the very same steps, and leaves no trace: it
// neither counts nor remembers, nor asks what is remembered, so that a right main
// password is hashed. Its verdict is for whoever asks on somebody's behalf, and no
// login: Again must not be asked with it.
func (p *Policy) Rehearse(ctx context.Context, a *Attempt) Verdict {
	v := p.forgetful().Decide(ctx, a)
	v.Counted = false
	return v
}

// forgetful is this policy without its memories.
func (p *Policy) forgetful() *Policy {
	f := &Policy{accounts: p.accounts, keys: p.keys, hasher: p.hasher, now: p.now}
	f.rules.Store(p.rules.Load())
	return f
}

// Outlook is what each of an account's secrets would get at a mail door.
type Outlook struct {
	Account      *store.Account // nil if there is none, or it could not be read
	Main         Verdict        // of the right main password
	Other        Verdict        // of a secret that is none of the account's
	AppPasswords []Verdict      // in the order of Account.AppPasswords, headstones too
}

// Outlook looks at one account without any secret. Of a, whose Secret and Proof it
// does not read, it takes what Decide would. Whether there would be room to hash is
// not asked.
func (p *Policy) Outlook(ctx context.Context, a *Attempt) Outlook {
	v := Verdict{Name: a.Name}
	if refused, reason := p.refuseUnread(a); refused {
		v = v.reject(reason)
		return Outlook{Main: v, Other: v}
	}
	account, err := p.account(ctx, a)
	switch {
	case err != nil:
		v = v.unread(err)
		return Outlook{Main: v, Other: v}
	case account == nil:
		v = v.reject(store.ReasonUnknownAccount)
		return Outlook{Main: v, Other: v}
	}
	v.Known = true
	v.Login = Login{Address: account.Address, Account: account.ID}
	o := Outlook{Account: account, Main: v.accept(store.ReasonMainPassword), Other: v.reject(store.ReasonWrongSecret)}
	if closed := p.mainClosed(account); closed != "" {
		o.Main = v.reject(closed)
	}
	for _, row := range account.AppPasswords {
		o.AppPasswords = append(o.AppPasswords, p.appPasswordRow(v, account, row, a))
	}
	return o
}
