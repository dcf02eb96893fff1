package accounts

import (
	"context"
	"errors"

	"github.com/latchkey-mail/latchkey/store"
)

// giveBack undoes a sending that failed: it costs the person nothing. What
// happened to the challenge meanwhile stays: tries, other sendings, its end.
func (s *Service) giveBack(ctx context.Context, out *sending, mayHaveLeft bool) error {
	return explain(s.Store.Update(ctx, func(w *store.Writer) error {
		failed := out.event
		failed.Kind = store.EventCodeFailed
		if err := errors.Join(refund(w, out.spent, mayHaveLeft), w.PutEvent(failed)); err != nil {
			return err
		}
		account, err := w.Account(failed.Address)
		if errors.Is(err, store.ErrNoAccount) || err == nil && account.ID != out.after.Account {
			return nil
		} else if err != nil {
			return err
		}
		o := &own{change: change{Writer: w, account: account, made: true}, s: s, session: store.Session{ID: out.after.Session}}
		if out.named {
			if err := o.unnameNumber(out.after.Number); err != nil {
				return err
			}
		}
		if err := o.unsend(out); err != nil {
			return err
		}
		return o.write()
	}))
}

// unsend makes the challenge what it was before.
func (o *own) unsend(out *sending) error {
	c, err := o.challenge(&o.Reader, out.after.Purpose)
	switch {
	case errors.Is(err, ErrNoCode):
		return nil // entered, or its session ended
	case err != nil:
		return err
	case c.ID != out.after.ID:
		return nil
	case c.Sendings != out.after.Sendings: // sent again meanwhile
		c.Sendings--
		return o.PutChallenge(c)
	case out.before.ID.IsZero():
		return o.DeleteChallenge(o.account.ID, c.Session, c.Purpose)
	default:
		tries := c.Tries
		c = out.before
		c.Tries = tries
		return o.PutChallenge(c)
	}
}
