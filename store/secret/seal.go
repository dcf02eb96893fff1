package secret

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// Errors of opening what was sealed.
var (
	// ErrSealDamaged means that the bytes are not what Seal made for this record.
	ErrSealDamaged = errors.New("secret: sealed value is damaged or belongs to another record")
	// ErrSealGeneration means that another key file sealed the value.
	ErrSealGeneration = errors.New("secret: sealed with another key")
)

// Seal encrypts plain for the record at recordKey with XChaCha20-Poly1305:
// generation (4 bytes) ‖ nonce (24) ‖ ciphertext. The record's key is associated
// data, so that a sealed value moved to another record does not open there.
func (k *Keys) Seal(rand io.Reader, recordKey, plain []byte) ([]byte, error) {
	out := make([]byte, generationLen+chacha20poly1305.NonceSizeX,
		generationLen+chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	copy(out, k.generation[:])
	nonce := out[generationLen:]
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return nil, fmt.Errorf("secret: sealing: %w", err)
	}
	return k.seal.Seal(out, nonce, plain, recordKey), nil
}

// Open undoes Seal. It returns ErrSealGeneration or ErrSealDamaged.
func (k *Keys) Open(recordKey, sealed []byte) ([]byte, error) {
	if len(sealed) < generationLen+chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead {
		return nil, ErrSealDamaged
	}
	generation, rest := sealed[:generationLen], sealed[generationLen:]
	if subtle.ConstantTimeCompare(generation, k.generation[:]) != 1 {
		return nil, ErrSealGeneration
	}
	nonce, box := rest[:chacha20poly1305.NonceSizeX], rest[chacha20poly1305.NonceSizeX:]
	plain, err := k.seal.Open(nil, nonce, box, recordKey)
	if err != nil {
		return nil, ErrSealDamaged
	}
	return plain, nil
}
