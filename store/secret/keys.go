package secret

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"
)

// The purposes that a master key is split into. A text is part of the key it
// names: changing one makes every record of that purpose unreadable.
const (
	purposeGeneration  = "latchkey/1/generation"
	purposeAppPassword = "latchkey/1/app-password"
	purposeRecordMAC   = "latchkey/1/record-mac"
	purposeSeal        = "latchkey/1/seal"
	purposeSession     = "latchkey/1/session"
	purposeDevice      = "latchkey/1/device"
	purposeRecovery    = "latchkey/1/recovery-code"
	purposeHelpdesk    = "latchkey/1/helpdesk-code"
	purposeNumber      = "latchkey/1/number-index"
	purposeCode        = "latchkey/1/sms-code"
	purposeSCRAMSalt   = "latchkey/1/scram-salt"
)

// generationLen is the number of bytes by which a key is told from another.
const generationLen = 4

// Keys is one master key, split by HKDF-SHA-256 (RFC 5869) into one key for
// each purpose. It is safe for concurrent use.
type Keys struct {
	generation  [generationLen]byte
	appPassword macPool
	recordMAC   macPool
	session     macPool
	device      macPool
	recovery    macPool
	helpdesk    macPool
	number      macPool
	code        macPool
	scramSalt   macPool
	seal        cipher.AEAD
}

// NewKeys derives the purposes' keys from master, which must be random.
func NewKeys(master [32]byte) (*Keys, error) {
	k := &Keys{}
	generation, err := derive(master, purposeGeneration, generationLen)
	if err != nil {
		return nil, err
	}
	copy(k.generation[:], generation)
	for purpose, pool := range map[string]*macPool{
		purposeAppPassword: &k.appPassword, purposeRecordMAC: &k.recordMAC,
		purposeSession: &k.session, purposeDevice: &k.device,
		purposeRecovery: &k.recovery, purposeHelpdesk: &k.helpdesk,
		purposeNumber: &k.number, purposeCode: &k.code,
		purposeSCRAMSalt: &k.scramSalt,
	} {
		key, err := derive(master, purpose, sha256.Size)
		if err != nil {
			return nil, err
		}
		pool.init(key)
	}
	sealing, err := derive(master, purposeSeal, chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	if k.seal, err = chacha20poly1305.NewX(sealing); err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	return k, nil
}

func derive(master [32]byte, purpose string, size int) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, master[:], nil, purpose, size)
	if err != nil {
		return nil, fmt.Errorf("secret: deriving %s: %w", purpose, err)
	}
	return key, nil
}

// Generation names the master key in 8 hex digits that are safe to print:
// derived from it, they tell nothing about it.
func (k *Keys) Generation() string { return hex.EncodeToString(k.generation[:]) }

// GenerationBytes is Generation in its four bytes, as records carry it.
func (k *Keys) GenerationBytes() [4]byte { return k.generation }

// String names the generation and nothing else, so that printing a struct that
// holds keys prints no key.
func (k *Keys) String() string { return "key " + k.Generation() }

// GoString is String: %#v must not walk the fields.
func (k *Keys) GoString() string { return k.String() }

// AppPasswordTag is what an app password is kept and found by: the first 16
// bytes of HMAC-SHA-256(key, account ‖ 0 ‖ letters). The account's id is in it,
// so that one password of two accounts has two tags. Compare tags with
// crypto/subtle only.
func (k *Keys) AppPasswordTag(account [8]byte, letters [16]byte) [16]byte {
	return k.appPassword.tag(account, letters[:])
}

// SessionTag is what a session's token is kept and compared by, made as
// AppPasswordTag is, with a key of its own; so are the three below. Compare tags
// with crypto/subtle only.
func (k *Keys) SessionTag(account [8]byte, t Token) [16]byte { return k.session.tag(account, t[:]) }

// DeviceTag is what the token of a trusted browser is kept and compared by.
func (k *Keys) DeviceTag(account [8]byte, t Token) [16]byte { return k.device.tag(account, t[:]) }

// RecoveryTag is what a recovery code is kept and found by.
func (k *Keys) RecoveryTag(account [8]byte, c RecoveryCode) [16]byte {
	return k.recovery.tag(account, c[:])
}

// HelpdeskTag is what the helpdesk's one-time code is kept and compared by.
func (k *Keys) HelpdeskTag(account [8]byte, c RecoveryCode) [16]byte {
	return k.helpdesk.tag(account, c[:])
}

// NumberTag stands for a phone number where only sameness matters: the first 16
// bytes of HMAC-SHA-256(key, number). Numbers are few enough to try them all, so
// the key is what hides them. e164 is the one spelling of the number.
func (k *Keys) NumberTag(e164 string) [16]byte {
	m := k.number.get()
	m.h.Write([]byte(e164))
	return k.number.finish(m)
}

// SCRAMSalt is the salt that a name begins with: the first 16 bytes of
// HMAC-SHA-256(key, name). It is the same whether or not there is such an
// account, before its first app password and after, so that it tells neither.
func (k *Keys) SCRAMSalt(name string) [16]byte {
	m := k.scramSalt.get()
	m.h.Write([]byte(name))
	return k.scramSalt.finish(m)
}

// Code derives the six digits that an SMS carries from the challenge's random
// id, so that "send again" sends the same code and none is kept:
// HMAC-SHA-256(key, challenge), of which the first 8 bytes, as a number, modulo
// 1,000,000. No code is likelier than another by more than 1 in 10^13.
func (k *Keys) Code(challenge [16]byte) [6]byte {
	m := k.code.get()
	m.h.Write(append(m.scratch[:0], challenge[:]...))
	tag := k.code.finish(m)
	n := binary.BigEndian.Uint64(tag[:8]) % 1_000_000
	var digits [6]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return digits
}

// RecordMAC binds payload to the key it is stored under: the first 16 bytes of
// HMAC-SHA-256(key, len(key) as two bytes ‖ key ‖ payload). Compare it with
// crypto/subtle only. Keys are at most 65,535 bytes.
func (k *Keys) RecordMAC(key, payload []byte) [16]byte {
	m := k.recordMAC.get()
	m.h.Write(binary.BigEndian.AppendUint16(m.scratch[:0], uint16(len(key))))
	m.h.Write(key)
	m.h.Write(payload)
	return k.recordMAC.finish(m)
}

// macPool keeps HMAC states that have already absorbed their key: resetting one
// costs a fifth of making one (0.2 µs instead of 1.0 µs, and no allocation).
type macPool struct{ states sync.Pool }

// mac is one state of a macPool. Its arrays are here, and not on the caller's
// stack, because what is passed to an interface's Write escapes.
type mac struct {
	h       hash.Hash
	scratch [32]byte
	sum     [sha256.Size]byte
}

func (p *macPool) init(key []byte) {
	p.states.New = func() any { return &mac{h: hmac.New(sha256.New, key)} }
}

func (p *macPool) get() *mac { return p.states.Get().(*mac) }

// tag is the first 16 bytes of HMAC-SHA-256(key, account ‖ 0 ‖ secret); secret
// has at most 16 bytes.
func (p *macPool) tag(account [8]byte, secret []byte) [16]byte {
	m := p.get()
	in := append(m.scratch[:0], account[:]...)
	in = append(in, 0)
	in = append(in, secret...)
	m.h.Write(in)
	return p.finish(m)
}

// finish returns the tag and puts the state back, reset.
func (p *macPool) finish(m *mac) [16]byte {
	tag := [16]byte(m.h.Sum(m.sum[:0])[:16])
	m.h.Reset()
	clear(m.scratch[:])
	p.states.Put(m)
	return tag
}
