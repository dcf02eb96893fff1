package sasl

import (
	"bytes"

	gosasl "github.com/emersion/go-sasl"
)

// plainServer is PLAIN (RFC 4616). go-sasl's own takes two allocations more for
// each login, and lets through what section 2 forbids: an empty name or password,
// bytes that are not UTF-8.
type plainServer struct {
	env  Env
	done bool
}

func newPlain(env Env) gosasl.Server {
	return &plainServer{env: env}
}

var _ gosasl.Server = (*plainServer)(nil)

// Next takes the one message, and asks for it if it did not come with the request.
func (s *plainServer) Next(response []byte) ([]byte, bool, error) {
	if s.done {
		return nil, false, gosasl.ErrUnexpectedClientResponse
	}
	if response == nil {
		return []byte{}, false, nil
	}
	s.done = true
	authz, rest, _ := bytes.Cut(response, []byte{0})
	name, secret, _ := bytes.Cut(rest, []byte{0})
	// Three strings, not parts of one: a name is kept longer than a secret may be.
	a, err := attempt(string(authz), string(name), string(secret))
	if err != nil {
		return nil, false, err
	}
	s.env.Got(a)
	return nil, true, nil
}
