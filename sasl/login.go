package sasl

import gosasl "github.com/emersion/go-sasl"

// Prompts of LOGIN. Some clients compare them to the letter, so they are
// spelled as in draft-murchison-sasl-login-00 and in Dovecot's
// src/auth/mech-login.c.
const (
	loginUsername = "Username:"
	loginPassword = "Password:"
)

// loginServer is LOGIN (draft-murchison-sasl-login-00): two prompts, two
// answers. It is obsolete and still what Outlook speaks. go-sasl has had no
// server for it since October 2024.
type loginServer struct {
	env  Env
	step int
	name string
}

func newLogin(env Env) gosasl.Server {
	return &loginServer{env: env}
}

var _ gosasl.Server = (*loginServer)(nil)

// Next takes the user name, which some clients send as an initial response,
// then the password.
func (s *loginServer) Next(response []byte) ([]byte, bool, error) {
	if s.step == 0 {
		s.step = 1
		// An empty initial response is no name: Dovecot prompts too.
		if len(response) == 0 {
			return []byte(loginUsername), false, nil
		}
	}
	switch s.step {
	case 1:
		if len(response) > maxField {
			return nil, false, ErrMalformed
		}
		s.step, s.name = 2, string(response)
		return []byte(loginPassword), false, nil
	case 2:
		s.step = 3
		a, err := attempt("", s.name, string(response))
		if err != nil {
			return nil, false, err
		}
		s.env.Got(a)
		return nil, true, nil
	default:
		return nil, false, gosasl.ErrUnexpectedClientResponse
	}
}
