package secret

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// cheap keeps tests quick; it is never a default.
var cheap = Cost{MemoryKiB: 64, Time: 1, Threads: 1}

// Made by Dovecot 2.3.19: doveadm pw -s ARGON2ID -p …
const (
	dovecotASCII   = "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$yS7kP3Au1o5lkkwOTATdiQ$hNRECLsNT3nqxo8he6WLodDTZ65qBzvHaSddc9mkk50"
	dovecotUnicode = "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$KCXih5g9dnjh6CiqzOSBfQ$SfRkOflrgTlwnfDWHHYtp2qKxKwO3riDzdmLHpJBrHY"
)

func TestMatchDovecot(t *testing.T) {
	for _, test := range []struct {
		stored, password string
		want             bool
	}{
		{dovecotASCII, "correct horse battery", true},
		{strings.TrimPrefix(dovecotASCII, "{ARGON2ID}"), "correct horse battery", true},
		{"{argon2id}" + strings.TrimPrefix(dovecotASCII, "{ARGON2ID}"), "correct horse battery", true},
		{dovecotASCII, "correct horse batterx", false},
		{dovecotUnicode, "pässwörd 密码 📱", true},
	} {
		if got, err := Match(test.stored, New(test.password)); got != test.want || err != nil {
			t.Errorf("Match(%s, %s) = %v, %v; want %v", test.stored, test.password, got, err, test.want)
		}
	}
}

// TestDovecotMatches asks the real doveadm to check a hash of ours.
func TestDovecotMatches(t *testing.T) {
	doveadm := requireDoveadm(t)
	stored, err := Hash(rand.Reader, New(planted), DefaultCost())
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(doveadm, "-c", os.DevNull, "pw", "-t", "{ARGON2ID}"+stored, "-p", planted).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "(verified)") {
		t.Errorf("doveadm does not verify our hash: %v: %s", err, out)
	}
}

func TestHash(t *testing.T) {
	stored, err := Hash(bytes.NewReader(make([]byte, 16)), New(planted), cheap)
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$") {
		t.Fatalf("Hash = %s, %v", stored, err)
	}
	for password, want := range map[string]bool{planted: true, "other": false, "": false} {
		if got, err := Match(stored, New(password)); got != want || err != nil {
			t.Errorf("Match(%q) = %v, %v", password, got, err)
		}
	}
	if _, err := Hash(bytes.NewReader(nil), New(planted), cheap); err == nil {
		t.Error("hashed without a salt")
	}
	for _, c := range []Cost{{}, {MemoryKiB: 64, Time: 1}, {MemoryKiB: 1 << 20, Time: 1, Threads: 1}, {MemoryKiB: 7, Time: 1, Threads: 1}} {
		if _, err := Hash(rand.Reader, New("x"), c); err == nil {
			t.Errorf("hashed at %+v", c)
		}
	}
	if DefaultCost() != (Cost{19456, 2, 1}) {
		t.Errorf("default cost %+v", DefaultCost())
	}
}

func TestMatchRefuses(t *testing.T) {
	const salt, hash = "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	params := func(p string) string { return "$argon2id$v=19$" + p + "$" + salt + "$" + hash }
	for _, test := range []struct {
		stored string
		want   error
	}{
		{"", ErrUnknownScheme},
		{"plain", ErrUnknownScheme},
		{"{PLAIN}plain", ErrUnknownScheme},
		{"$7$salt$hash", ErrUnknownScheme},
		{"$argon2d$v=19$m=64,t=1,p=1$" + salt + "$" + hash, ErrUnknownScheme},
		{"$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + hash, ErrUnknownScheme},
		{params("m=65537,t=1,p=1"), ErrTooCostly},
		{params("m=4294967295,t=1,p=1"), ErrTooCostly},
		{params("m=64,t=17,p=1"), ErrTooCostly},
		{params("m=1024,t=1,p=17"), ErrTooCostly},
		{params("m=64,t=1,p=257"), ErrTooCostly},
		{params("m=7,t=1,p=1"), ErrMalformedHash},
		{params("m=64,t=0,p=1"), ErrMalformedHash},
		{params("m=64,t=1,p=0"), ErrMalformedHash},
		{params("m=4294967296,t=1,p=1"), ErrMalformedHash},
		{params("m=-1,t=1,p=1"), ErrMalformedHash},
		{params("m=+64,t=1,p=1"), ErrMalformedHash},
		{params("m=064,t=1,p=1"), ErrMalformedHash},
		{params("t=1,m=64,p=1"), ErrMalformedHash},
		{params("m=64,t=1"), ErrMalformedHash},
		{params("m=64,t=1,p=1,x=1"), ErrMalformedHash},
		{params("m=64,t=1,p=1") + "$", ErrMalformedHash},
		{params("m=64,t=1,p=1") + "=", ErrMalformedHash},
		{params("m=64,t=1,p=1") + "\n", ErrMalformedHash},
		{"{ARGON2ID}" + params("m=64,t=1,p=1")[1:], ErrMalformedHash},
		{"{ARGON2ID}", ErrMalformedHash},
		{"$argon2id$", ErrMalformedHash},
		{"$argon2id$v=19$m=64,t=1,p=1$AAAA$" + hash, ErrMalformedHash},
		{"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$AAAA", ErrMalformedHash},
		{"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + strings.Repeat("A", 400), ErrMalformedHash},
		{"$argon2id$v=19$m=64,t=1,p=1$" + strings.Repeat("A", 4000) + "$" + hash, ErrMalformedHash},
	} {
		if ok, err := Match(test.stored, New(planted)); ok || !errors.Is(err, test.want) {
			t.Errorf("Match(%.80s) = %v, %v; want %v", test.stored, ok, err, test.want)
		} else if test.stored != "" && strings.Contains(err.Error(), test.stored) {
			t.Errorf("the error quotes the stored hash: %v", err)
		}
	}
}

func FuzzParseArgon2id(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=3,p=1$yS7kP3Au1o5lkkwOTATdiQ$hNRECLsNT3nqxo8he6WLodDTZ65qBzvHaSddc9mkk50")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parseArgon2("argon2id", s)
		if err != nil {
			return
		}
		if err := p.cost.check(); err != nil {
			t.Errorf("%q is accepted at %+v: %v", s, p.cost, err)
		}
		if got := p.String(); got != s {
			t.Errorf("%q prints as %q", s, got)
		}
	})
}
