package policy

import (
	"context"
	"errors"
	"net/netip"

	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// maxAnew is how often an attempt is decided anew because the account changed
// while its password was being hashed. Somebody who changes an account faster
// than that gets Undecided.
const maxAnew = 3

// Quick decides at once, or returns a Slow to wait for: exactly one of the two
// means something. It reads one record (with a Proof one more), and never blocks or
// hashes slowly.
func (p *Policy) Quick(ctx context.Context, a *Attempt) (Verdict, *Slow) {
	if a.Proof != nil {
		return p.scram(ctx, a), nil
	}
	v := Verdict{Name: a.Name}
	if refused, reason := p.refuseUnread(a); refused {
		return v.reject(reason), nil
	}
	account, err := p.account(ctx, a)
	if err != nil {
		return v.unread(err), nil
	}
	if account != nil {
		v.Known = true
		v.Login = Login{Address: account.Address, Account: account.ID}
		if w, recognised := p.appPassword(v, account, a); recognised {
			return w, nil
		}
	}
	return p.mainPassword(v, account, a)
}

// Decide is Quick, and Wait where it has to be.
func (p *Policy) Decide(ctx context.Context, a *Attempt) Verdict {
	v, slow := p.Quick(ctx, a)
	if slow != nil {
		return slow.Wait(ctx)
	}
	return v
}

// refuseUnread refuses what needs no look at the account. An authorization
// identity is somebody else's name: nobody here may act for others.
func (p *Policy) refuseUnread(a *Attempt) (bool, store.Reason) {
	switch {
	case a.Authz != "" && a.Authz != a.Name:
		return true, store.ReasonAuthz
	case !a.Secured && p.rules.Load().RequireSecured:
		return true, store.ReasonUnsecured
	}
	return false, ""
}

// appPassword is step 1. A recognised secret is never counted as a failure,
// whatever becomes of it: who holds it did not guess.
func (p *Policy) appPassword(v Verdict, account *store.Account, a *Attempt) (Verdict, bool) {
	letters, shaped := secret.FoldAppPassword(a.Secret.Reveal())
	if !shaped {
		return v, false
	}
	row, found := account.Match(p.keys.AppPasswordTag(account.ID, letters))
	if !found {
		return v, false
	}
	return p.appPasswordRow(v, account, row, a), true
}

// appPasswordRow decides on an app password that was recognised.
func (p *Policy) appPasswordRow(v Verdict, account *store.Account, row store.AppPasswordRow, a *Attempt) Verdict {
	v.Login.AppPassword = row.ID
	switch {
	case account.Disabled:
		return v.reject(store.ReasonDisabled)
	case !p.live(row):
		return v.reject(headstone(row))
	case !row.Scopes.Covers(store.ScopeOf(a.Service)):
		return v.reject(store.ReasonScope)
	}
	return v.accept(store.ReasonAppPassword)
}

// mainPassword is steps 2 to 4; account is nil for an unknown name.
func (p *Policy) mainPassword(v Verdict, account *store.Account, a *Attempt) (Verdict, *Slow) {
	closed := p.closed(account, a.Secret)
	// Step 2. The throttle's question is asked here: blocked is Undecided.
	//
	// A main password that was right an hour ago needs no room to hash; it
	// still needs an account that may use it, and the same stored hash.
	if closed == "" {
		if stored, found := p.remembered(account, a.Secret); found {
			v.Login.fingerprint = stored
			return v.accept(store.ReasonMainPassword), nil
		}
	}
	ticket, room := p.hasher.Reserve(a.Queue, Network(a.Addr))
	if !room {
		return v.undecided(store.ReasonBusy), nil
	}
	return v, &Slow{policy: p, verdict: v, account: account, closed: closed, attempt: a, ticket: ticket}
}

// closed is step 3: why this password is not hashed, or "" if it has to be.
func (p *Policy) closed(account *store.Account, s secret.Secret) store.Reason {
	if account == nil {
		return store.ReasonUnknownAccount
	}
	if closed := p.mainClosed(account); closed != "" {
		return closed
	}
	if len(s.Reveal()) > hasher.MaxPassword {
		return store.ReasonWrongSecret // no main password is longer
	}
	return ""
}

// Slow is a decision that waits for step 4. One that step 3 has made waits as
// well, for a hash that is not made: who is told to try again because too many
// wait, and who is refused, must not depend on whether there was one to make.
type Slow struct {
	policy  *Policy
	verdict Verdict
	account *store.Account // nil: unknown name
	closed  store.Reason   // "": the password is hashed
	attempt *Attempt
	ticket  *hasher.Ticket
}

// Wait blocks until the password is hashed, or would have been, and the account
// read again. It must be called exactly once. A password whose turn has not come
// when ctx ends is Undecided. The attempt is decided even if its sender is gone:
// give it a context that does not end with the connection.
func (s *Slow) Wait(ctx context.Context) Verdict {
	reading := context.WithoutCancel(ctx) // what was hashed in time is also decided
	for range maxAnew {
		match, err := tryHash(ctx, s.ticket, s.account, s.closed, s.attempt.Secret)
		if err != nil {
			return s.verdict.undecided(unhashed(err))
		}
		again, err := s.policy.account(reading, s.attempt)
		if err == nil && s.policy.unchanged(s, again) {
			return s.policy.matched(s, match)
		}
		v, next := s.policy.Quick(reading, s.attempt)
		if next == nil {
			return v
		}
		s = next
	}
	s.ticket.Release()
	return s.verdict.undecided(store.ReasonBusy)
}

// tryHash says whether the password is the account's, in the turn that ticket
// has. Where that is closed it says no, and hashes nothing, in the same turn.
func tryHash(ctx context.Context, ticket *hasher.Ticket, account *store.Account, closed store.Reason, s secret.Secret) (bool, error) {
	if closed != "" {
		return false, ticket.Pretend(ctx)
	}
	return ticket.Match(ctx, account.MainHash, s)
}

// account reads the account, nil if there is none of that name.
func (p *Policy) account(ctx context.Context, a *Attempt) (*store.Account, error) {
	if a.Name == "" {
		return nil, nil
	}
	account, err := p.accounts.Account(ctx, a.Name)
	switch {
	case errors.Is(err, store.ErrNoAccount):
		return nil, nil
	case err == nil && a.KeepsName && account.Address != a.Name:
		return nil, nil
	}
	return account, err
}

// unhashed is the reason for a password that could not be compared: the stored
// hash is one that nobody can read, or it was not its turn in time.
func unhashed(err error) store.Reason {
	if errors.Is(err, secret.ErrUnknownScheme) || errors.Is(err, secret.ErrMalformedHash) || errors.Is(err, secret.ErrTooCostly) {
		return store.ReasonDamaged
	}
	return store.ReasonBusy
}

// matched is the verdict once the hash has spoken on an account that has not
// changed meanwhile.
func (p *Policy) matched(s *Slow, match bool) Verdict {
	v := s.verdict
	switch {
	case s.closed != "":
		return p.count(v.reject(s.closed), s.account, s.attempt)
	case !match:
		return p.count(v.reject(store.ReasonWrongSecret), s.account, s.attempt)
	}
	v.Login.fingerprint = s.account.MainFingerprint()
	p.right.put(s.account.ID.String(), netip.Prefix{}, s.attempt.Secret, v.Login.fingerprint, p.now())
	p.tellRight(s.account, s.attempt.Secret)
	return v.accept(store.ReasonMainPassword)
}

// unchanged says whether what step 3 and 4 looked at is still the same.
func (p *Policy) unchanged(s *Slow, again *store.Account) bool {
	return sameMain(s.account, again) && p.closed(again, s.attempt.Secret) == s.closed
}

// sameMain says whether both are one account with one main password, or both
// none.
func sameMain(before, after *store.Account) bool {
	if before == nil || after == nil {
		return before == after
	}
	return before.ID == after.ID && before.MainHash == after.MainHash
}

// remembered says whether this secret matched this account's present hash
// within the last hour, and returns the hash's fingerprint if so.
func (p *Policy) remembered(account *store.Account, s secret.Secret) ([16]byte, bool) {
	if account.MainHash == "" || len(s.Reveal()) > hasher.MaxPassword {
		return [16]byte{}, false
	}
	print, found := p.right.get(account.ID.String(), netip.Prefix{}, s, p.now())
	return print, found && print == account.MainFingerprint()
}

// count marks a refusal as a failure to be counted, unless the same secret was
// refused for the same name from the same network within the last day: a phone
// that repeats yesterday's password every minute is no attack.
func (p *Policy) count(v Verdict, account *store.Account, a *Attempt) Verdict {
	who, s := a.Name, a.Secret
	if account != nil {
		who = account.ID.String()
	}
	if a.Proof != nil {
		s = secret.New(unsaid)
	}
	v.Counted = p.refused.first(who, Network(a.Addr), s, p.now())
	return v
}

// Network returns what counts as one place: an IPv4 address, the /64 of an
// IPv6 address, or the zero prefix where no address is known.
func Network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
