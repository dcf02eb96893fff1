package sasl

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"
	"time"
)

// proof32 is a proof of the right length.
const proof32 = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

func TestParseClientFirst(t *testing.T) {
	name := strings.Repeat("n", maxField)
	for message, want := range map[string]*clientFirst{
		"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL":             {flag: 'n', name: "user", nonce: "fyko+d2lbbFgONRv9qkxdawL"}, // RFC 5802 section 5
		"y,,n=u,r=x":                                       {flag: 'y', name: "u", nonce: "x"},
		"p=tls-exporter,a=o=2Cp,n==3D=3D2C,r=!~":           {flag: 'p', binding: "tls-exporter", authz: "o,p", name: "==2C", nonce: "!~"}, // section 5.1
		"n,,n=u,r=x,a=b,Z==,,":                             nil,
		"n,,n=u,r=x,a=b,Z==":                               {flag: 'n', name: "u", nonce: "x", extensions: ",a=b,Z=="},
		"n,,n=" + name + ",r=x":                            {flag: 'n', name: name, nonce: "x"},
		"n,,n=" + name + "n,r=x":                           nil,
		"n,,n=u,r=" + strings.Repeat("x", maxSCRAMNonce):   {flag: 'n', name: "u", nonce: strings.Repeat("x", maxSCRAMNonce)},
		"n,,n=u,r=" + strings.Repeat("x", maxSCRAMNonce+1): nil,
		"n,,n=u,r=x,a=" + strings.Repeat("x", maxSCRAMMessage-len("n,,n=u,r=x,a=")):   {flag: 'n', name: "u", nonce: "x", extensions: ",a=" + strings.Repeat("x", maxSCRAMMessage-len("n,,n=u,r=x,a="))},
		"n,,n=u,r=x,a=" + strings.Repeat("x", maxSCRAMMessage-len("n,,n=u,r=x,a=")+1): nil,
		"":                 nil,
		"n":                nil,
		"n,,":              nil,
		"n,n=u,r=x":        nil, // a comma is missing
		"n=u,r=x":          nil,
		"N,,n=u,r=x":       nil, // names of attributes are case-sensitive
		"n,,N=u,r=x":       nil,
		"n,,n=u,R=x":       nil,
		"n,,r=x,n=u":       nil, // in this order only
		"n,,n=u,a=b,r=x":   nil,
		"n,,m=e,n=u,r=x":   nil, // section 5.1: mandatory extensions
		"n,,n=u,r=x,m=e":   nil,
		"n,,n=u,r=x,ab=c":  nil,
		"n,,n=u,r=x,1=c":   nil,
		"n,,n=u,r=x,a=":    nil,
		"n,,n=u,r=x,":      nil,
		"n,,n=u,r=":        nil,
		"n,,n=u,r=a b":     nil,
		"n,,n=u,r=ü":       nil,
		"n,,n=,r=x":        nil,
		"n,,n=u=,r=x":      nil,
		"n,,n=u=2,r=x":     nil,
		"n,,n=u=2c,r=x":    nil,
		"n,,n=u=41,r=x":    nil,
		"n,a=,n=u,r=x":     nil,
		"n,b=o,n=u,r=x":    nil,
		"n,o,n=u,r=x":      nil,
		"p,,n=u,r=x":       nil,
		"p=,,n=u,r=x":      nil,
		"p=tls_x,,n=u,r=x": nil,
		"n=tls,,n=u,r=x":   nil,
		"x,,n=u,r=x":       nil,
		"n,,n=u\x00,r=x":   nil,
		"n,,n=\xff,r=x":    nil,
	} {
		got, ok := parseClientFirst([]byte(message))
		if ok != (want != nil) || ok && *got != *want {
			t.Errorf("%.80q: %+v, %v; want %+v", message, got, ok, want)
		}
		if ok && got.header()+got.bare() != message {
			t.Errorf("%q prints as %q", message, got.header()+got.bare())
		}
	}
}

