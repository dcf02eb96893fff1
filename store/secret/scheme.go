package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"sync"
)

// Names of schemes, as lists of accounts show them. They are Dovecot's own names
// (doveadm pw -l) in lower case, and libxcrypt's where Dovecot has none.
const (
	SchemeNone    = "none"    // no main password
	SchemeUnknown = "unknown" // text of no scheme known here
	SchemeOlder   = "argon2id-cheaper"
)

// Argon2id is the scheme of new hashes.
const Argon2id = "argon2id"

// encoding is how the bytes of a stored hash are written behind its {SCHEME}.
type encoding uint8

const (
	asScheme encoding = iota // not said: as the scheme has it
	asBase64                 // {SCHEME.b64}, {SCHEME.base64}
	asHex                    // {SCHEME.hex}
)

// split takes apart what Dovecot keeps: "{SCHEME.encoding}rest", the scheme in
// upper case (Dovecot: src/auth/password-scheme.c, password_get_scheme).
func split(stored string) (scheme string, enc encoding, rest string, err error) {
	if stored == "" || stored[0] != '{' {
		return "", asScheme, stored, nil
	}
	head, rest, closed := strings.Cut(stored[1:], "}")
	if !closed {
		return "", asScheme, "", ErrMalformedHash
	}
	name, suffix, _ := strings.Cut(strings.ToUpper(head), ".")
	switch suffix {
	case "":
		return name, asScheme, rest, nil
	case "B64", "BASE64":
		return name, asBase64, rest, nil
	case "HEX":
		return name, asHex, rest, nil
	}
	return "", asScheme, "", ErrUnknownScheme
}

// decode returns the bytes of rest; size is how many a digest without a salt has,
// 0 if that is open. Where nothing is said, Dovecot takes what has the length of
// the digest in hex for hex.
func (e encoding) decode(rest string, size int) ([]byte, error) {
	if strings.ContainsAny(rest, "\r\n") { // which encoding/base64 skips
		return nil, ErrMalformedHash
	}
	if e == asHex || e == asScheme && size > 0 && len(rest) == hex.EncodedLen(size) {
		b, err := hex.DecodeString(rest)
		if err != nil {
			return nil, ErrMalformedHash
		}
		return b, nil
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(rest, "="))
	if err != nil {
		return nil, ErrMalformedHash
	}
	return b, nil
}

// text returns rest of a scheme whose hash is text: only what is said to be
// encoded is decoded.
func (e encoding) text(rest string) (string, error) {
	if e == asScheme {
		return rest, nil
	}
	b, err := e.decode(rest, 0)
	if err != nil || bytes.IndexByte(b, 0) >= 0 {
		return "", ErrMalformedHash
	}
	return string(b), nil
}

// matcher compares a password with one stored hash, in a time that does not tell
// how much of it is right. An error means that nobody looked.
type matcher func(password Secret) (bool, error)

// scheme is one way of keeping a password: a file scheme_*.go each.
type scheme struct {
	name string
	// crypt are the beginnings of its crypt(3) form, dovecot the names of its
	// {SCHEME} form. A stored text behind such a name has the crypt(3) form of this
	// scheme, if there is one.
	crypt, dovecot []string
	// parse reads a stored text without its {SCHEME}, and refuses what is too
	// costly to match.
	parse func(rest string, enc encoding) (matcher, error)
}

// schemes lists what Match understands, likeliest first.
func schemes() []scheme {
	return append([]scheme{
		{name: Argon2id, crypt: []string{"$argon2id$"}, dovecot: []string{"ARGON2ID"}, parse: ofText(newArgon2id)},
		{name: "sha512-crypt", crypt: []string{"$6$"}, dovecot: []string{"SHA512-CRYPT"}, parse: ofText(newSHA512Crypt)},
		{name: "sha256-crypt", crypt: []string{"$5$"}, dovecot: []string{"SHA256-CRYPT"}, parse: ofText(newSHA256Crypt)},
		{name: blfCrypt, crypt: []string{"$2y$", "$2b$", "$2a$"}, dovecot: []string{"BLF-CRYPT"}, parse: ofText(newBcrypt)},
		{name: "md5-crypt", crypt: []string{"$1$"}, dovecot: []string{"MD5-CRYPT", "MD5"}, parse: ofText(newMD5Crypt)},
		{name: "yescrypt", crypt: []string{"$y$"}, parse: ofText(newYescrypt)},
		{name: "sha1-crypt", crypt: []string{"$sha1$"}, parse: ofText(newSHA1Crypt)},
		{name: "argon2i", crypt: []string{"$argon2i$"}, dovecot: []string{"ARGON2I"}, parse: ofText(newArgon2i)},
		{name: "pbkdf2", dovecot: []string{"PBKDF2"}, parse: ofText(newPBKDF2)},
		{name: "scram-sha-256", dovecot: []string{"SCRAM-SHA-256"}, parse: ofText(newSCRAMSHA256)},
		{name: "scram-sha-1", dovecot: []string{"SCRAM-SHA-1"}, parse: ofText(newSCRAMSHA1)},
	}, digestSchemes()...)
}

