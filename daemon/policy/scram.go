package policy

import (
	"context"
	"errors"

	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
)

// SCRAM asks twice. Salt is what the client is told first, and Quick decides on
// the proof that comes of it. Both read the account and its keys, so that nothing
// secret is kept between the two messages and a revocation between them counts.
//
// Only app passwords have keys. So SCRAM is step 1 and the answer "no": nothing is
// ever hashed slowly, no room is needed, and a main password is a wrong secret.

// Salt is what a name's passwords are salted with, or a verdict, and then the
// exchange is over. Of a, it takes Name, Authz and Secured; sent is the name as it
// came, which stands for a name that cannot be prepared.
//
// A name that nobody has gets a salt that is no different from others, and always
// the same one.
func (p *Policy) Salt(ctx context.Context, a *Attempt, sent string) (sasl.Salt, *Verdict) {
	v := Verdict{Name: a.Name}
	if refused, reason := p.refuseUnread(a); refused {
		v = v.reject(reason)
		return sasl.Salt{}, &v
	}
	account, keys, err := p.scramKeys(ctx, a.Name)
	if err != nil {
		v = v.unread(err)
		return sasl.Salt{}, &v
	}
	if keys.Salt != nil {
		return sasl.Salt{Salt: keys.Salt, Iterations: int(keys.Iterations)}, nil
	}
	switch {
	case account != nil:
		sent = account.Address
	case a.Name != "":
		sent = a.Name
	}
	salt := p.keys.SCRAMSalt(sent)
	return sasl.Salt{Salt: salt[:], Iterations: sasl.SCRAMIterations}, nil
}

// scram decides on a proof.
func (p *Policy) scram(ctx context.Context, a *Attempt) Verdict {
	v := Verdict{Name: a.Name}
	if refused, reason := p.refuseUnread(a); refused { // as Salt did, unless the rules have changed
		return v.reject(reason)
	}
	account, keys, err := p.scramKeys(ctx, a.Name)
	if err != nil {
		return v.unread(err)
	}
	tried, ids := scramCandidates(keys)
	at, final := a.Proof.Match(tried)
	if account == nil {
		return p.count(v.reject(store.ReasonUnknownAccount), nil, a)
	}
	v.Known = true
	v.Login = Login{Address: account.Address, Account: account.ID}
	if at >= 0 {
		for _, row := range account.AppPasswords {
			if row.ID == ids[at] {
				v = p.appPasswordRow(v, account, row, a)
				if v.Outcome == store.Accepted {
					v.Final = final
				}
				return v
			}
		}
	}
	return p.count(v.reject(store.ReasonWrongSecret), account, a)
}

// scramKeys reads an account, nil if there is none of that name, and its keys.
func (p *Policy) scramKeys(ctx context.Context, name string) (*store.Account, store.SCRAMKeys, error) {
	account, keys, err := p.accounts.SCRAM(ctx, name)
	if errors.Is(err, store.ErrNoAccount) {
		return nil, store.SCRAMKeys{}, nil
	}
	return account, keys, err
}

// scramCandidates are all keys, those of headstones too, and the app password
// that each is of. Where there are none, one that nobody can have stands in, so
// that the proof is tried all the same.
func scramCandidates(keys store.SCRAMKeys) ([]sasl.SCRAMKey, []store.AppPasswordID) {
	tried := make([]sasl.SCRAMKey, 0, 2*len(keys.Rows)+1)
	ids := make([]store.AppPasswordID, 0, cap(tried))
	for _, row := range keys.Rows {
		for k := row.Keys; len(k) >= sasl.SCRAMKeySize; k = k[sasl.SCRAMKeySize:] {
			tried, ids = append(tried, sasl.SCRAMKey(k)), append(ids, row.ID)
		}
	}
	if len(tried) == 0 {
		tried, ids = append(tried, sasl.SCRAMKey{}), append(ids, store.AppPasswordID{})
	}
	return tried, ids
}

// unsaid stands, where a refused secret is remembered, for one that SCRAM does not
// tell: two proofs of one secret have nothing in common. So one refusal a day is
// counted for each name and network. Whoever guesses gains nothing by it, as over
// SCRAM there are only 72 random bits to guess; and a phone that is set up with
// yesterday's password, or with the main password, is not counted every minute.
// No mechanism hands over a password with a NUL in it.
const unsaid = "\x00SCRAM"
