package store

import (
	"fmt"
	"time"
)

// Exception lets an account without a phone use its main password at mail doors
// although two-step verification is enforced, until a date. Account.ExemptUntil
// repeats the date, where logins see it. Times are kept in seconds.
type Exception struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	By     Actor     `json:"by"`
	Made   time.Time `json:"made"`
}

// exceptionRecord is Exception on disk.
type exceptionRecord struct {
	Until  int64  `cbor:"1,keyasint"`
	Reason string `cbor:"2,keyasint,omitempty"`
	By     string `cbor:"3,keyasint,omitempty"`
	Made   int64  `cbor:"4,keyasint"`
}

// Exception returns the account's exception, or ErrNoException. One that has
// ended stays until it is deleted.
func (r *Reader) Exception(acct AccountID) (Exception, error) {
	payload, err := r.payload(belowKey(acct, belowException, ""), ErrNoException)
	if err != nil {
		return Exception{}, err
	}
	record, err := decode[exceptionRecord](r.s, payload)
	return Exception{Until: fromSeconds(record.Until), Reason: record.Reason,
		By: Actor(record.By), Made: fromSeconds(record.Made)}, err
}

// PutException writes the account's exception. Account.ExemptUntil is the
// caller's to set in the same transaction: PutAccount.
func (w *Writer) PutException(acct AccountID, x Exception) error {
	if acct.IsZero() || x.Until.IsZero() {
		return fmt.Errorf("%w: exception without account or end", ErrInvalidRecord)
	}
	if err := checkTexts("exception", x.Reason, string(x.By)); err != nil {
		return err
	}
	return putCold(w, belowKey(acct, belowException, ""), exceptionRecord{Until: seconds(x.Until),
		Reason: x.Reason, By: string(x.By), Made: seconds(x.Made)})
}

// DeleteException removes the account's exception, if it has one.
func (w *Writer) DeleteException(acct AccountID) error {
	return w.kv.Delete(belowKey(acct, belowException, ""))
}
