package sasl

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of SCRAM's messages, in bytes; RFC 5802 has none. The first one is held
// while its exchange is open, and an auth client may leave thousands open.
const (
	maxSCRAMMessage = 2048
	maxSCRAMNonce   = 256
)

// clientFirst is the client's first message (RFC 5802 section 7):
//
//	gs2-cbind-flag "," ["a=" authzid] "," "n=" name "," "r=" nonce *("," attr-val)
//
// A mandatory extension ("m=") is refused, as section 5.1 wants of servers that
// know none; others are kept, as they stand, for the signatures.
type clientFirst struct {
	flag       byte   // 'n', 'y' or 'p'
	binding    string // of 'p': the channel binding's name
	authz      string // "": none
	name       string
	nonce      string
	extensions string // with the comma before each
}

// header is the GS2 header, which comes again in the client's final message.
func (m *clientFirst) header() string {
	var b strings.Builder
	b.WriteByte(m.flag)
	if m.flag == 'p' {
		b.WriteString("=" + m.binding)
	}
	b.WriteByte(',')
	if m.authz != "" {
		b.WriteString("a=" + escapeSASLName(m.authz))
	}
	b.WriteByte(',')
	return b.String()
}

// bare is the message without the header: the part that is signed.
func (m *clientFirst) bare() string {
	return "n=" + escapeSASLName(m.name) + ",r=" + m.nonce + m.extensions
}

// parseClientFirst undoes header and bare; nothing else is taken.
func parseClientFirst(message []byte) (*clientFirst, bool) {
	if len(message) > maxSCRAMMessage || !utf8.Valid(message) || bytes.IndexByte(message, 0) >= 0 {
		return nil, false
	}
	m := &clientFirst{}
	flag, rest, _ := strings.Cut(string(message), ",")
	switch {
	case flag == "n" || flag == "y":
		m.flag = flag[0]
	case strings.HasPrefix(flag, "p=") && isBindingName(flag[2:]):
		m.flag, m.binding = 'p', flag[2:]
	default:
		return nil, false
	}
	authz, rest, found := strings.Cut(rest, ",")
	if !found {
		return nil, false
	}
	ok := true
	if authz != "" {
		m.authz, ok = saslName(authz, "a=")
	}
	name, rest, _ := strings.Cut(rest, ",")
	if ok {
		m.name, ok = saslName(name, "n=")
	}
	nonce, extensions := cutExtensions(rest)
	if !ok || !strings.HasPrefix(nonce, "r=") || !isNonce(nonce[2:]) || !areExtensions(extensions) {
		return nil, false
	}
	m.nonce, m.extensions = nonce[2:], extensions
	return m, true
}

// serverFirst is the server's first message.
func serverFirst(nonce string, salt []byte, iterations int) string {
	return "r=" + nonce + ",s=" + base64.StdEncoding.EncodeToString(salt) + ",i=" + strconv.Itoa(iterations)
}

// clientFinal is the client's final message:
//
//	"c=" binding "," "r=" nonce *("," attr-val) "," "p=" proof
type clientFinal struct {
	binding    []byte // the GS2 header, and the channel's data if there are any
	nonce      string
	extensions string
	proof      [scramSize]byte
}

// withoutProof is the part that is signed.
func (m *clientFinal) withoutProof() string {
	return "c=" + base64.StdEncoding.EncodeToString(m.binding) + ",r=" + m.nonce + m.extensions
}

// String is the whole message.
func (m *clientFinal) String() string {
	return m.withoutProof() + ",p=" + base64.StdEncoding.EncodeToString(m.proof[:])
}

// parseClientFinal undoes String; nothing else is taken.
func parseClientFinal(message []byte) (*clientFinal, bool) {
	if len(message) > maxSCRAMMessage || !utf8.Valid(message) || bytes.IndexByte(message, 0) >= 0 {
		return nil, false
	}
	text := string(message)
	at := strings.LastIndex(text, ",p=")
	if at < 0 {
		return nil, false
	}
	proof, ok := decodeBase64(text[at+3:])
	if !ok || len(proof) != scramSize {
		return nil, false
	}
	binding, rest, _ := strings.Cut(text[:at], ",")
	nonce, extensions := cutExtensions(rest)
	if !strings.HasPrefix(binding, "c=") || !strings.HasPrefix(nonce, "r=") || !isNonce(nonce[2:]) || !areExtensions(extensions) {
		return nil, false
	}
	m := &clientFinal{nonce: nonce[2:], extensions: extensions, proof: [scramSize]byte(proof)}
	m.binding, ok = decodeBase64(binding[2:])
	return m, ok && len(m.binding) > 0
}

// serverFinal is the server's final message.
func serverFinal(signature []byte) []byte {
	return append([]byte("v="), base64.StdEncoding.EncodeToString(signature)...)
}

// cutExtensions cuts before the first comma and leaves it to what follows.
func cutExtensions(s string) (value, extensions string) {
	if at := strings.IndexByte(s, ','); at >= 0 {
		return s[:at], s[at:]
	}
	return s, ""
}

// areExtensions takes *("," ALPHA "=" 1*value-char) without "m".
func areExtensions(s string) bool {
	for s != "" {
		var value string
		value, s = cutExtensions(s[1:])
		if len(value) < 3 || !isAlpha(value[0]) || value[0] == 'm' || value[1] != '=' {
			return false
		}
	}
	return true
}

// saslName reads one attribute that is a name. "=" stands for nothing but the
// beginning of =2C or =3D (section 5.1).
func saslName(attribute, prefix string) (string, bool) {
	escaped, found := strings.CutPrefix(attribute, prefix)
	if !found || escaped == "" {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		c := escaped[i]
		if c == '=' {
			switch {
			case strings.HasPrefix(escaped[i:], "=2C"):
				c = ','
			case strings.HasPrefix(escaped[i:], "=3D"):
			default:
				return "", false
			}
			i += 2
		}
		b.WriteByte(c)
	}
	return b.String(), b.Len() <= maxField
}

// escapeSASLName undoes saslName.
func escapeSASLName(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "=", "=3D"), ",", "=2C")
}

// isNonce takes 1*printable, which leaves the comma out.
func isNonce(s string) bool {
	if s == "" || len(s) > maxSCRAMNonce {
		return false
	}
	for _, c := range []byte(s) {
		if c < '!' || c > '~' || c == ',' {
			return false
		}
	}
	return true
}

// isBindingName takes 1*(ALPHA / DIGIT / "." / "-").
func isBindingName(s string) bool {
	for _, c := range []byte(s) {
		if !isAlpha(c) && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return s != ""
}

func isAlpha(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// decodeBase64 takes what encoding the result gives again: encoding/base64 skips
// line ends even where it is strict.
func decodeBase64(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil && !strings.ContainsAny(s, "\r\n")
}
