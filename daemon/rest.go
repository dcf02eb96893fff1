package daemon

import (
	"context"
	"time"
)

// restTimes is how many times as long as it works a walk over everything rests: it
// takes a quarter of a processor, so that logins hardly notice.
const restTimes = 3

// restMost bounds the rest after a page that a disk has held up.
const restMost = 5 * time.Second

// resting returns what such a walk, which begins now, calls after each of its pages.
// It rests until ctx ends at most.
func resting(ctx context.Context) func() {
	begun := time.Now() // the machine's clock: this is about its processors
	return func() {
		select {
		case <-time.After(min(restTimes*time.Since(begun), restMost)):
		case <-ctx.Done():
		}
		begun = time.Now()
	}
}
