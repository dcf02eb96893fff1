package sasl

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/xdg-go/scram"

	gosasl "github.com/emersion/go-sasl"
)

// testEnv is an exchange whose owner looks at everything. Without salt it ends
// every exchange that asks for one.
type testEnv struct {
	got     func(Attempt)
	salt    *Salt
	asked   []string // for salts
	plus    bool
	wish    string
	binding []byte
}

func (e *testEnv) Got(a Attempt) { e.got(a) }
func (e *testEnv) Salt(name, authz string) (Salt, bool) {
	e.asked = append(e.asked, name+"|"+authz)
	if e.salt == nil {
		return Salt{}, false
	}
	return *e.salt, true
}
func (e *testEnv) PlusOffered() bool      { return e.plus }
func (e *testEnv) AskBinding(kind string) { e.wish = kind }
func (e *testEnv) Binding() []byte        { return e.binding }

// scramWorld is one account with its keys, and what came of the last exchange.
type scramWorld struct {
	testEnv
	attempts []Attempt
	keys     []SCRAMKey
}

func newSCRAMWorld(t testing.TB, passwords ...string) *scramWorld {
	t.Helper()
	w := &scramWorld{}
	w.salt = &Salt{Salt: []byte("sixteen bytes of"), Iterations: SCRAMIterations}
	w.got = func(a Attempt) { w.attempts = append(w.attempts, a) }
	for _, p := range passwords {
		key, err := DeriveSCRAM(p, w.salt.Salt, w.salt.Iterations)
		if err != nil {
			t.Fatal(err)
		}
		w.keys = append(w.keys, key)
	}
	return w
}

func (w *scramWorld) server(t testing.TB, mech string) gosasl.Server {
	t.Helper()
	m, ok := find(mech)
	if !ok {
		t.Fatalf("no mechanism %q", mech)
	}
	return m.New(w)
}

// login lets a client that somebody else wrote log in. It returns the place of
// the key that matched, -1 for none.
func (w *scramWorld) login(t testing.TB, mech string, client *scram.ClientConversation) int {
	t.Helper()
	w.attempts = nil
	server := w.server(t, mech)
	first, err := client.Step("")
	if err != nil {
		t.Fatal(err)
	}
	challenge, done, err := server.Next([]byte(first))
	if err != nil || done {
		t.Fatalf("%q: %v, %v", first, done, err)
	}
	final, err := client.Step(string(challenge))
	if err != nil {
		t.Fatal(err)
	}
	if _, done, err = server.Next([]byte(final)); err != nil || !done || len(w.attempts) != 1 {
		t.Fatalf("%q: %v, %v, %d attempts", final, done, err, len(w.attempts))
	}
	at, last := w.attempts[0].Proof.Match(w.keys)
	if at < 0 {
		if last != nil {
			t.Errorf("no key matched, and the server's final message is %q", last)
		}
		return at
	}
	if _, err := client.Step(string(last)); err != nil || !client.Valid() {
		t.Errorf("the client does not take %q: %v", last, err)
	}
	return at
}

