package locale

import (
	"errors"
	"slices"
	"testing"
	"testing/fstest"
)

func catalogs(t *testing.T) *Catalogs {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSameKeys holds the catalogs against each other: the same keys, and the
// same placeholders in each text.
func TestSameKeys(t *testing.T) {
	all := catalogs(t).All()
	first := all[0]
	if len(first.Keys()) < 20 {
		t.Fatalf("%s has only %d texts", first.Tag, len(first.Keys()))
	}
	for _, other := range all[1:] {
		for _, key := range first.Keys() {
			switch {
			case !other.Has(key):
				t.Errorf("%s lacks %q", other.Tag, key)
			case !slices.Equal(first.Placeholders(key), other.Placeholders(key)):
				t.Errorf("%q: %s wants %v, %s wants %v", key, first.Tag, first.Placeholders(key), other.Tag, other.Placeholders(key))
			}
		}
		for _, key := range other.Keys() {
			if !first.Has(key) {
				t.Errorf("%s lacks %q", first.Tag, key)
			}
		}
	}
}

// TestOwnLanguage keeps a text that was not translated from standing in the
// other catalog: Chinese texts hold Chinese, English ones hold none.
func TestOwnLanguage(t *testing.T) {
	for _, catalog := range catalogs(t).All() {
		for _, key := range catalog.Keys() {
			letters, han := false, false
			for _, p := range catalog.texts[key] {
				for _, r := range p.words + p.one + p.many {
					han = han || r >= 0x2e80 && r < 0xfb00 || r >= 0xff00 && r < 0xffef
					letters = letters || r >= 'a' && r <= 'z'
				}
			}
			switch {
			case catalog.Tag == "en" && han:
				t.Errorf("en %q holds Chinese", key)
			case catalog.Tag == "zh-CN" && letters && !han:
				t.Errorf("zh-CN %q holds no Chinese", key)
			}
		}
	}
}

func TestText(t *testing.T) {
	c := &Catalog{Tag: "en", texts: map[string]text{}}
	for key, source := range map[string]string{
		"plain": "Sign in",
		"tries": "{tries} {tries:try|tries} left, until {until}.",
	} {
		parsed, err := parseText(source)
		if err != nil {
			t.Fatal(err)
		}
		c.texts[key] = parsed
	}
	for _, of := range []struct {
		key    string
		values []any
		want   string
	}{
		{"plain", nil, "Sign in"},
		{"plain", []any{"tries", 3}, "Sign in"},
		{"tries", []any{"tries", 1, "until", "noon"}, "1 try left, until noon."},
		{"tries", []any{"until", "noon", "tries", 12345}, "12345 tries left, until noon."},
		{"tries", []any{"tries", uint8(1), "until", "{tries}"}, "1 try left, until {tries}."},
	} {
		if got, err := c.Text(of.key, of.values...); err != nil || got != of.want {
			t.Errorf("Text(%q, %v) = %q, %v, want %q", of.key, of.values, got, err, of.want)
		}
	}
	for _, of := range []struct {
		key    string
		values []any
	}{{"none", nil}, {"tries", nil}, {"tries", []any{"tries", 1}}, {"tries", []any{"tries", 1, "until"}}} {
		if got, err := c.Text(of.key, of.values...); !errors.Is(err, ErrText) || got != "" {
			t.Errorf("Text(%q, %v) = %q, %v, want ErrText", of.key, of.values, got, err)
		}
	}
}

func TestParseTextRefuses(t *testing.T) {
	for _, source := range []string{"{", "}", "a {b", "a} b", "{}", "{Name}", "{a b}", "{tries:one}", "{:a|b}", "{a:x|}"} {
		if _, err := parseText(source); err == nil {
			t.Errorf("parseText(%q) is no error", source)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"twice":  {"en/a.json": {Data: []byte(`{"k": "x"}`)}, "en/b.json": {Data: []byte(`{"k": "y"}`)}},
		"broken": {"en/a.json": {Data: []byte(`{"k": "{"}`)}},
		"list":   {"en/a.json": {Data: []byte(`["k"]`)}},
	} {
		if _, err := load(files, "en"); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}

func TestMatch(t *testing.T) {
	c := catalogs(t)
	for _, of := range []struct{ accept, fallback, want string }{
		{"", "zh-CN", "zh-CN"},
		{"", "en", "en"},
		{"", "xx", "zh-CN"},
		{"*", "en", "en"},
		{"zh-CN,zh;q=0.9,en;q=0.8", "en", "zh-CN"},
		{"zh", "en", "zh-CN"},
		{"zh-TW", "en", "zh-CN"},
		{"zh-Hant-HK,en;q=0.5", "en", "zh-CN"},
		{"zh-HK", "en", "zh-CN"},
		{"en-GB,en;q=0.9", "zh-CN", "en"},
		{"en;q=0.5,zh-CN;q=0.9", "en", "zh-CN"},
		{"de,fr;q=0.5", "zh-CN", "zh-CN"},
		{"de,en;q=0.1", "zh-CN", "en"},
		{"de,fr;q=0.5", "en", "en"},
		{"!!!", "en", "en"},
	} {
		if got := c.Match(of.accept, of.fallback).Tag; got != of.want {
			t.Errorf("Match(%q, %q) = %s, want %s", of.accept, of.fallback, got, of.want)
		}
	}
}

// FuzzMatch: a header is anybody's text.
func FuzzMatch(f *testing.F) {
	c, err := Load()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "zh-CN,zh;q=0.9", "*", "en;q=x", "zh-Hant;q=0.1,,", "x-klingon", "en-" + string(make([]byte, 300))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		if got := c.Match(accept, "en"); got == nil || !slices.Contains(Tags(), got.Tag) {
			t.Errorf("Match(%q) = %v", accept, got)
		}
	})
}

// FuzzText: a text is read, or refused, and never half.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"a {b} c", "{n:x|y}", "{", "}}", "{a|b}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		parsed, err := parseText(source)
		if err != nil {
			return
		}
		written := ""
		for _, p := range parsed {
			switch {
			case p.name == "":
				written += p.words
			case p.many == "":
				written += "{" + p.name + "}"
			default:
				written += "{" + p.name + ":" + p.one + "|" + p.many + "}"
			}
		}
		if written != source {
			t.Errorf("%q was read as %q", source, written)
		}
	})
}
