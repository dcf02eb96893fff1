package accounts

import "time"

// RecoveryState says how many recovery codes an account has left.
type RecoveryState struct {
	Left, Of int
	Made     time.Time // zero: none were
}
