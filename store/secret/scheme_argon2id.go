package secret

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost is what one Argon2id hash takes (RFC 9106 section 3.1): memory in KiB,
// passes over it, lanes.
type Cost struct {
	MemoryKiB, Time uint32
	Threads         uint8
}

// DefaultCost is the cost of new hashes: 19 MiB, two passes, one lane, the
// smallest setting that OWASP's password storage page still recommends.
func DefaultCost() Cost { return Cost{MemoryKiB: 19456, Time: 2, Threads: 1} }

// Bounds of what is accepted, from an import as from our own configuration.
// Time times memory at both limits is about one second of a 2020s processor.
const (
	maxArgonMemoryKiB = 64 << 10
	maxArgonTime      = 16
	maxArgonThreads   = 16
	minArgonSalt      = 8
	maxArgonSalt      = 64
	minArgonHash      = 16
	maxArgonHash      = 64
	newArgonSalt      = 16
	newArgonHash      = 32
)

// check returns ErrTooCostly, or ErrMalformedHash for what Argon2 does not allow.
func (c Cost) check() error {
	if c.MemoryKiB > maxArgonMemoryKiB || c.Time > maxArgonTime || c.Threads > maxArgonThreads {
		return ErrTooCostly
	}
	if c.Time < 1 || c.Threads < 1 || c.MemoryKiB < 8*uint32(c.Threads) {
		return ErrMalformedHash
	}
	return nil
}

// phc is a parsed "$argon2id$v=19$m=…,t=…,p=…$salt$hash", or one of "$argon2i$".
type phc struct {
	cost       Cost
	salt, hash []byte
}

func (p phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		p.cost.MemoryKiB, p.cost.Time, p.cost.Threads, b64.EncodeToString(p.salt), b64.EncodeToString(p.hash))
}

func hashArgon2id(rand io.Reader, password Secret, cost Cost) (string, error) {
	if err := cost.check(); err != nil {
		return "", err
	}
	p := phc{cost: cost, salt: make([]byte, newArgonSalt)}
	if _, err := io.ReadFull(rand, p.salt); err != nil {
		return "", fmt.Errorf("secret: drawing a salt: %w", err)
	}
	p.hash = p.compute(password, newArgonHash)
	return p.String(), nil
}

func newArgon2id(stored string) (matcher, error) {
	p, err := parseArgon2("argon2id", stored)
	if err != nil {
		return nil, err
	}
	return func(password Secret) (bool, error) {
		return subtle.ConstantTimeCompare(p.compute(password, uint32(len(p.hash))), p.hash) == 1, nil
	}, nil
}

// cheaper says whether an Argon2id hash took less work than one of cost does.
func cheaper(stored string, cost Cost) bool {
	_, _, rest, err := split(stored)
	if err != nil {
		return false
	}
	p, err := parseArgon2("argon2id", rest)
	return err == nil && uint64(p.cost.MemoryKiB)*uint64(p.cost.Time) < uint64(cost.MemoryKiB)*uint64(cost.Time)
}

func (p phc) compute(password Secret, size uint32) []byte {
	return argon2.IDKey([]byte(password.Reveal()), p.salt, p.cost.Time, p.cost.MemoryKiB, p.cost.Threads, size)
}

// parseArgon2 reads the PHC string format as libsodium (and so Dovecot's
// src/auth/password-scheme-sodium.c) and the reference code write it: version
// first, then m, t and p in this order, base64 without padding.
func parseArgon2(variant, s string) (phc, error) {
	var p phc
	fields := strings.Split(s, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != variant {
		return p, ErrMalformedHash
	}
	if fields[2] != "v="+strconv.Itoa(argon2.Version) {
		return p, fmt.Errorf("%w: argon2 version", ErrUnknownScheme)
	}
	var err error
	if p.cost, err = parseArgonCost(fields[3]); err != nil {
		return p, err
	}
	if p.salt, err = decodeArgon(fields[4], minArgonSalt, maxArgonSalt); err != nil {
		return p, err
	}
	p.hash, err = decodeArgon(fields[5], minArgonHash, maxArgonHash)
	return p, err
}

func parseArgonCost(s string) (Cost, error) {
	var n [3]uint32
	parts := strings.Split(s, ",")
	if len(parts) != len(n) {
		return Cost{}, ErrMalformedHash
	}
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(parts[i], name)
		if !ok || len(digits) == 0 || digits[0] == '+' || (len(digits) > 1 && digits[0] == '0') {
			return Cost{}, ErrMalformedHash
		}
		v, err := strconv.ParseUint(digits, 10, 32)
		if err != nil {
			return Cost{}, ErrMalformedHash
		}
		n[i] = uint32(v)
	}
	if n[2] > maxArgonThreads {
		return Cost{}, ErrTooCostly
	}
	c := Cost{MemoryKiB: n[0], Time: n[1], Threads: uint8(n[2])}
	return c, c.check()
}

func decodeArgon(s string, minLen, maxLen int) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // which encoding/base64 skips
		return nil, ErrMalformedHash
	}
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < minLen || len(b) > maxLen {
		return nil, ErrMalformedHash
	}
	return b, nil
}
