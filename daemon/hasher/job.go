package hasher

import (
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// Kinds of request, as they travel in a frame.
const (
	kindMatch = 'm'
	kindHash  = 'h'
	kindIdle  = 'i'
)

// A request is one job: match a password, hash a new one, or take the time of
// that and do nothing.
type request struct {
	kind     byte
	stored   string        // kindMatch
	cost     secret.Cost   // kindHash
	idle     time.Duration // kindIdle: in microseconds on the way to a worker
	password secret.Secret // of none for kindIdle
}

// A reply is what comes of a request that went well.
type reply struct {
	matches bool
	hash    string
}

// MaxPassword is the longest password, in bytes, that is hashed; no account has a
// longer one (accounts.MaxPassword).
const MaxPassword = 1024

// maxStored is the longest stored hash that store/secret matches, in bytes.
const maxStored = secret.MaxStored

func (r request) check() error {
	if len(r.stored) > maxStored || len(r.password.Reveal()) > MaxPassword {
		return ErrTooLong
	}
	return nil
}

// run has a worker do the job.
func (r request) run(w Worker) (reply, error) {
	switch r.kind {
	case kindMatch:
		ok, err := w.Match(r.stored, r.password)
		return reply{matches: ok}, err
	case kindHash:
		hash, err := w.Hash(r.password, r.cost)
		return reply{hash: hash}, err
	case kindIdle:
		return reply{}, w.Idle(r.idle)
	}
	return reply{}, fmt.Errorf("%w: kind %q", errFrameMalformed, r.kind)
}