func TestParseClientFinal(t *testing.T) {
	for message, ok := range map[string]bool{
		"c=biws,r=x,p=" + proof32:                            true,
		"c=biws,r=x,a=b,C=d=,p=" + proof32:                   true,
		"c=biws,r=x,p=ab,p=" + proof32:                       true, // "p" is a letter like others there
		"c=biws,r=x,m=e,p=" + proof32:                        false,
		"c=biws,a=b,r=x,p=" + proof32:                        false,
		"r=x,c=biws,p=" + proof32:                            false,
		"c=,r=x,p=" + proof32:                                false,
		"c=biw,r=x,p=" + proof32:                             false,
		"c=biws=,r=x,p=" + proof32:                           false,
		"c=bi\nws,r=x,p=" + proof32:                          false,
		"c=biws,r=,p=" + proof32:                             false,
		"c=biws,r=x":                                         false,
		"c=biws,r=x,p=":                                      false,
		"c=biws,r=x,p=biws":                                  false, // too short
		"c=biws,r=x,p=AAAA" + proof32:                        false, // too long
		"c=biws,r=x,p=" + proof32[:43]:                       false, // no padding
		"c=biws,r=x,p=" + proof32[:42] + "R=":                false, // bits left over
		"c=biws,r=x,p=" + proof32 + "\n":                     false,
		"c=biws,r=x,p=" + proof32 + ",a=b":                   false,
		"c=biws,r=x,p=" + proof32[:20] + "\r" + proof32[20:]: false,
		"c=biws,r=x,a=\x00,p=" + proof32:                     false,
		"c=biws,r=x,a=\xff,p=" + proof32:                     false,
		"":                                                   false,
		",p=" + proof32:                                      false,
		"c=biws,r=x,a=" + strings.Repeat("x", maxSCRAMMessage) + ",p=" + proof32: false,
	} {
		got, parsed := parseClientFinal([]byte(message))
		if parsed != ok {
			t.Errorf("%.80q: %v; want %v", message, parsed, ok)
		}
		if parsed && got.String() != message {
			t.Errorf("%q prints as %q", message, got)
		}
	}
}

// FuzzSCRAMMessages: what is taken prints as it came, and keeps its bounds.
func FuzzSCRAMMessages(f *testing.F) {
	for _, s := range []string{"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "p=tls-exporter,a=o=2Cp,n==3D,r=!~,a=b", "y,,n=u,r=x",
		"c=biws,r=x,p=" + proof32, "c=biws,r=x,a=b,p=" + proof32, "n,,m=e,n=u,r=x", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		if m, ok := parseClientFirst(message); ok {
			if got := m.header() + m.bare(); got != string(message) {
				t.Errorf("%q prints as %q", message, got)
			}
			if m.name == "" || len(m.name) > maxField || len(m.authz) > maxField || strings.ContainsRune(m.nonce, ',') {
				t.Errorf("%q is taken as %+v", message, m)
			}
			if first := serverFirst(m.nonce, make([]byte, 16), SCRAMIterations); len(first) > 2*maxSCRAMNonce {
				t.Errorf("an answer of %d bytes", len(first))
			}
		}
		if m, ok := parseClientFinal(message); ok && m.String() != string(message) {
			t.Errorf("%q prints as %q", message, m)
		}
	})
}

// FuzzSCRAM: whatever a client sends, no more than one attempt comes of it, and
// none whose proof matches a key that the client does not have.
func FuzzSCRAM(f *testing.F) {
	f.Add(false, []byte("n,,n=user,r=x"), []byte("c=biws,r=x0,p="+proof32), []byte(nil))
	f.Add(true, []byte("p=tls-exporter,,n=user,r=x"), []byte("c=cD10bHMtZXhwb3J0ZXIsLGJvdW5k,r=x0,p="+proof32), []byte("bound"))
	f.Fuzz(func(t *testing.T, plus bool, first, final, binding []byte) {
		n := 0
		key := SCRAMKey{1, 2, 3}
		env := &testEnv{salt: &Salt{Salt: []byte("salt"), Iterations: SCRAMIterations}, plus: plus, binding: binding, got: func(a Attempt) {
			n++
			if at, last := a.Proof.Match([]SCRAMKey{key}); at != -1 || last != nil {
				t.Errorf("a proof without a password: %d, %q", at, last)
			}
		}}
		s := &scramServer{env: env, plus: plus, draw: func() string { return "0" }}
		for _, message := range [][]byte{first, final, final, first} {
			if c, done, _ := s.Next(message); done && len(c) > 0 {
				t.Errorf("a last challenge %q", c)
			}
		}
		if n > 1 {
			t.Errorf("%d attempts from one exchange", n)
		}
	})
}

// selfSigned is a certificate for mail.example.org.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example.org"}, IsCA: true,
		BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil || !bytes.Equal(leaf.Raw, der) {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
