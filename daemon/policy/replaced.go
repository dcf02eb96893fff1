package policy

import (
	"net/netip"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// tellRight tells of a main password that was right.
func (p *Policy) tellRight(account *store.Account, s secret.Secret) {
	if p.Right != nil {
		p.Right(account, s)
	}
}

// Replacing is told before an account's stored hash is replaced by another of the
// same password: what was accepted by the one a moment ago stays accepted by the
// other. If it is not replaced after all, nothing comes of it.
func (p *Policy) Replacing(before, after *store.Account) {
	print := before.MainFingerprint()
	p.replaced.put(before.ID.String(), netip.Prefix{}, secret.New(string(print[:])), after.MainFingerprint(), p.now())
}

// Replaced is told when it was: the password that is remembered as right is still
// right. One that is not remembered, because it was given at the portal, is not
// then either.
func (p *Policy) Replaced(before, after *store.Account, s secret.Secret) {
	who, now := before.ID.String(), p.now()
	if print, found := p.right.get(who, netip.Prefix{}, s, now); found && print == before.MainFingerprint() {
		p.right.put(who, netip.Prefix{}, s, after.MainFingerprint(), now)
	}
}

// SameMain says whether the account's main password is still the one of this
// fingerprint, in the same stored hash or in one that replaced it within the hour.
func (p *Policy) SameMain(a *store.Account, fingerprint [16]byte) bool {
	now := a.MainFingerprint()
	if now == fingerprint {
		return true
	}
	after, found := p.replaced.get(a.ID.String(), netip.Prefix{}, secret.New(string(fingerprint[:])), p.now())
	return found && after == now
}
