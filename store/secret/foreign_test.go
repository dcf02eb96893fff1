package secret

import (
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestForeignFixtures matches what doveadm and crypt(3) made: see
// testdata/make_foreign.sh.
func TestForeignFixtures(t *testing.T) {
	text, err := os.ReadFile("testdata/foreign.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 || fields[2] == "" {
			t.Fatalf("fixture %q", line)
		}
		seen[SchemeOf(fields[2], cheap)] = true
		checkForeign(t, fields[0], fields[1], fields[2])
	}
	for _, s := range schemes() {
		if !seen[s.name] {
			t.Errorf("no fixture of %s", s.name)
		}
	}
}

// checkForeign wants the password, and no other, to match; also in the form that
// Import keeps.
func checkForeign(t *testing.T, password, made, stored string) {
	t.Helper()
	kept, err := Import(stored)
	if err != nil {
		t.Errorf("%s: Import: %v", made, err)
		return
	}
	if again, err := Import(kept); again != kept || err != nil {
		t.Errorf("%s: Import of %s = %s, %v", made, kept, again, err)
	}
	if again, err := Import(Named(kept)); again != kept || err != nil || !strings.HasPrefix(Named(kept), "{") {
		t.Errorf("%s: Import of %s = %s, %v", made, Named(kept), again, err)
	}
	if strings.Contains(strings.ToUpper(made), "BLF-CRYPT") && len(password) > 72 || strings.Contains(made, "$2") && len(password) > 72 {
		if ok, _ := Match(kept, New(password[:72])); !ok {
			t.Errorf("%s: bcrypt counts more than 72 bytes", made)
		}
	}
	for _, text := range slices.Compact([]string{stored, kept}) {
		if ok, err := Match(text, New(password)); !ok || err != nil {
			t.Errorf("%s: Match = %v, %v", made, ok, err)
		}
	}
	for _, wrong := range []string{"", password[:20]} {
		if ok, err := Match(kept, New(wrong)); ok || err != nil {
			t.Errorf("%s: Match of a wrong password = %v, %v", made, ok, err)
		}
	}
}

// TestForeignFresh has doveadm make hashes now.
func TestForeignFresh(t *testing.T) {
	doveadm := requireDoveadm(t)
	for _, s := range []string{"CRYPT", "MD5-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "BLF-CRYPT", "ARGON2I", "ARGON2ID", "SSHA", "SSHA256", "SSHA512",
		"SHA", "SHA256", "SHA512", "SMD5", "LDAP-MD5", "PLAIN-MD5", "PBKDF2", "SCRAM-SHA-1", "SCRAM-SHA-256", "SSHA512.b64", "SSHA.hex"} {
		password := rand.Text() + " é密"
		out, err := exec.Command(doveadm, "-c", os.DevNull, "pw", "-s", s, "-p", password).Output()
		if err != nil {
			t.Fatalf("doveadm pw -s %s: %v", s, err)
		}
		checkForeign(t, password, s, strings.TrimSpace(string(out)))
	}
}

