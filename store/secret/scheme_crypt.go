package secret

import (
	"crypto/subtle"
	"strconv"
	"strings"
)

// Parts that the schemes of crypt(3) share.

// cryptDigits are the 64 characters of crypt(3)'s own base64, in their order.
const cryptDigits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// isCrypt says whether s has only those, and between least and most of them.
func isCrypt(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, cryptDigits) == ""
}

// isSalt says whether s can be the salt of an older scheme: crypt(3) takes almost
// any character for one, up to a number.
func isSalt(s string, most int) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '$' || c == ':' {
			return false
		}
	}
	return len(s) <= most
}

// parseRounds reads a number as crypt(3) writes it. Too large a one is
// ErrTooCostly, whatever its length.
func parseRounds(s string, least, most int) (int, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" || s[0] == '0' {
		return 0, ErrMalformedHash
	}
	n, err := strconv.Atoi(s)
	switch {
	case err != nil || n > most:
		return 0, ErrTooCostly
	case n < least:
		return 0, ErrMalformedHash
	}
	return n, nil
}

// sameText compares in a time that depends on the lengths only.
func sameText(a []byte, b string) bool { return subtle.ConstantTimeCompare(a, []byte(b)) == 1 }
