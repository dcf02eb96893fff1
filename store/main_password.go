package store

import (
	"crypto/sha256"
	"time"
)

// MainFingerprint stands for the stored hash of the main password where only
// sameness matters: has the password changed since? A stored hash is salted, so
// that nothing can be guessed from its digest.
func (a *Account) MainFingerprint() [16]byte {
	sum := sha256.Sum256([]byte(a.MainHash))
	return [16]byte(sum[:16])
}

// MainClosed says why the account's state keeps its main password out of every
// mail door, whatever the password: a Reason, or "" if it may be tried. enforced
// says whether two-step verification is required of this account's domain.
func (a *Account) MainClosed(enforced bool, now time.Time) Reason {
	switch {
	case a.Disabled:
		return ReasonDisabled
	case !a.Bound.IsZero():
		return ReasonPhoneBound
	case enforced && !a.ExemptUntil.After(now):
		return ReasonEnforced
	case a.MainHash == "":
		return ReasonNoMainPassword
	}
	return ""
}
