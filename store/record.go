package store

import (
	"crypto/subtle"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// headerLen is what stands before each payload: key generation and MAC.
const (
	generationLen = 4
	macLen        = 16
	headerLen     = generationLen + macLen
)

// seal makes payload, which begins after headerLen free bytes in value, the
// value of key.
func (s *Store) seal(key, value []byte) []byte {
	generation := s.keys.GenerationBytes()
	mac := s.keys.RecordMAC(key, value[headerLen:])
	copy(value, generation[:])
	copy(value[generationLen:], mac[:])
	return value
}

// unseal returns the payload of value, or ErrDamaged. One generation exists so
// far; when keys can be rotated, the header says which one to check with.
func (s *Store) unseal(key, value []byte) ([]byte, error) {
	if len(value) < headerLen {
		return nil, ErrDamaged
	}
	generation := s.keys.GenerationBytes()
	mac := s.keys.RecordMAC(key, value[headerLen:])
	same := subtle.ConstantTimeCompare(value[:generationLen], generation[:])
	same &= subtle.ConstantTimeCompare(value[generationLen:headerLen], mac[:])
	if same != 1 {
		return nil, ErrDamaged
	}
	return value[headerLen:], nil
}

// cborModes returns how cold records are written and read: one encoding for
// each record, no unknown or doubled field, bounds far above what is written.
func cborModes() (cbor.EncMode, cbor.DecMode, error) {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		return nil, nil, fmt.Errorf("store: %w", err)
	}
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   4,
		MaxArrayElements:  64,
		MaxMapPairs:       64,
	}.DecMode()
	if err != nil {
		return nil, nil, fmt.Errorf("store: %w", err)
	}
	return enc, dec, nil
}

// encode returns record as CBOR after headerLen free bytes, ready for seal.
func encode[T any](s *Store, record T) ([]byte, error) {
	payload, err := s.enc.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("store: encoding: %w", err)
	}
	return append(make([]byte, headerLen, headerLen+len(payload)), payload...), nil
}

// decode reads a payload whose MAC was right; that it is no CBOR of this record
// is damage all the same.
func decode[T any](s *Store, payload []byte) (T, error) {
	var record T
	if err := s.dec.Unmarshal(payload, &record); err != nil {
		return record, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return record, nil
}

// putSealed writes a CBOR record that is encrypted, with its key as associated
// data: moved to another key it does not open.
func putSealed[T any](w *Writer, key []byte, record T) error {
	payload, err := w.s.enc.Marshal(record)
	if err != nil {
		return fmt.Errorf("store: encoding: %w", err)
	}
	sealed, err := w.s.keys.Seal(w.s.rand, key, payload)
	if err != nil {
		return err
	}
	return w.kv.Put(key, w.s.seal(key, append(make([]byte, headerLen), sealed...)))
}

// openSealed reads the payload that putSealed made for key.
func openSealed[T any](s *Store, key, sealed []byte) (T, error) {
	payload, err := s.keys.Open(key, sealed)
	if err != nil {
		var none T
		return none, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return decode[T](s, payload)
}

// fill copies src to dst; another length is damage.
func fill(dst, src []byte) error {
	if copy(dst, src) != len(dst) || len(src) != len(dst) {
		return fmt.Errorf("%w: length of a field", ErrDamaged)
	}
	return nil
}

// damagedIf makes of what must not be written what must not have been read.
func damagedIf(err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}
