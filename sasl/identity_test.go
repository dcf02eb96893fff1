package sasl

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
)

func TestPrepareName(t *testing.T) {
	for _, tc := range []struct{ raw, domain, want string }{
		{"zhang.san@example.org", "", "zhang.san@example.org"},
		{"Zhang.San@Example.ORG", "", "zhang.san@example.org"},
		{"zhang.san", "example.org", "zhang.san@example.org"},
		{"zhang.san", "Example.org", "zhang.san@example.org"},
		{"zhang.san", "", ""},
		{"ｚｈａｎｇ＠ｅｘａｍｐｌｅ.org", "", "zhang@example.org"},
		{"a＠b@example.org", "", ""},
		{"a@b@example.org", "", ""},
		{"@example.org", "", ""},
		{"a@", "example.org", ""},
		{"", "example.org", ""},
		{"用户@例子.中国", "", "用户@xn--fsqu00a.xn--fiqs8s"},
		{"u@xn--fsqu00a.xn--fiqs8s", "", "u@xn--fsqu00a.xn--fiqs8s"},
		{"u@XN--FSQU00A.xn--fiqs8s", "", "u@xn--fsqu00a.xn--fiqs8s"},
		{"u@xn--", "", ""},
		{"u@-bad.example", "", ""},
		{"u@bad-.example", "", ""},
		{"u@exa mple.org", "", ""},
		{"u@example..org", "", ""},
		{"u@.example.org", "", ""},
		{"u@example_x.org", "", ""},
		{"u\x00@example.org", "", ""},
		{"u\n@example.org", "", ""},
		{"a b@example.org", "", ""},
		{"o'neil@example.org", "", "o'neil@example.org"}, // may exist one day by import; new accounts may not
		{strings.Repeat("a", 64) + "@example.org", "", strings.Repeat("a", 64) + "@example.org"},
		{strings.Repeat("a", 65) + "@example.org", "", ""},
		{strings.Repeat("a", 2000), "example.org", ""},
		{"u@" + strings.Repeat("a", 64) + ".org", "", ""},
		{"u@" + strings.Repeat("a.", 125) + "org", "", ""},
	} {
		got, err := PrepareName(tc.raw, tc.domain)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("PrepareName(%q, %q) = %q, %v; want %q", tc.raw, tc.domain, got, err, tc.want)
		}
		if err != nil && !errors.Is(err, ErrName) {
			t.Errorf("PrepareName(%q): %v is not ErrName", tc.raw, err)
		}
	}
}

func TestCheckNewAddress(t *testing.T) {
	for address, ok := range map[string]bool{
		"a@example.org":            true,
		"a.b_c+d=e-f@example.org":  true,
		"-a@example.org":           false,
		"a-@example.org":           true,
		".a@example.org":           false,
		"a.@example.org":           false,
		"a..b@example.org":         false,
		"a/b@example.org":          false,
		"a%b@example.org":          false,
		"A@example.org":            false,
		"用户@example.org":           false,
		"a@Example.org":            false,
		"a@例子.中国":                  false, // not prepared
		"a@xn--fsqu00a.xn--fiqs8s": true,
		"a":                        false,
		"@example.org":             false,
		"a@":                       false,
		"a@b@example.org":          false,
		strings.Repeat("a", 64) + "@" + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) + "." + strings.Repeat("d", 63): false,
	} {
		if err := CheckNewAddress(address); (err == nil) != ok {
			t.Errorf("CheckNewAddress(%q) = %v", address, err)
		}
	}
}

// FuzzPrepareName holds three promises: what comes out is a fixed point, it has
// one "@", and the short way for plain names gives what the profiles give.
func FuzzPrepareName(f *testing.F) {
	for _, s := range []string{"u@example.org", "U@EXAMPLE.ORG", "ｕ＠例子.中国", "a@b@c", "u@xn--a", "ß@ß.de", "ſ@example.org", "u@a--b.org", "u@ab--c.org", "a.b", "u@1.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		name, err := PrepareName(raw, "example.org")
		if err != nil {
			if name != "" || !errors.Is(err, ErrName) {
				t.Fatalf("%q, %v", name, err)
			}
			return
		}
		if strings.Count(name, "@") != 1 || len(name) > maxAddress {
			t.Fatalf("PrepareName(%q) = %q", raw, name)
		}
		again, err := PrepareName(name, "")
		if err != nil || again != name {
			t.Fatalf("PrepareName(%q) = %q, of which it makes %q, %v", raw, name, again, err)
		}
		if plainASCII(raw) {
			mapped, err := precis.UsernameCaseMapped.String(raw)
			if err != nil || mapped != raw {
				t.Fatalf("the profile maps %q to %q, %v", raw, mapped, err)
			}
		}
		_, domain, _ := strings.Cut(name, "@")
		if ascii, err := idna.Lookup.ToASCII(domain); err != nil || ascii != domain {
			t.Fatalf("IDNA maps %q to %q, %v", domain, ascii, err)
		}
	})
}

func BenchmarkPrepareName(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := PrepareName("user0001@example.org", ""); err != nil {
			b.Fatal(err)
		}
	}
}
