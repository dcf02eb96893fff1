package accounts

import (
	"crypto/sha256"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// class is what a sending is paid from. Codes to numbers that are bound and codes
// to numbers that somebody names have budgets of their own throughout: whoever
// spends all of one, by asking for phones to be bound, stops nobody's sign-in.
type class string

const (
	classSignIn  class = "sign-in"
	classBinding class = "binding"
)

func classOf(p store.Purpose) class {
	if p == store.PurposeBind || p == store.PurposeChange {
		return classBinding
	}
	return classSignIn
}

// subject is whose budget it is, of this class.
func (c class) subject(value []byte) [16]byte {
	sum := sha256.Sum256(append([]byte(c+"\x00"), value...))
	return [16]byte(sum[:16])
}

// spending is one of what a sending takes.
type spending struct {
	kind    store.BudgetKind
	subject [16]byte
	window  time.Time
	limit   int
	until   time.Time // when the next window begins
	ours    bool      // bounds what the site sends, not what the person may ask for
}

// spendings are what one sending takes.
func (s *Service) spendings(o *own, p store.Purpose, e164 string, b Browser) []spending {
	limits, class := s.Config().SMS, classOf(p)
	day, tomorrow := s.day(o.now)
	hour := o.now.Truncate(time.Hour)
	next := hour.Add(time.Hour)
	number := s.Keys.NumberTag(e164)
	network, _ := b.Network.MarshalBinary() // never fails
	site := spending{store.BudgetSignInHour, [16]byte{}, hour, limits.SignInPerHour, next, true}
	if class == classBinding {
		site.kind, site.limit = store.BudgetBindingHour, limits.BindingPerHour
	}
	return []spending{
		{store.BudgetNumberDay, class.subject(number[:]), day, limits.PerNumberDay, tomorrow, false},
		{store.BudgetAccountDay, class.subject(o.account.ID[:]), day, limits.PerAccountDay, tomorrow, false},
		{store.BudgetSourceHour, class.subject(network), hour, limits.PerSourceHour, next, true},
		site,
	}
}

// spend takes all of them; if one cannot be had, the transaction fails and none
// is taken.
func (o *own) spend(all []spending) error {
	for _, one := range all {
		ok, err := o.Spend(one.kind, one.subject, one.window, one.limit)
		if err != nil {
			return err
		}
		if !ok {
			return &Error{Kind: ErrBudget, Sentence: "as many codes were sent as may be for now", Until: one.until}
		}
	}
	return nil
}

// refund gives back what spend took. Where nobody can tell whether the message
// left, what bounds the site's sendings stays spent: a gateway that answers too
// late, or with an error, must not be one that anybody can have sending for ever.
func refund(w *store.Writer, all []spending, mayHaveLeft bool) error {
	for _, one := range all {
		if mayHaveLeft && one.ours {
			continue
		}
		if err := w.Refund(one.kind, one.subject, one.window); err != nil {
			return err
		}
	}
	return nil
}
