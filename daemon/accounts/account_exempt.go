package accounts

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/latchkey-mail/latchkey/store"
)

// maxAhead bounds dates in the future; what lies beyond is a typing mistake.
const maxAhead = 50 * 365 * 24 * time.Hour

// maxReason bounds the reason of an exception, in characters.
const maxReason = 120

// Exempt lets an account without a phone keep its main password in mail
// programs until a date, although two-step verification is enforced. The reason
// is for those who ask later. It replaces an earlier exception.
func (s *Service) Exempt(ctx context.Context, actor store.Actor, typed string, until time.Time, reason string) error {
	reason = strings.TrimSpace(reason)
	if !plainText(reason, maxReason) {
		return &Error{Kind: ErrReason, Sentence: "an exception needs a reason of 1 to 120 plain characters"}
	}
	until = until.Truncate(time.Second)
	if err := s.checkAhead(until); err != nil {
		return err
	}
	return s.change(ctx, actor, typed, func(c *change) error {
		c.account.ExemptUntil = until
		e := store.Exception{Until: until, Reason: reason, By: actor, Made: c.now}
		if err := c.PutException(c.account.ID, e); err != nil {
			return err
		}
		return c.event(store.EventExceptionSet, "", "until "+until.UTC().Format(time.RFC3339)+": "+reason)
	})
}

// Unexempt ends an exception before its date.
func (s *Service) Unexempt(ctx context.Context, actor store.Actor, typed string) error {
	return s.change(ctx, actor, typed, func(c *change) error {
		if c.account.ExemptUntil.IsZero() {
			return nil
		}
		c.account.ExemptUntil = time.Time{}
		if err := c.DeleteException(c.account.ID); err != nil {
			return err
		}
		return c.event(store.EventExceptionEnded, "", "")
	})
}

// checkAhead wants a moment in the future that is not a typing mistake.
func (s *Service) checkAhead(t time.Time) error {
	now := s.Now()
	switch {
	case !t.After(now):
		return &Error{Kind: ErrExpires, Sentence: "this date is in the past"}
	case t.After(now.Add(maxAhead)):
		return &Error{Kind: ErrExpires, Sentence: "this date is more than 50 years ahead"}
	default:
		return nil
	}
}

// plainText tells whether s has 1 to most characters, all of them printable.
func plainText(s string, most int) bool {
	if s == "" || len(s) > 4*most || utf8.RuneCountInString(s) > most || !utf8.ValidString(s) {
		return false
	}
	return Printable(s) == s
}