// TestForeignBounds refuses what is too costly or has another form, where it is
// imported as where it is matched, and never by quoting it.
func TestForeignBounds(t *testing.T) {
	const sha512 = "Xhwni45TDOY70lzO72th0I131OlKWiW0gu6.uO4xA5vD6lpBw7elEbYWo54ohXFWp3UCa15cpznloG7wCShRq0"
	const bcrypt = "muzYV8d0.79oJSu2pahH4uMxaF71l.21RnMULhLh1P7Fw2pHyhAn6"
	const keys = ",gKUObK+evFCKDAi6vcZUhQ==,8F9KQZOdCQLhB5jinsfdyPMRavfTdNpTy9JikCs9gpA=,XYwS27wC7Ew+TSIWRix0lNSz6QnSE04d//tQbdhLBPc="
	const yescrypt = "$LIV7LbKvPuDl9aLuFyhvhOSL.PGM0DxBLP3ZbGR2kbD"
	for _, test := range []struct {
		stored string
		want   error
	}{
		{"$6$rounds=1000000$salt$" + sha512, nil},
		{"$6$rounds=1000001$salt$" + sha512, ErrTooCostly},
		{"$6$rounds=99999999999999999999999$salt$" + sha512, ErrTooCostly},
		{"$6$rounds=999$salt$" + sha512, ErrMalformedHash},
		{"$6$rounds=01000$salt$" + sha512, ErrMalformedHash},
		{"$6$rounds=-1$salt$" + sha512, ErrMalformedHash},
		{"$6$rounds=$salt$" + sha512, ErrMalformedHash},
		{"$6$cost=5000$salt$" + sha512, ErrMalformedHash},
		{"$6$12345678901234567$" + sha512, ErrMalformedHash},
		{"$6$sa lt$" + sha512, ErrMalformedHash},
		{"$6$salt$" + sha512[1:], ErrMalformedHash},
		{"$6$salt$" + sha512[1:] + "!", ErrMalformedHash},
		{"$6$salt$", ErrMalformedHash},
		{"$6$", ErrMalformedHash},
		{"{SHA512-CRYPT}$5$salt$" + sha512, ErrMalformedHash},
		{"$2y$14$" + bcrypt, nil},
		{"$2y$15$" + bcrypt, ErrTooCostly},
		{"$2y$99$" + bcrypt, ErrTooCostly},
		{"$2y$03$" + bcrypt, ErrMalformedHash},
		{"$2y$5$" + bcrypt, ErrMalformedHash},
		{"$2y$005$" + bcrypt, ErrMalformedHash},
		{"$2x$05$" + bcrypt, ErrUnknownScheme},
		{"$2$05$" + bcrypt, ErrUnknownScheme},
		{"$2y$05$" + bcrypt[1:], ErrMalformedHash},
		{"$1$123456789$LeUyTRqKgAuy0h/l4/0au0", ErrMalformedHash},
		{"$1$1$LeUyTRqKgAuy0h/l4/0au", ErrMalformedHash},
		{"$sha1$1000000$salt$0123456789012345678901234567", nil},
		{"$sha1$1000001$salt$0123456789012345678901234567", ErrTooCostly},
		{"$sha1$0$salt$0123456789012345678901234567", ErrMalformedHash},
		{"$y$j9T$F5Jx5fExrKuPp53xLKQ..1" + yescrypt, nil},
		{"$y$jBT$F5Jx5fExrKuPp53xLKQ..1" + yescrypt, nil}, // 64 MiB
		{"{ARGON2ID}$argon2id$v=19$m=1048576,t=5,p=1$ZyYL2J48I2cR7d3hcACk+A$mdQtgEkVJaWmM9UYaa+oxqu82jS6RBozmpUXi00YsNo", ErrTooCostly}, // doveadm pw -r 5
		{"$argon2i$v=19$m=65537,t=1,p=1$ZyYL2J48I2cR7d3hcACk+A$mdQtgEkVJaWmM9UYaa+oxqu82jS6RBozmpUXi00YsNo", ErrTooCostly},
		{"$y$jCT$F5Jx5fExrKuPp53xLKQ..1" + yescrypt, ErrTooCostly}, // 128 MiB
		{"$y$jzz$F5Jx5fExrKuPp53xLKQ..1" + yescrypt, ErrTooCostly},
		{"$y$j9T0$F5Jx5fExrKuPp53xLKQ..1" + yescrypt, ErrTooCostly},
		{"$y$j.T$F5Jx5fExrKuPp53xLKQ..1" + yescrypt, ErrMalformedHash},
		{"$y$i9T$F5Jx5fExrKuPp53xLKQ..1" + yescrypt, ErrMalformedHash},
		{"$y$$F5Jx5fExrKuPp53xLKQ..1" + yescrypt, ErrMalformedHash},
		{"{PBKDF2}$1$salt$1000000$1e4e7a1a594b25d9de3ef158868f92bcdb3a5d29", nil},
		{"{PBKDF2}$1$salt$1000001$1e4e7a1a594b25d9de3ef158868f92bcdb3a5d29", ErrTooCostly},
		{"{PBKDF2}$1$salt$5000$1e4e7a1a594b25d9de3ef158868f92bcdb3a5d", ErrMalformedHash},
		{"{PBKDF2}$2$salt$5000$1e4e7a1a594b25d9de3ef158868f92bcdb3a5d29", ErrMalformedHash},
		{"{SCRAM-SHA-256}1000000" + keys, nil},
		{"{SCRAM-SHA-256}1000001" + keys, ErrTooCostly},
		{"{SCRAM-SHA-256}0" + keys, ErrMalformedHash},
		{"{SCRAM-SHA-1}4096" + keys, ErrMalformedHash},
		{"{SCRAM-SHA-256}4096,,,", ErrMalformedHash},
		{"{SSHA}L55TUjtiq8FBorTWAZ0jy6g129A=", ErrMalformedHash}, // no salt
		{"{SHA}H+wpIUEgdxoYY7t9ezk57fqhauO2dYA8", ErrMalformedHash},
		{"{SHA}", ErrMalformedHash},
		{"{SHA.hex}zz", ErrMalformedHash},
		{"{SHA.rot13}L55TUjtiq8FBorTWAZ0jy6g129A=", ErrUnknownScheme},
		{"{SSHA}" + strings.Repeat("A", 400), ErrMalformedHash},
		{"{SHA512-CRYPT.b64}JDYk\n", ErrMalformedHash},
		{"{CRYPT}8wYlHcCIUyelM", ErrUnknownScheme}, // DES
		{"{CRAM-MD5}38b57fd1a0c4b46c814aa05f20318edd71c455380655f2c0ac35c5b359528d29", ErrUnknownScheme},
		{"{PLAIN}correct horse", ErrUnknownScheme},
		{"{CRYPT", ErrMalformedHash},
		{"{}x", ErrUnknownScheme},
		{"*", ErrUnknownScheme},
		{"$6$" + strings.Repeat("s", 600), ErrMalformedHash},
	} {
		_, err := Import(test.stored)
		if !errors.Is(err, test.want) || err == nil && test.want != nil {
			t.Errorf("Import(%.60s) = %v; want %v", test.stored, err, test.want)
		}
		if test.want == nil {
			continue
		}
		if ok, err := Match(test.stored, New("x")); ok || !errors.Is(err, test.want) {
			t.Errorf("Match(%.60s) = %v, %v; want %v", test.stored, ok, err, test.want)
		} else if strings.Contains(err.Error(), test.stored) {
			t.Errorf("the error quotes the stored hash: %v", err)
		}
	}
	dear := "$6$rounds=1000000$salt$" + sha512
	if _, err := Match(dear, New(strings.Repeat("x", 1024))); !errors.Is(err, ErrTooCostly) {
		t.Errorf("a long password at a million rounds: %v", err)
	}
}