func oracle(t testing.TB, name, password, authz string) *scram.Client {
	t.Helper()
	c, err := scram.SHA256.NewClient(name, password, authz)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSCRAMVector is the exchange of RFC 7677 section 3, to the letter.
func TestSCRAMVector(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	key, err := DeriveSCRAM("pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	var got []Attempt
	env := &testEnv{salt: &Salt{Salt: salt, Iterations: 4096}, got: func(a Attempt) { got = append(got, a) }}
	s := &scramServer{env: env, draw: func() string { return "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0" }}
	challenge, done, err := s.Next([]byte("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"))
	want := "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	if string(challenge) != want || done || err != nil {
		t.Fatalf("%q, %v, %v; want %q", challenge, done, err, want)
	}
	_, done, err = s.Next([]byte("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="))
	if !done || err != nil || len(got) != 1 || got[0].Name != "user" || got[0].Secret != nil {
		t.Fatalf("%v, %v, %d attempts", done, err, len(got))
	}
	at, final := got[0].Proof.Match([]SCRAMKey{{}, key, {1}})
	if want := "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="; at != 1 || string(final) != want {
		t.Errorf("key %d, %q; want 1, %q", at, final, want)
	}
}

// TestSCRAMClient: somebody else's client gets in with each of twenty passwords,
// in both of the forms that are kept, and with no other.
func TestSCRAMClient(t *testing.T) {
	var passwords []string
	for i := range 20 {
		p := fmt.Sprintf("abcdefghjkmnpq%c%c", 'a'+i, 'z'-i)
		passwords = append(passwords, p, p[:4]+" "+p[4:8]+" "+p[8:12]+" "+p[12:])
	}
	w := newSCRAMWorld(t, passwords...)
	for i, p := range passwords {
		if at := w.login(t, "SCRAM-SHA-256", oracle(t, "u@example.org", p, "").NewConversation()); at != i {
			t.Errorf("%q matched key %d; want %d", p, at, i)
		}
	}
	for _, p := range []string{"wrong", passwords[0] + " ", strings.ToUpper(passwords[0]), passwords[1][:4]} {
		if at := w.login(t, "SCRAM-SHA-256", oracle(t, "u@example.org", p, "").NewConversation()); at != -1 {
			t.Errorf("%q matched key %d", p, at)
		}
	}
	w.keys = nil
	if at := w.login(t, "SCRAM-SHA-256", oracle(t, "u@example.org", passwords[0], "").NewConversation()); at != -1 {
		t.Errorf("of no keys, key %d matched", at)
	}
}

// TestSCRAMNames: names come out as the client has them.
func TestSCRAMNames(t *testing.T) {
	w := newSCRAMWorld(t, "pencil")
	for _, name := range []string{"u", "u,v=w@example.org", "==,,", "=2C", "用户@例子.中国", strings.Repeat("x", maxField)} {
		w.asked = nil
		if at := w.login(t, "SCRAM-SHA-256", oracle(t, name, "pencil", "o,t=her").NewConversation()); at != 0 {
			t.Errorf("%q: key %d", name, at)
		}
		if a := w.attempts[0]; a.Name != name || a.Authz != "o,t=her" || len(w.asked) != 1 || w.asked[0] != a.Name+"|"+a.Authz {
			t.Errorf("%q came as %q, %q, asked %q", name, a.Name, a.Authz, w.asked)
		}
	}
}

// tlsPair is a TLS 1.3 connection with itself.
func tlsPair(t *testing.T) (client tls.ConnectionState, exported []byte) {
	t.Helper()
	cert := selfSigned(t)
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	a, b := net.Pipe()
	c := tls.Client(a, &tls.Config{RootCAs: roots, ServerName: "mail.example.org", MinVersion: tls.VersionTLS13})
	s := tls.Server(b, &tls.Config{Certificates: []tls.Certificate{cert}})
	t.Cleanup(func() { a.Close(); b.Close() })
	handshake := make(chan error, 1)
	go func() { handshake <- s.Handshake() }()
	if err := errors.Join(c.Handshake(), <-handshake); err != nil {
		t.Fatal(err)
	}
	state := s.ConnectionState()
	exported, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32) // RFC 9266 section 2
	if err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState(), exported
}

// TestSCRAMPlus: the client binds to its TLS channel; to another channel, or with
// no data from the mail server, it does not get in.
func TestSCRAMPlus(t *testing.T) {
	state, exported := tlsPair(t)
	bound, err := scram.NewTLSExporterBinding(&state)
	if err != nil {
		t.Fatal(err)
	}
	w := newSCRAMWorld(t, "pencil")
	w.plus, w.binding = true, exported
	if at := w.login(t, "SCRAM-SHA-256-PLUS", oracle(t, "u", "pencil", "").NewConversationWithChannelBinding(bound)); at != 0 || w.wish != "tls-exporter" {
		t.Errorf("key %d, asked for %q", at, w.wish)
	}
	for name, data := range map[string][]byte{"another channel": make([]byte, 32), "cut": exported[:31], "none": nil, "empty": {}} {
		w.binding, w.attempts = data, nil
		client := oracle(t, "u", "pencil", "").NewConversationWithChannelBinding(bound)
		server := w.server(t, "SCRAM-SHA-256-PLUS")
		first, _ := client.Step("")
		challenge, _, err := server.Next([]byte(first))
		if err != nil {
			t.Fatal(err)
		}
		final, _ := client.Step(string(challenge))
		if _, _, err := server.Next([]byte(final)); !errors.Is(err, ErrMalformed) || len(w.attempts) != 0 {
			t.Errorf("%s: %v, %d attempts", name, err, len(w.attempts))
		}
	}
}