func ofText(parse func(string) (matcher, error)) func(string, encoding) (matcher, error) {
	return func(rest string, enc encoding) (matcher, error) {
		text, err := enc.text(rest)
		if err != nil {
			return nil, err
		}
		return parse(text)
	}
}

// find returns the scheme of a stored text and what compares with it.
func find(stored string) (scheme, matcher, error) {
	if len(stored) > MaxStored {
		return scheme{}, nil, ErrMalformedHash
	}
	name, enc, rest, err := split(stored)
	if err != nil {
		return scheme{}, nil, err
	}
	if name == "CRYPT" { // whatever crypt(3) knows
		if rest, err = enc.text(rest); err != nil {
			return scheme{}, nil, err
		}
		name, enc = "", asScheme
	}
	for i, all := 0, allSchemes(); i < len(all); i++ {
		if s := all[i]; s.is(name, rest) {
			match, err := s.parse(rest, enc)
			return s, match, err
		}
	}
	return scheme{}, nil, ErrUnknownScheme
}

// allSchemes is schemes, made once: an import asks for it a million times.
var allSchemes = sync.OnceValue(schemes)

func (s *scheme) is(name, rest string) bool {
	if name == "" {
		for _, prefix := range s.crypt {
			if strings.HasPrefix(rest, prefix) {
				return true
			}
		}
		return false
	}
	for _, own := range s.dovecot {
		if own == name {
			return true
		}
	}
	return false
}

// SchemeOf names the scheme of a stored hash: SchemeNone for "", SchemeUnknown
// for what Match does not understand, and SchemeOlder for an Argon2id hash that
// cost less to make than one of cost does.
func SchemeOf(stored string, cost Cost) string {
	if stored == "" {
		return SchemeNone
	}
	s, _, err := find(stored)
	switch {
	case err != nil:
		return SchemeUnknown
	case s.name == Argon2id && cheaper(stored, cost):
		return SchemeOlder
	}
	return s.name
}

// Outdated says whether a stored hash, which Match understands, should be replaced
// by one of Hash at this cost: it is of another scheme, or cheaper to guess at.
func Outdated(stored string, cost Cost) bool { return SchemeOf(stored, cost) != Argon2id }

// Import checks a stored hash that comes from elsewhere and returns the form in
// which it is kept: without a {SCHEME} that the text itself tells. Errors are
// those of Match, by which the hash would be refused.
func Import(stored string) (string, error) {
	s, _, err := find(stored)
	if err != nil {
		return "", err
	}
	name, enc, rest, err := split(stored)
	if err != nil {
		return "", err
	}
	if len(s.crypt) == 0 || name == "" {
		return stored, nil
	}
	return enc.text(rest)
}

// Named returns a stored hash with the {SCHEME} before it that Import has left out.
// Dovecot takes one without for its passdb's default, CRYPT mostly, and crypt(3)
// does not know all of them.
func Named(stored string) string {
	s, _, err := find(stored)
	switch {
	case stored == "" || err != nil || strings.HasPrefix(stored, "{"):
		return stored
	case len(s.dovecot) == 0:
		return "{CRYPT}" + stored
	}
	return "{" + s.dovecot[0] + "}" + stored
}

// Cleartext returns the password of a stored text that is one in the clear:
// {PLAIN} and its other names. It is hashed where it is imported, and never
// stored.
func Cleartext(stored string) (Secret, bool, error) {
	name, enc, rest, err := split(stored)
	if err != nil {
		return Secret{}, false, err
	}
	switch name {
	case "PLAIN", "CLEAR", "CLEARTEXT":
		text, err := enc.text(rest)
		return New(text), true, err
	}
	return Secret{}, false, nil
}
