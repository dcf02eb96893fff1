package dovecot

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// escapeByte introduces an escape (src/lib/strescape.c str_append_tabescaped).
const escapeByte = 0x01

// Escape makes s fit to be one field of a line: NUL, 0x01, TAB, CR and LF become
// 0x01 and one of 0 1 t r n. Mail servers do not undo it, Dovecot does.
func Escape(s string) string {
	if !needsEscape(s) {
		return s
	}
	return string(appendEscaped(nil, s))
}

// Unescape undoes Escape. 0x01 before any other byte stands for that byte; a lone one at the end is dropped.
func Unescape(s string) string {
	if strings.IndexByte(s, escapeByte) < 0 {
		return s
	}
	return string(appendUnescaped(nil, []byte(s)))
}

func needsEscape(s string) bool {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case 0, escapeByte, '\t', '\r', '\n':
			return true
		}
	}
	return false
}

func appendEscaped(dst []byte, s string) []byte {
	if !needsEscape(s) {
		return append(dst, s...)
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case 0:
			dst = append(dst, escapeByte, '0')
		case escapeByte:
			dst = append(dst, escapeByte, '1')
		case '\t':
			dst = append(dst, escapeByte, 't')
		case '\r':
			dst = append(dst, escapeByte, 'r')
		case '\n':
			dst = append(dst, escapeByte, 'n')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func appendUnescaped(dst, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] != escapeByte {
			dst = append(dst, s[i])
			continue
		}
		i++
		if i == len(s) {
			break
		}
		switch s[i] {
		case '0':
			dst = append(dst, 0)
		case '1':
			dst = append(dst, escapeByte)
		case 't':
			dst = append(dst, '\t')
		case 'r':
			dst = append(dst, '\r')
		case 'n':
			dst = append(dst, '\n')
		default:
			dst = append(dst, s[i])
		}
	}
	return dst
}

// text makes a string of a field's value: unescaped, valid UTF-8, without NUL.
// Values such as the IMAP ID and the TLS server name come from the mail program,
// through a Dovecot login that serves many people over this one connection: bad
// bytes in them are replaced rather than the connection dropped for all.
func text(value []byte) string {
	if bytes.IndexByte(value, escapeByte) >= 0 {
		value = appendUnescaped(nil, value)
	}
	if utf8.Valid(value) && bytes.IndexByte(value, 0) < 0 {
		return string(value)
	}
	s := strings.ToValidUTF8(string(value), "\uFFFD")
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

// maxReason bounds a reason: it becomes part of one reply line of IMAP, POP3 or SMTP.
const maxReason = 400

// appendReason appends what a person may be shown. Dovecot's logins write it raw
// into their own reply, so an escaped line end would split that in two; Postfix
// shows escapes as they are. So there are none: printable ASCII only.
func appendReason(dst []byte, s string) []byte {
	if len(s) > maxReason {
		s = s[:maxReason]
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c > '~' {
			c = '?'
		}
		dst = append(dst, c)
	}
	return dst
}
