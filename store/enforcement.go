package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// EnforcementReached returns when the date was reached from which two-step
// verification is required; zero: never. It is on record so that a clock that is
// set back does not undo it.
func (r *Reader) EnforcementReached() (time.Time, error) {
	payload, err := r.payload(reachedKey(), kv.ErrNotFound)
	if errors.Is(err, kv.ErrNotFound) {
		return time.Time{}, nil
	} else if err != nil {
		return time.Time{}, err
	}
	return decodeReached(payload)
}

func decodeReached(payload []byte) (time.Time, error) {
	if len(payload) != 8 || binary.BigEndian.Uint64(payload) == 0 {
		return time.Time{}, fmt.Errorf("%w: date of enforcement", ErrDamaged)
	}
	return secondsAt(payload), nil
}

// PutEnforcementReached notes when the date was reached.
func (w *Writer) PutEnforcementReached(t time.Time) error {
	if seconds(t) == 0 {
		return fmt.Errorf("%w: enforcement without date", ErrInvalidRecord)
	}
	return w.kv.Put(reachedKey(), w.s.seal(reachedKey(), appendSeconds(make([]byte, headerLen), t)))
}
