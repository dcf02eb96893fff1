// Package policy decides whether a login may pass. It is the only place that
// does: every door and every mechanism brings its attempt here and gets the
// same answer.
//
// The order is fixed, and every step stands where it does for a reason:
//
//  1. An app password of this account is recognised first. Nothing that
//     strangers can do to an account, no counter and no full queue, keeps its
//     owner's mail programs out.
//  2. Throttle and room to hash come before the state of the account is looked
//     at, for known, unknown and bound accounts alike, so that a busy daemon
//     does not tell them apart. No room is Undecided: a refusal that nobody
//     looked at must not read as "wrong password".
//  3. The state of the account. Unknown, disabled, bound, enforced: refused,
//     and nothing is hashed; but only in the turn that a hash would have had, so
//     that a daemon which is too busy for one is too busy for the other.
//  4. The main password, hashed. That takes long enough for the account to
//     change, so it is read again, and if it changed the attempt is decided
//     anew.
//
// SCRAM tells no secret, so it has step 1 only (scram.go).
//
// [Policy.Quick] is never slow: it reads one record and gives a verdict or a
// [Slow], which waits for its turn. [Policy.Decide] is both in one, for callers
// that may block.
package policy

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Attempt is one finished try to log in, as a door brings it.
type Attempt struct {
	Name   string // prepared login name, "" if what was sent cannot be prepared
	Authz  string // prepared authorization identity, "" if none was sent
	Secret secret.Secret
	Proof  *sasl.SCRAMProof // instead of Secret; else nil

	// KeepsName says that the server goes on with the name as it was sent, and
	// cannot be told the account's address: an alias is then nobody's name. It would
	// open a mailbox beside the account's, and next year perhaps another person's.
	KeepsName bool
	Facts
}

// Facts are what a door knows about an attempt besides who and what.
type Facts struct {
	Service   string       // as sent: "imap", "smtp", …
	Mechanism string       // upper case
	Addr      netip.Addr   // of the person's machine; zero if not told
	Secured   bool         // the secret came to the mail server over TLS
	Session   string       // the mail server's session id, for logs
	ClientID  string       // what the mail program says of itself
	Queue     hasher.Queue // where a slow hash waits
}

// Verdict is the answer. Its zero value is Undecided.
type Verdict struct {
	Outcome store.Outcome
	Reason  store.Reason // for the log, events and the portal; never for the wire
	Counted bool         // a throttle that counts failures counts this one
	Name    string       // prepared login name, "" if there is none
	Known   bool         // an account of that name exists, so the name may be logged
	Login   Login        // set once the account is known; whole only when Accepted
	Final   []byte       // the mechanism's last message to the client; of SCRAM, and only when Accepted
}

// Login says who got in by which credential. It outlives the verdict: the
// post-login question ([Policy.Again]) is put with it.
type Login struct {
	Address     string
	Account     store.AccountID
	AppPassword store.AppPasswordID // zero: the main password
	fingerprint [16]byte            // of the stored hash that the main password matched
}

// Credential returns the app password's id, or "main-" and the account's id.
// Neither is ever given to anything else again.
func (l Login) Credential() string {
	if l.AppPassword != (store.AppPasswordID{}) {
		return l.AppPassword.String()
	}
	return store.MainCredential(l.Account)
}

// Accounts is where policy reads accounts, and for SCRAM their keys. Both return
// [store.ErrNoAccount] only after the store said that there is none.
type Accounts interface {
	Account(ctx context.Context, address string) (*store.Account, error)
	SCRAM(ctx context.Context, address string) (*store.Account, store.SCRAMKeys, error)
}

// Hasher is where policy gets room to hash: [hasher.Pool].
type Hasher interface {
	Reserve(q hasher.Queue, network netip.Prefix) (*hasher.Ticket, bool)
}

// Rules are the part of the configuration that a reload may change. Enforced
// says whether two-step verification is required of that domain's accounts.
type Rules struct {
	RequireSecured bool
	Enforced       func(domain string, now time.Time) bool
}