// TestSCRAMPlusWithoutData: neither side has binding data, so they agree about it,
// and nothing is bound.
func TestSCRAMPlusWithoutData(t *testing.T) {
	for _, data := range [][]byte{nil, {}} {
		w := newSCRAMWorld(t, "pencil")
		w.binding = data
		server := w.server(t, "SCRAM-SHA-256-PLUS")
		challenge, _, err := server.Next([]byte("p=tls-exporter,,n=u,r=x"))
		if err != nil {
			t.Fatal(err)
		}
		nonce, _, _ := strings.Cut(string(challenge), ",")
		final := "c=" + base64.StdEncoding.EncodeToString([]byte("p=tls-exporter,,")) + "," + nonce + ",p=" + proof32
		if _, _, err := server.Next([]byte(final)); !errors.Is(err, ErrMalformed) || len(w.attempts) != 0 {
			t.Errorf("%v, %d attempts", err, len(w.attempts))
		}
	}
}

// TestSCRAMFlags: which GS2 flag begins which mechanism.
func TestSCRAMFlags(t *testing.T) {
	for _, tc := range []struct {
		mech, flag string
		offered    bool
		ok         bool
	}{
		{"SCRAM-SHA-256", "n", false, true},
		{"SCRAM-SHA-256", "n", true, true},
		{"SCRAM-SHA-256", "y", false, true},
		{"SCRAM-SHA-256", "y", true, false}, // somebody has hidden the other from it
		{"SCRAM-SHA-256", "p=tls-exporter", true, false},
		{"SCRAM-SHA-256-PLUS", "p=tls-exporter", true, true},
		{"SCRAM-SHA-256-PLUS", "p=tls-unique", true, false},
		{"SCRAM-SHA-256-PLUS", "p=tls-server-end-point", true, false},
		{"SCRAM-SHA-256-PLUS", "n", true, false},
		{"SCRAM-SHA-256-PLUS", "y", true, false},
	} {
		w := newSCRAMWorld(t)
		w.plus = tc.offered
		_, _, err := w.server(t, tc.mech).Next([]byte(tc.flag + ",,n=u,r=nonce"))
		if (err == nil) != tc.ok || (len(w.asked) == 1) != tc.ok {
			t.Errorf("%+v: %v, %d salts", tc, err, len(w.asked))
		}
		if asked := w.wish != ""; asked != (tc.ok && strings.HasSuffix(tc.mech, "PLUS")) {
			t.Errorf("%+v: asks for %q", tc, w.wish)
		}
	}
}

