package store

import (
	"fmt"
	"time"
)

// RecoveryCode is one of an account's recovery codes. Times are kept in seconds.
type RecoveryCode struct {
	Tag  [16]byte  // secret.Keys.RecoveryTag
	Used time.Time // zero: it still works
}

// RecoveryCodes are the recovery codes that were made together; new ones take
// their place.
type RecoveryCodes struct {
	Made  time.Time
	Codes []RecoveryCode
}

// maxRecoveryCodes bounds RecoveryCodes.Codes.
const maxRecoveryCodes = 32

// recoveryCodesRecord is RecoveryCodes on disk.
type recoveryCodesRecord struct {
	Made  int64                `cbor:"1,keyasint"`
	Codes []recoveryCodeRecord `cbor:"2,keyasint"`
}

type recoveryCodeRecord struct {
	Tag  []byte `cbor:"1,keyasint"`
	Used int64  `cbor:"2,keyasint,omitempty"`
}

func (s *Store) decodeRecoveryCodes(payload []byte) (RecoveryCodes, error) {
	r, err := decode[recoveryCodesRecord](s, payload)
	if err != nil {
		return RecoveryCodes{}, err
	}
	x := RecoveryCodes{Made: fromSeconds(r.Made), Codes: make([]RecoveryCode, len(r.Codes))}
	for i, code := range r.Codes {
		x.Codes[i].Used = fromSeconds(code.Used)
		if err := fill(x.Codes[i].Tag[:], code.Tag); err != nil {
			return RecoveryCodes{}, err
		}
	}
	return x, nil
}

// RecoveryCodes returns the account's recovery codes, the used ones too, or
// ErrNoRecoveryCodes.
func (r *Reader) RecoveryCodes(acct AccountID) (RecoveryCodes, error) {
	payload, err := r.payload(belowKey(acct, belowRecoveryCodes, ""), ErrNoRecoveryCodes)
	if err != nil {
		return RecoveryCodes{}, err
	}
	return r.s.decodeRecoveryCodes(payload)
}

// PutRecoveryCodes writes the account's recovery codes in the place of all
// earlier ones.
func (w *Writer) PutRecoveryCodes(acct AccountID, x RecoveryCodes) error {
	if acct.IsZero() || len(x.Codes) == 0 || len(x.Codes) > maxRecoveryCodes {
		return fmt.Errorf("%w: recovery codes without account, or not 1 to %d of them", ErrInvalidRecord, maxRecoveryCodes)
	}
	r := recoveryCodesRecord{Made: seconds(x.Made), Codes: make([]recoveryCodeRecord, len(x.Codes))}
	for i, code := range x.Codes {
		if code.Tag == [16]byte{} {
			return fmt.Errorf("%w: recovery code without tag", ErrInvalidRecord)
		}
		r.Codes[i] = recoveryCodeRecord{Tag: code.Tag[:], Used: seconds(code.Used)}
	}
	return putCold(w, belowKey(acct, belowRecoveryCodes, ""), r)
}

// DeleteRecoveryCodes removes the account's recovery codes, if it has any.
func (w *Writer) DeleteRecoveryCodes(acct AccountID) error {
	return w.kv.Delete(belowKey(acct, belowRecoveryCodes, ""))
}
