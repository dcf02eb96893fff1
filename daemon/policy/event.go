package policy

import (
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// minHashWithin is for an administrator who wants refusals at once: a hash must
// be possible all the same.
const minHashWithin = 500 * time.Millisecond

// HashWithin is how long a main password may wait for its hash, for a given age
// of refusals. It leaves time for the hash itself: an answer that came later than
// all others would tell that there is an account whose password was looked at.
func HashWithin(failureDelay time.Duration) time.Duration {
	return max(failureDelay*3/4, minHashWithin)
}

// Event is the record of a verdict, the same for every door. A name goes into it
// only if such an account exists: people type passwords into the name field.
func Event(f *Facts, v *Verdict, at time.Time) store.Event {
	ev := store.Event{
		Time:      at,
		Kind:      store.EventLogin,
		Outcome:   v.Outcome,
		Reason:    v.Reason,
		Counted:   v.Counted,
		Service:   f.Service,
		Mechanism: f.Mechanism,
		Session:   f.Session,
		ClientID:  f.ClientID,
		Addr:      f.Addr,
		Network:   Network(f.Addr),
		Secured:   f.Secured,
	}
	if v.Known {
		ev.AccountID, ev.Address = v.Login.Account, v.Login.Address
		if v.Outcome == store.Accepted || v.Login.AppPassword != (store.AppPasswordID{}) {
			ev.Credential = v.Login.Credential()
		}
	}
	return ev
}
