package sasl

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func find(name string) (Mechanism, bool) {
	for _, m := range Mechanisms() {
		if m.Name == name {
			return m, true
		}
	}
	return Mechanism{}, false
}

// exchange runs one mechanism over the responses (nil: no initial response)
// and returns what it said, the attempts it handed over, and its error.
func exchange(t *testing.T, mech string, responses ...[]byte) (challenges []string, got []Attempt, done bool, err error) {
	t.Helper()
	m, ok := find(mech)
	if !ok {
		t.Fatalf("no mechanism %q", mech)
	}
	server := m.New(&testEnv{got: func(a Attempt) { got = append(got, a) }})
	for _, r := range responses {
		var c []byte
		c, done, err = server.Next(r)
		if err != nil {
			return challenges, got, done, err
		}
		if !done {
			challenges = append(challenges, string(c))
		}
	}
	return challenges, got, done, nil
}

func TestMechanisms(t *testing.T) {
	long := strings.Repeat("x", maxField+1)
	for _, tc := range []struct {
		name, mech string
		responses  []string // "-" is no initial response
		challenges string
		want       string // authz|name|secret, "" for a malformed exchange
	}{
		{"plain initial", "PLAIN", []string{"\x00u@example.org\x00pass"}, "", "|u@example.org|pass"},
		{"plain with authorization identity", "PLAIN", []string{"other\x00u\x00p"}, "", "other|u|p"},
		{"plain prompted", "PLAIN", []string{"-", "\x00u\x00p"}, "", "|u|p"},
		{"plain UTF-8 password", "PLAIN", []string{"\x00u\x00пароль密码"}, "", "|u|пароль密码"},
		{"plain empty password", "PLAIN", []string{"\x00u\x00"}, "", ""},
		{"plain empty name", "PLAIN", []string{"\x00\x00p"}, "", ""},
		{"plain no NUL", "PLAIN", []string{"u p"}, "", ""},
		{"plain three NULs", "PLAIN", []string{"\x00u\x00p\x00"}, "", ""},
		{"plain empty initial response", "PLAIN", []string{""}, "", ""},
		{"plain not UTF-8", "PLAIN", []string{"\x00u\x00\xff\xfe"}, "", ""},
		{"plain long password", "PLAIN", []string{"\x00u\x00" + long}, "", ""},
		{"login prompted", "LOGIN", []string{"-", "u", "p"}, "Username:,Password:", "|u|p"},
		{"login name first", "LOGIN", []string{"u", "p"}, "Password:", "|u|p"},
		{"login empty initial response prompts", "LOGIN", []string{"", "u", "p"}, "Username:,Password:", "|u|p"},
		{"login empty name", "LOGIN", []string{"-", "", "p"}, "Username:,Password:", ""},
		{"login empty password", "LOGIN", []string{"-", "u", ""}, "Username:,Password:", ""},
		{"login NUL in password", "LOGIN", []string{"-", "u", "p\x00q"}, "Username:,Password:", ""},
		{"login not UTF-8", "LOGIN", []string{"-", "u\xff", "p"}, "Username:,Password:", ""},
		{"login long name", "LOGIN", []string{"-", long, "p"}, "Username:", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var responses [][]byte
			for _, r := range tc.responses {
				b := []byte(r)
				if r == "-" {
					b = nil
				}
				responses = append(responses, b)
			}
			challenges, got, done, err := exchange(t, tc.mech, responses...)
			if c := strings.Trim(strings.Join(challenges, ","), ","); c != tc.challenges {
				t.Errorf("challenges %q, want %q", c, tc.challenges)
			}
			if tc.want == "" {
				if err == nil || len(got) != 0 {
					t.Fatalf("err %v, attempts %d; want an error and none", err, len(got))
				}
				return
			}
			if err != nil || !done || len(got) != 1 {
				t.Fatalf("err %v, done %v, attempts %d", err, done, len(got))
			}
			if s := got[0].Authz + "|" + got[0].Name + "|" + got[0].Secret(); s != tc.want {
				t.Errorf("attempt %q, want %q", s, tc.want)
			}
		})
	}
}

// After its end a mechanism hands nothing more over.
func TestMechanismEndsOnce(t *testing.T) {
	for _, m := range Mechanisms() {
		if strings.HasPrefix(m.Name, "SCRAM") {
			continue // TestSCRAMEndsOnce
		}
		n := 0
		s := m.New(&testEnv{got: func(Attempt) { n++ }})
		responses := [][]byte{[]byte("\x00u\x00p")}
		if m.Name == "LOGIN" {
			responses = [][]byte{[]byte("u"), []byte("p")}
		}
		for _, r := range append(responses, []byte("\x00u\x00p"), []byte("again")) {
			_, _, err := s.Next(r)
			if n == 1 && err != nil {
				break
			}
		}
		if _, _, err := s.Next([]byte("\x00u\x00p")); err == nil || n != 1 {
			t.Errorf("%s: after the end err %v, attempts %d", m.Name, err, n)
		}
	}
}

func TestAttemptCannotBePrinted(t *testing.T) {
	a, err := attempt("", "u", "hunter2-hunter2")
	if err != nil {
		t.Fatal(err)
	}
	inner := struct{ hidden Attempt }{a}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, s := range []string{fmt.Sprintf(verb, a), fmt.Sprintf(verb, &a), fmt.Sprintf(verb, inner)} {
			if strings.Contains(s, "hunter2") || strings.Contains(s, fmt.Sprintf("%x", "hunter2")) {
				t.Errorf("%s shows the secret: %s", verb, s)
			}
		}
	}
}

func FuzzMechanisms(f *testing.F) {
	f.Add("PLAIN", []byte("\x00u@example.org\x00secret"), []byte(""))
	f.Add("LOGIN", []byte("u@example.org"), []byte("secret"))
	f.Add("LOGIN", []byte(""), []byte("u"))
	f.Add("PLAIN", []byte("\xff\x00\x00"), []byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, mech string, first, second []byte) {
		m, ok := find(mech)
		if !ok {
			return
		}
		n := 0
		s := m.New(&testEnv{got: func(a Attempt) {
			n++
			if a.Name == "" || a.Secret != nil && a.Secret() == "" || len(a.Name) > maxField || (a.Secret == nil) != (a.Proof != nil) {
				t.Errorf("an attempt that should not have passed: %q", a.Name)
			}
		}})
		for _, r := range [][]byte{first, second, second, second} {
			if _, done, err := s.Next(r); done || err != nil {
				if err != nil && n > 0 && !errors.Is(err, ErrMalformed) {
					continue
				}
			}
		}
		if n > 1 {
			t.Errorf("%d attempts from one exchange", n)
		}
	})
}

// Password takes what PLAIN takes.
func TestPassword(t *testing.T) {
	long := strings.Repeat("x", maxField+1)
	for _, c := range [][2]string{{"", "p"}, {"u", ""}, {"u", long}, {long, "p"}, {"u\x00", "p"}, {"u", "p\x00"}, {"u", "\xff"}} {
		if _, err := Password(c[0], c[1]); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.10q, %.10q: %v", c[0], c[1], err)
		}
	}
	a, err := Password("u@example.org", "p@ss")
	if err != nil || a.Name != "u@example.org" || a.Authz != "" || a.Secret() != "p@ss" {
		t.Errorf("%+v, %v", a, err)
	}
}
