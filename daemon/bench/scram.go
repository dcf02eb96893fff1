package bench

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

const mechanismSCRAM = "SCRAM-SHA-256"

// maxIterations bounds what a server may have a client compute.
const maxIterations = 1 << 20

// errSCRAM is about what a server said.
var errSCRAM = errors.New("the server's SCRAM message is not one of RFC 5802")

// prover is one account's side of SCRAM-SHA-256 (RFC 5802, 7677). Its keys are
// derived once, as a mail program does that keeps them: a load is to show the
// server's speed. It takes the server's own proof as given, and names the same
// nonce each time.
type prover struct {
	bare              string // client-first-message-bare
	clientKey, stored [sha256.Size]byte
}

func newProver(a *Account) prover {
	name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(a.name)
	return prover{bare: "n=" + name + ",r=latchkey-bench"}
}

// first is the client's first message.
func (p *prover) first() []byte { return []byte("n,," + p.bare) }

// derive makes the keys for the salt and count of the server's first message.
func (p *prover) derive(password, challenge []byte) error {
	parts := strings.Split(string(challenge), ",")
	if len(parts) < 3 || !strings.HasPrefix(parts[1], "s=") || !strings.HasPrefix(parts[2], "i=") {
		return errSCRAM
	}
	salt, err := base64.StdEncoding.DecodeString(parts[1][2:])
	iterations, err2 := strconv.Atoi(parts[2][2:])
	if err != nil || err2 != nil || iterations < 1 || iterations > maxIterations {
		return errSCRAM
	}
	salted, err := pbkdf2.Key(sha256.New, string(password), salt, iterations, sha256.Size)
	if err != nil {
		return err
	}
	p.clientKey = hmacOf(salted, "Client Key")
	p.stored = sha256.Sum256(p.clientKey[:])
	return nil
}

// final is the client's final message.
func (p *prover) final(challenge []byte) ([]byte, error) {
	nonce, _, found := bytes.Cut(challenge, []byte(","))
	if !found {
		return nil, errSCRAM
	}
	message := "c=biws," + string(nonce)
	signature := hmacOf(p.stored[:], p.bare+","+string(challenge)+","+message)
	subtle.XORBytes(signature[:], signature[:], p.clientKey[:])
	return []byte(message + ",p=" + base64.StdEncoding.EncodeToString(signature[:])), nil
}

func hmacOf(key []byte, text string) (sum [sha256.Size]byte) {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return [sha256.Size]byte(m.Sum(sum[:0]))
}

// learnProvers asks for each account's salt, on one connection and before the
// clock starts, and takes back what it asked.
func learnProvers(c *connection) ([]prover, error) {
	provers := make([]prover, len(c.accounts))
	var reply dovecot.Reply
	for i := range provers {
		if err := c.nc.SetDeadline(time.Now().Add(dialFor)); err != nil {
			return nil, err
		}
		p := newProver(&c.accounts[i])
		c.auth.Initial, c.auth.RemoteIP = p.first(), device(i)
		id, err := c.client.Start(&c.auth)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(c.client.Flush(), c.client.ReadReply(&reply)); err != nil {
			return nil, err
		}
		if reply.ID != id || reply.Kind != dovecot.Challenged {
			return nil, fmt.Errorf("the server tells no salt for account %d", i+1)
		}
		if err := p.derive(c.accounts[i].secret, reply.Challenge); err != nil {
			return nil, err
		}
		if err := c.client.Cancel(id); err != nil {
			return nil, err
		}
		provers[i] = p
	}
	return provers, nil
}