func TestCleartext(t *testing.T) {
	for _, test := range []struct {
		stored, want string
		is           bool
		err          error
	}{
		{"{PLAIN}correct horse", "correct horse", true, nil},
		{"{plain}{x}", "{x}", true, nil},
		{"{CLEAR}é", "é", true, nil},
		{"{CLEARTEXT}", "", true, nil},
		{"{PLAIN.B64}eA==", "x", true, nil},
		{"{PLAIN.hex}78", "x", true, nil},
		{"{PLAIN.hex}7", "", true, ErrMalformedHash},
		{"{SHA}x", "", false, nil},
		{"plain", "", false, nil},
		{"{PLAIN", "", false, ErrMalformedHash},
	} {
		got, is, err := Cleartext(test.stored)
		if is != test.is || !errors.Is(err, test.err) || err == nil && got.Reveal() != test.want {
			t.Errorf("Cleartext(%q) = %q, %v, %v", test.stored, got.Reveal(), is, err)
		}
	}
}

func TestSchemeOf(t *testing.T) {
	dear := Cost{MemoryKiB: 128, Time: 1, Threads: 1}
	stored, err := Hash(rand.Reader, New(planted), dear)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		stored string
		cost   Cost
		want   string
	}{
		{"", dear, SchemeNone}, {"plain", dear, SchemeUnknown}, {"$6$broken", dear, SchemeUnknown},
		{stored, dear, Argon2id}, {stored, cheap, Argon2id}, {stored, Cost{128, 2, 1}, SchemeOlder}, {"{ARGON2ID}" + stored, Cost{128, 2, 1}, SchemeOlder},
		{"{sha}L55TUjtiq8FBorTWAZ0jy6g129A=", dear, "sha"},
	} {
		if got := SchemeOf(test.stored, test.cost); got != test.want {
			t.Errorf("SchemeOf(%.40s, %+v) = %s; want %s", test.stored, test.cost, got, test.want)
		}
		if Outdated(test.stored, test.cost) != (test.want != Argon2id) {
			t.Errorf("Outdated(%.40s, %+v) is wrong", test.stored, test.cost)
		}
	}
}

// FuzzForeign wants every text to be refused or to be matched without a panic, and
// what Import keeps to mean the same.
func FuzzForeign(f *testing.F) {
	text, err := os.ReadFile("testdata/foreign.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f.Add(strings.TrimSuffix(line[strings.LastIndexByte(line, '\t')+1:], "\n"))
	}
	f.Fuzz(func(t *testing.T, stored string) {
		kept, err := Import(stored)
		if _, _, cleartext := Cleartext(stored); cleartext != nil && err == nil {
			t.Errorf("%q is imported, and not read: %v", stored, cleartext)
		}
		if err != nil {
			return
		}
		if again, err := Import(kept); again != kept || err != nil {
			t.Errorf("%q is kept as %q, and that as %q (%v)", stored, kept, again, err)
		}
		if len(kept) > MaxStored {
			t.Errorf("%q is kept in %d bytes", stored, len(kept))
		}
		if SchemeOf(stored, cheap) != SchemeOf(kept, cheap) {
			t.Errorf("%q is of another scheme than %q", stored, kept)
		}
	})
}

// requireDoveadm skips the test where Dovecot is not installed.
func requireDoveadm(t *testing.T) string {
	t.Helper()
	doveadm, err := exec.LookPath("doveadm")
	if err != nil {
		absent := t.Skip
		if os.Getenv("LATCHKEY_REQUIRE_PEERS") == "1" {
			absent = t.Fatal
		}
		absent("doveadm is not installed")
	}
	return doveadm
}
