package store

import (
	"fmt"
	"strings"
	"time"
)

// Phone is the number that an account's second step goes to. The number is
// sealed at rest and shown masked: MaskNumber.
type Phone struct {
	Number  string    // E.164: "+8613812345678"
	Bound   time.Time // in seconds
	BoundBy Actor
}

// String masks the number, so that printing a Phone shows what may be shown.
func (p Phone) String() string { return MaskNumber(p.Number) }

// GoString masks the number.
func (p Phone) GoString() string { return p.String() }

// MarshalText masks the number, in JSON and in logs.
func (p Phone) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// callingCodes1 and callingCodes2 are the ITU-T E.164 country codes of one digit
// and of two; all others have three.
const callingCodes1 = "1 7"
const callingCodes2 = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98"

// MaskNumber hides the middle of an E.164 number: "+86 138****5678". Of eleven
// national digits or more the first three and the last four stay, of fewer at
// most half; what is no E.164 number becomes "****".
func MaskNumber(e164 string) string {
	digits, ok := strings.CutPrefix(e164, "+")
	if !ok || len(digits) < 7 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return "****"
	}
	code := 3
	switch {
	case strings.Contains(callingCodes1, digits[:1]):
		code = 1
	case hasWord(callingCodes2, digits[:2]):
		code = 2
	}
	national := digits[code:]
	head, tail := 3, 4
	if len(national) < 11 {
		tail = len(national) / 3
		head = len(national)/2 - tail
	}
	return "+" + digits[:code] + " " + national[:head] + "****" + national[len(national)-tail:]
}

func hasWord(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

// phoneRecord is Phone on disk, before it is sealed.
type phoneRecord struct {
	Number  string `cbor:"1,keyasint"`
	Bound   int64  `cbor:"2,keyasint"`
	BoundBy string `cbor:"3,keyasint,omitempty"`
}

// Phone returns the account's phone, or ErrNoPhone.
func (r *Reader) Phone(acct AccountID) (Phone, error) {
	key := belowKey(acct, belowPhone, "")
	sealed, err := r.payload(key, ErrNoPhone)
	if err != nil {
		return Phone{}, err
	}
	return r.s.openPhone(key, sealed)
}

func (s *Store) openPhone(key, sealed []byte) (Phone, error) {
	record, err := openSealed[phoneRecord](s, key, sealed)
	return Phone{Number: record.Number, Bound: fromSeconds(record.Bound), BoundBy: Actor(record.BoundBy)}, err
}

// PutPhone writes the account's phone, sealed, and keeps the numbers' index.
// Account.Bound, which closes the doors, is the caller's to set in the same
// transaction: PutAccount. A phone that cannot be read is replaced.
func (w *Writer) PutPhone(acct AccountID, p Phone) error {
	if acct.IsZero() || p.Number == "" {
		return fmt.Errorf("%w: phone without account or number", ErrInvalidRecord)
	}
	if err := checkTexts("phone", p.Number, string(p.BoundBy)); err != nil {
		return err
	}
	if err := w.unlistPhone(acct); err != nil {
		return err
	}
	if err := w.list(w.s.numberKey(p.Number), acct); err != nil {
		return err
	}
	return putSealed(w, belowKey(acct, belowPhone, ""),
		phoneRecord{Number: p.Number, Bound: seconds(p.Bound), BoundBy: string(p.BoundBy)})
}

// DeletePhone removes the account's phone, if it has one, and takes it from the
// numbers' index.
func (w *Writer) DeletePhone(acct AccountID) error {
	if err := w.unlistPhone(acct); err != nil {
		return err
	}
	return w.kv.Delete(belowKey(acct, belowPhone, ""))
}
