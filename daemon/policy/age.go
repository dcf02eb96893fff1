package policy

import "time"

// minHashWithin is for an administrator who wants refusals at once: a hash must
// be possible all the same.
const minHashWithin = 500 * time.Millisecond

// HashWithin is how long after its arrival an attempt may wait for its hash, for
// a given age of refusals (config.Auth.FailureDelay). It is the deadline of
// [Slow.Wait] and [Policy.SignIn], and the hasher's budget. It leaves time for the
// hash itself: an answer that came later than all others would tell that there is
// an account whose password was looked at.
func HashWithin(failureDelay time.Duration) time.Duration {
	return max(failureDelay*3/4, minHashWithin)
}
