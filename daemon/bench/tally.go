package bench

import "time"

// verdict is what an answer says.
type verdict uint8

const (
	undecided verdict = iota
	accepted
	rejected
)

// tally is what a connection counts.
type tally struct {
	accepted, rejected, undecided uint64
	unanswered                    int
	ended                         time.Time // when the last answer came
	latency                       histogram
}

// count adds an answer.
func (t *tally) count(answer verdict, started, now time.Time) {
	switch answer {
	case accepted:
		t.accepted++
	case rejected:
		t.rejected++
	default:
		t.undecided++
	}
	t.ended = now
	t.latency.add(now.Sub(started))
}
