package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	gosasl "github.com/emersion/go-sasl"
)

// TLSExporter is the channel binding of SCRAM-SHA-256-PLUS (RFC 9266), and the
// only one: tls-unique is broken before TLS 1.3 and does not exist from there on.
const TLSExporter = "tls-exporter"

// SCRAMIterations is the iteration count of keys made from now on. 4096 is what
// RFC 7677 section 4 asks for at least. More would slow down every login of every
// phone, and add nothing to the 72 random bits of an app password.
const SCRAMIterations = 4096

const (
	scramSize = sha256.Size
	// SCRAMKeySize is the length of a SCRAMKey in bytes.
	SCRAMKeySize = 2 * scramSize
)

// SCRAMKey is what a server keeps of a password: StoredKey ‖ ServerKey (RFC 5802
// section 3). Who has it can try passwords, and can pose as the server; it logs
// nobody in.
type SCRAMKey [SCRAMKeySize]byte

// String tells nothing, so that printing what holds keys prints none.
func (SCRAMKey) String() string { return "[redacted]" }

// GoString is String: %#v must not walk the bytes.
func (SCRAMKey) GoString() string { return "[redacted]" }

// DeriveSCRAM makes the key of a password for SCRAM-SHA-256. The password is one
// that SASLprep leaves as it is, such as printable ASCII. It takes about a
// millisecond at SCRAMIterations.
func DeriveSCRAM(password string, salt []byte, iterations int) (SCRAMKey, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, scramSize)
	if err != nil {
		return SCRAMKey{}, fmt.Errorf("sasl: deriving a SCRAM key: %w", err)
	}
	stored := sha256.Sum256(hmacOf(salted, "Client Key"))
	return SCRAMKey(append(stored[:], hmacOf(salted, "Server Key")...)), nil
}

func hmacOf(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// SCRAMProof is what a client's final message proves: that it knows a password,
// without telling it.
type SCRAMProof struct {
	signed string // AuthMessage
	proof  [scramSize]byte
}

// Match tries each key and returns the place of the one that the proof was made
// with, and the server's final message, which proves to the client that the
// server has it too. It must reach the client only once the login is accepted.
//
// Without such a key the place is -1 and there is no message. The time tells how
// many keys there are, and neither whether one matched nor which.
func (p *SCRAMProof) Match(keys []SCRAMKey) (at int, final []byte) {
	at = -1
	var server [scramSize]byte
	var clientKey [scramSize]byte
	for i := range keys {
		stored, serverKey := keys[i][:scramSize], keys[i][scramSize:]
		subtle.XORBytes(clientKey[:], p.proof[:], hmacOf(stored, p.signed))
		sum := sha256.Sum256(clientKey[:])
		same := subtle.ConstantTimeCompare(sum[:], stored)
		at = subtle.ConstantTimeSelect(same, i, at)
		subtle.ConstantTimeCopy(same, server[:], serverKey)
	}
	final = serverFinal(hmacOf(server[:], p.signed))
	if at < 0 {
		return -1, nil
	}
	return at, final
}

// Salt is what a client needs to make its proof: all passwords of one name share
// it.
type Salt struct {
	Salt       []byte
	Iterations int
}

// errEnded ends an exchange about which the Env has decided.
var errEnded = errors.New("sasl: the exchange has ended")

// scramServer is SCRAM-SHA-256 (RFC 5802, 7677), and with plus
// SCRAM-SHA-256-PLUS. Its first answer is the same for names that exist and names
// that do not. It never sends the "e=" of section 7: an error would tell more
// than "refused", which is said elsewhere.
type scramServer struct {
	env     Env
	plus    bool
	draw    func() string // the server's part of the nonce
	message int           // of the client's, which comes next
	client  *clientFirst
	nonce   string // both parts
	first   string // the server's first message
}

func newSCRAM(env Env) gosasl.Server { return &scramServer{env: env, draw: rand.Text} }

func newSCRAMPlus(env Env) gosasl.Server { return &scramServer{env: env, plus: true, draw: rand.Text} }

var _ gosasl.Server = (*scramServer)(nil)

// Next takes the client's first message, for which it asks if it did not come
// with the request, then the final one. After an error nothing more is taken.
func (s *scramServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if s.message == 0 && response == nil {
		return []byte{}, false, nil
	}
	s.message++
	switch {
	case s.message == 1:
		challenge, err = s.begin(response)
		return challenge, false, err
	case s.message == 2 && s.client != nil:
		err = s.end(response)
		return nil, err == nil, err
	default:
		return nil, false, gosasl.ErrUnexpectedClientResponse
	}
}

// begin answers the client's first message.
func (s *scramServer) begin(message []byte) ([]byte, error) {
	client, ok := parseClientFirst(message)
	if !ok || !s.bindingAllowed(client) {
		return nil, ErrMalformed
	}
	salt, ok := s.env.Salt(client.name, client.authz)
	if !ok {
		return nil, errEnded
	}
	s.client, s.nonce = client, client.nonce+s.draw()
	s.first = serverFirst(s.nonce, salt.Salt, salt.Iterations)
	if s.plus {
		s.env.AskBinding(TLSExporter)
	}
	return []byte(s.first), nil
}

// bindingAllowed compares the client's flag with the mechanism (section 6). With
// "y" the client says that it would bind but saw no mechanism to do it by: if one
// was offered, somebody between has taken it from the list.
func (s *scramServer) bindingAllowed(client *clientFirst) bool {
	if s.plus {
		return client.flag == 'p' && client.binding == TLSExporter
	}
	return client.flag == 'n' || client.flag == 'y' && !s.env.PlusOffered()
}

// end takes the client's final message and hands the attempt over.
func (s *scramServer) end(message []byte) error {
	final, ok := parseClientFinal(message)
	if !ok || final.nonce != s.nonce {
		return ErrMalformed
	}
	channel := []byte(s.client.header())
	if s.plus {
		data := s.env.Binding()
		if len(data) == 0 {
			return ErrMalformed
		}
		channel = append(channel, data...)
	}
	if subtle.ConstantTimeCompare(final.binding, channel) != 1 {
		return ErrMalformed
	}
	s.env.Got(Attempt{
		Name: s.client.name, Authz: s.client.authz,
		Proof: &SCRAMProof{signed: s.client.bare() + "," + s.first + "," + final.withoutProof(), proof: final.proof},
	})
	return nil
}