// TestSCRAMEndsOnce: what does not follow the exchange ends it, and after the end
// nothing is taken any more.
func TestSCRAMEndsOnce(t *testing.T) {
	proof := base64.StdEncoding.EncodeToString(make([]byte, 32))
	good := func(challenge string) string {
		nonce, _, _ := strings.Cut(challenge, ",")
		return "c=biws," + nonce + ",p=" + proof
	}
	for name, tc := range map[string]struct {
		first    string
		final    func(challenge string) string // nil: the first is refused
		attempts int
	}{
		"good":               {"n,,n=u,r=x", good, 1},
		"malformed":          {"n,,n=u", nil, 0},
		"empty":              {"", nil, 0},
		"another nonce":      {"n,,n=u,r=x", func(string) string { return "c=biws,r=x,p=" + proof }, 0},
		"another header":     {"n,,n=u,r=x", func(c string) string { return strings.Replace(good(c), "biws", "eSws", 1) }, 0},
		"header of an authz": {"n,a=u,n=u,r=x", good, 0},
		"empty final":        {"n,,n=u,r=x", func(string) string { return "" }, 0},
		"first again":        {"n,,n=u,r=x", func(string) string { return "n,,n=u,r=x" }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSCRAMWorld(t)
			s := w.server(t, "SCRAM-SHA-256")
			if c, done, err := s.Next(nil); c == nil || len(c) != 0 || done || err != nil {
				t.Fatalf("without an initial response: %q, %v, %v", c, done, err)
			}
			challenge, done, err := s.Next([]byte(tc.first))
			if (err == nil) != (tc.final != nil) || done {
				t.Fatalf("first: %v, %v", done, err)
			}
			if tc.final != nil {
				_, done, err = s.Next([]byte(tc.final(string(challenge))))
				if ok := err == nil; ok != (tc.attempts == 1) || done != ok {
					t.Errorf("final: %v, %v", done, err)
				}
			}
			for _, again := range []string{tc.first, "n,,n=u,r=x", good(string(challenge))} {
				if _, _, err := s.Next([]byte(again)); err == nil {
					t.Errorf("%q is taken after the end", again)
				}
			}
			if len(w.attempts) != tc.attempts {
				t.Errorf("%d attempts, want %d", len(w.attempts), tc.attempts)
			}
		})
	}
	w := newSCRAMWorld(t)
	w.salt = nil
	s := w.server(t, "SCRAM-SHA-256")
	if _, done, err := s.Next([]byte("n,,n=u,r=x")); err == nil || done {
		t.Errorf("without a salt: %v, %v", done, err)
	}
	if _, _, err := s.Next([]byte("n,,n=u,r=x")); err == nil || len(w.asked) != 1 {
		t.Errorf("without a salt it goes on: %v", err)
	}
}

// TestSCRAMNonces: no two are alike, and each begins with the client's.
func TestSCRAMNonces(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		c, _, err := newSCRAMWorld(t).server(t, "SCRAM-SHA-256").Next([]byte("n,,n=u,r=mine"))
		nonce, _, _ := strings.Cut(string(c), ",")
		if err != nil || seen[nonce] || !strings.HasPrefix(nonce, "r=mine") || len(nonce) < 20+len("r=mine") {
			t.Fatalf("%q, %v", c, err)
		}
		seen[nonce] = true
	}
}

func TestSCRAMKeysCannotBePrinted(t *testing.T) {
	key := SCRAMKey([]byte(strings.Repeat("k", SCRAMKeySize)))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, []SCRAMKey{key}); strings.Contains(s, "kk") || strings.Contains(s, "107") || strings.Contains(s, "0x6b") {
			t.Errorf("%s shows the key: %s", verb, s)
		}
	}
}

// BenchmarkSCRAMMatch is what the server does with the client's proof, for an
// account with twenty app passwords in two forms each. That none, the first or
// the last matches must not show.
func BenchmarkSCRAMMatch(b *testing.B) {
	var passwords []string
	for i := range 40 {
		passwords = append(passwords, fmt.Sprintf("password %d", i))
	}
	w := newSCRAMWorld(b, passwords...)
	for name, password := range map[string]string{"none": "wrong", "first": passwords[0], "last": passwords[39]} {
		w.login(b, "SCRAM-SHA-256", oracle(b, "u", password, "").NewConversation())
		proof := w.attempts[0].Proof
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				proof.Match(w.keys)
			}
		})
	}
}

// BenchmarkDeriveSCRAM is what making one form of one app password costs.
func BenchmarkDeriveSCRAM(b *testing.B) {
	for b.Loop() {
		if _, err := DeriveSCRAM("abcdefghjkmnpqrs", []byte("sixteen bytes of"), SCRAMIterations); err != nil {
			b.Fatal(err)
		}
	}
}
