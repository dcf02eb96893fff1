package admin

import (
	"context"
	"time"
)

// walkShare bounds what walks over all accounts take of a processor: one part in
// walkShare, and about half as much again to write their pages down. A million
// accounts are counted in half a minute then, beside mail programs that hardly
// notice.
const walkShare = 8

// walkRestMost bounds the rest after a page that a disk has held up.
const walkRestMost = 5 * time.Second

// pace has those who walk over all accounts take turns, page by page, and rest in
// between. A first page comes at once if nobody else walks.
type pace struct {
	turn chan struct{} // full while a page has its turn; guards rest
	rest time.Time     // the next page does not begin before
}

func newPace() *pace { return &pace{turn: make(chan struct{}, 1)} }

// paced is a question for one page of a walk. Where no mail program logs in
// meanwhile nothing holds it up.
func paced[Q, A any](h *Handler, p *pace, answer func(context.Context, Q) (A, error)) func(context.Context, Q) (A, error) {
	return func(ctx context.Context, question Q) (A, error) {
		if h.Offline {
			return answer(ctx, question)
		}
		var none A
		select {
		case p.turn <- struct{}{}:
			defer func() { <-p.turn }()
		case <-ctx.Done():
			return none, ctx.Err()
		}
		if pause := time.Until(p.rest); pause > 0 {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return none, ctx.Err()
			}
		}
		began := time.Now() // the machine's clock: this is about its processors
		defer func() { p.rest = time.Now().Add(min((walkShare-1)*time.Since(began), walkRestMost)) }()
		return answer(ctx, question)
	}
}