// Policy decides. All its methods may be called at the same time.
type Policy struct {
	// Right, unless nil, is told of each main password that was hashed and was
	// right, and of the account as it was then. It is set before the first attempt,
	// and does not block.
	Right func(account *store.Account, s secret.Secret)

	accounts Accounts
	keys     *secret.Keys
	hasher   Hasher
	now      func() time.Time
	rules    atomic.Pointer[Rules]
	right    *memory // main passwords that were right
	refused  *memory // secrets that were counted
	replaced *memory // stored hashes that others of the same password took the place of
}

// New returns a Policy that reads from accounts and hashes in pool. salt keys
// what is remembered in memory: 32 random bytes that nobody else knows and that
// are never stored.
func New(accounts Accounts, keys *secret.Keys, pool Hasher, rules Rules, salt [32]byte, now func() time.Time) *Policy {
	p := &Policy{
		accounts: accounts,
		keys:     keys,
		hasher:   pool,
		now:      now,
		right:    newMemory("right", salt, maxRemembered, rememberRight),
		refused:  newMemory("refused", salt, maxRemembered, rememberRefused),
		replaced: newMemory("replaced", salt, maxRemembered, rememberRight),
	}
	p.SetRules(rules)
	return p
}

// SetRules replaces the rules, for attempts decided from now on.
func (p *Policy) SetRules(r Rules) { p.rules.Store(&r) }

// Again answers the post-login question: may the holder of this login, which
// was accepted a moment ago, still come in? Account and credential are read
// again, so that a login accepted just before a revocation opens nothing after
// it.
func (p *Policy) Again(ctx context.Context, l Login) Verdict {
	v := Verdict{Name: l.Address, Login: l}
	account, err := p.accounts.Account(ctx, l.Address)
	if err != nil {
		return v.unread(err)
	}
	v.Known = true
	if account.ID != l.Account {
		return v.reject(store.ReasonUnknownAccount)
	}
	if l.AppPassword == (store.AppPasswordID{}) {
		if closed := p.mainClosed(account); closed != "" {
			return v.reject(closed)
		}
		if !p.SameMain(account, l.fingerprint) {
			return v.reject(store.ReasonCredentialGone)
		}
		return v.accept(store.ReasonMainPassword)
	}
	if account.Disabled {
		return v.reject(store.ReasonDisabled)
	}
	for _, row := range account.AppPasswords {
		if row.ID == l.AppPassword {
			if !p.live(row) {
				return v.reject(headstone(row))
			}
			return v.accept(store.ReasonAppPassword)
		}
	}
	return v.reject(store.ReasonCredentialGone)
}

// mainClosed is step 3: why this account's state keeps its main password out of
// the mail doors, or "" if it may be tried.
func (p *Policy) mainClosed(a *store.Account) store.Reason {
	now := p.now()
	_, domain, _ := strings.Cut(a.Address, "@")
	return a.MainClosed(p.rules.Load().Enforced(domain, now), now)
}

// unread is the verdict on an attempt whose account could not be read.
func (v Verdict) unread(err error) Verdict {
	var damaged *store.DamagedAccountError
	switch {
	case errors.Is(err, store.ErrNoAccount):
		return v.reject(store.ReasonUnknownAccount)
	case errors.As(err, &damaged):
		v.Known, v.Login.Address = true, damaged.Address
		return v.undecided(store.ReasonDamaged)
	case errors.Is(err, store.ErrDamaged):
		return v.undecided(store.ReasonDamaged)
	default:
		return v.undecided(store.ReasonStoreUnavailable)
	}
}

func (v Verdict) accept(r store.Reason) Verdict {
	v.Outcome, v.Reason = store.Accepted, r
	return v
}

func (v Verdict) reject(r store.Reason) Verdict {
	v.Outcome, v.Reason = store.Rejected, r
	return v
}

func (v Verdict) undecided(r store.Reason) Verdict {
	v.Outcome, v.Reason = store.Undecided, r
	return v
}

// live is row.Live without a look at the clock where nothing ends, as in most.
func (p *Policy) live(row store.AppPasswordRow) bool {
	var now time.Time
	if !row.Expires.IsZero() {
		now = p.now()
	}
	return row.Live(now)
}

// headstone names the reason for an app password that is no longer live.
func headstone(row store.AppPasswordRow) store.Reason {
	switch row.State {
	case store.Live, store.Expired: // live, but its date has come: nobody has written that down yet
		return store.ReasonExpired
	default:
		return store.ReasonRevoked
	}
}
