package accounts

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// MaxRehearsals is how many secrets may be tried in a minute of the clock on one
// account, and by one actor: enough to help somebody, too few to guess.
const MaxRehearsals = 5

// Rehearsal is one secret that an administrator tries on somebody's account.
type Rehearsal struct {
	event store.Event
	s     *Service
}

// BeginRehearsal notes that actor is about to try a secret, before anything looks
// at it: the event, which is on disk when this returns, names account, actor and
// about (what the secret is tried for). Over the limit it is ErrTooOften.
func (s *Service) BeginRehearsal(ctx context.Context, actor store.Actor, typed, about string) (*Rehearsal, error) {
	id, err := s.Store.NewEventID(s.Now().UTC())
	if err != nil {
		return nil, explain(err)
	}
	var r *Rehearsal
	err = s.change(ctx, actor, typed, func(c *change) error {
		minute := c.now.Truncate(time.Minute)
		for _, of := range []struct{ who, name string }{
			{"account\x00" + string(c.account.ID[:]), "on this account"},
			{"actor\x00" + string(actor), "by you"},
		} {
			sum := sha256.Sum256([]byte(of.who))
			left, err := c.Spend(store.BudgetRehearsalMinute, [16]byte(sum[:16]), minute, MaxRehearsals)
			if err != nil {
				return err
			}
			if !left {
				return &Error{Kind: ErrTooOften, Until: minute.Add(time.Minute),
					Sentence: fmt.Sprintf("%d secrets were tried %s in this minute, more are not", MaxRehearsals, of.name),
					Hint:     "wait a minute; without a secret, explain answers as often as you like"}
			}
		}
		r = &Rehearsal{s: s, event: store.Event{
			ID: id, Time: c.now, Last: c.now, Count: 1, Kind: store.EventLoginRehearsed,
			AccountID: c.account.ID, Address: c.account.Address, Actor: actor, Detail: about,
		}}
		return c.PutEvent(r.event)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// End adds to the event what came of it, and the credential that it was, "" if it
// was none of the account's.
func (r *Rehearsal) End(ctx context.Context, outcome, credential string) error {
	r.event.Detail += ": " + outcome
	r.event.Credential = credential
	return explain(r.s.Store.Update(ctx, func(w *store.Writer) error { return w.PutEvent(r.event) }))
}
