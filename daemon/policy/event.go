package policy

import (
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// Event is the record of a verdict on an attempt that arrived at the given time.
// A name goes into it only if such an account exists: people type passwords into
// the name field.
func Event(f *Facts, v *Verdict, at time.Time) store.Event {
	e := store.Event{
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
		e.AccountID, e.Address = v.Login.Account, v.Login.Address
		if v.Outcome == store.Accepted || v.Login.AppPassword != (store.AppPasswordID{}) {
			e.Credential = v.Login.Credential()
		}
	}
	return e
}
