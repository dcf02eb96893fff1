package secret

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
)

// maxDigestSalt bounds what follows the digest; Dovecot makes four bytes, LDAP
// servers up to sixteen.
const maxDigestSalt = 64

// digestSchemes are the single digests of Dovecot and of LDAP (RFC 2307): of the
// password, or of password and salt with the salt behind it. They protect next to
// nothing, and are here to be replaced at the next login.
func digestSchemes() []scheme {
	return []scheme{
		{name: "ssha512", dovecot: []string{"SSHA512"}, parse: ofDigest(sha512.Size, sha512.New, true)},
		{name: "ssha256", dovecot: []string{"SSHA256"}, parse: ofDigest(sha256.Size, sha256.New, true)},
		{name: "ssha", dovecot: []string{"SSHA"}, parse: ofDigest(sha1.Size, sha1.New, true)},
		{name: "smd5", dovecot: []string{"SMD5"}, parse: ofDigest(md5.Size, md5.New, true)},
		{name: "sha512", dovecot: []string{"SHA512"}, parse: ofDigest(sha512.Size, sha512.New, false)},
		{name: "sha256", dovecot: []string{"SHA256"}, parse: ofDigest(sha256.Size, sha256.New, false)},
		{name: "sha", dovecot: []string{"SHA", "SHA1"}, parse: ofDigest(sha1.Size, sha1.New, false)},
		{name: "plain-md5", dovecot: []string{"PLAIN-MD5", "LDAP-MD5"}, parse: ofDigest(md5.Size, md5.New, false)},
	}
}

func ofDigest(size int, digest func() hash.Hash, salted bool) func(string, encoding) (matcher, error) {
	return func(rest string, enc encoding) (matcher, error) {
		guess := size
		if salted {
			guess = 0
		}
		b, err := enc.decode(rest, guess)
		if err != nil {
			return nil, err
		}
		if len(b) < size || len(b)-size > maxDigestSalt || salted == (len(b) == size) {
			return nil, ErrMalformedHash
		}
		key, salt := b[:size], b[size:]
		return func(password Secret) (bool, error) {
			sum := digest()
			sum.Write([]byte(password.Reveal()))
			sum.Write(salt)
			return subtle.ConstantTimeCompare(sum.Sum(nil), key) == 1, nil
		}, nil
	}
}
