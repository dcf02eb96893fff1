package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseForm(t *testing.T) {
	fields := []string{"address", "password"}
	for _, of := range []struct {
		text    string
		good    bool
		lenient form
	}{
		{"", true, form{}},
		{"address=a%40b&password=x+y", true, form{"address": "a@b", "password": "x y"}},
		{"password=%20x%20", true, form{"password": " x "}}, // never trimmed
		{"&&address=", true, form{"address": ""}},
		{"address", true, form{"address": ""}},
		{"address=a&address=b", false, form{"address": "a"}},
		{"address=a&other=b", false, form{"address": "a"}},
		{"address=%zz", false, form{}},
		{"%zz=a", false, form{}},
		{"address=%ff", false, form{}},
		{"address=a;password=b", true, form{"address": "a;password=b"}},
		{"a%64dress=a", true, form{"address": "a"}},
	} {
		strict, good := parseForm(of.text, fields, false)
		if good != of.good || good && !same(strict, of.lenient) {
			t.Errorf("parseForm(%q) = %v, %v", of.text, strict, good)
		}
		if lenient, good := parseForm(of.text, fields, true); !good || !same(lenient, of.lenient) {
			t.Errorf("lenient parseForm(%q) = %v, %v", of.text, lenient, good)
		}
	}
}

func same(a, b form) bool {
	if len(a) != len(b) {
		return false
	}
	for field, value := range a {
		if other, found := b[field]; !found || other != value {
			return false
		}
	}
	return true
}

// TestFormsRefused are bodies that no page of ours sends.
func TestFormsRefused(t *testing.T) {
	w := newWorld(t)
	const kind = "application/x-www-form-urlencoded"
	for _, of := range []struct {
		name, kind, body string
		status           int
	}{
		{"no kind", "", "address=a", http.StatusUnsupportedMediaType},
		{"json", "application/json", "{}", http.StatusUnsupportedMediaType},
		{"text", "text/plain", "address=a", http.StatusUnsupportedMediaType},
		{"multipart", "multipart/form-data; boundary=x", "--x--", http.StatusUnsupportedMediaType},
		{"unknown field", kind, "address=a&password=b&admin=1", http.StatusBadRequest},
		{"twice", kind, "address=a&address=b&password=c", http.StatusBadRequest},
		{"broken", kind, "address=%", http.StatusBadRequest},
		{"too long", kind, "address=" + strings.Repeat("a", maxForm), http.StatusRequestEntityTooLarge},
		{"good", kind + "; charset=utf-8", "address=a&password=b", http.StatusForbidden},
	} {
		a := w.client().do(http.MethodPost, pathSignIn, of.kind, of.body)
		if a.Code != of.status {
			t.Errorf("%s: %d, want %d", of.name, a.Code, of.status)
		}
	}
	if got := w.hasher.Matches(); got != 0 {
		t.Errorf("%d passwords were hashed", got)
	}
}

func TestLongQuery(t *testing.T) {
	a := newWorld(t).client().get(pathSignIn + "?x=" + strings.Repeat("a", maxQuery))
	if a.Code != http.StatusRequestURITooLong {
		t.Errorf("%d", a.Code)
	}
}

// FuzzForm: what is read has known fields only, each once, in UTF-8, and reads
// the same again once it is written.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"", "code=123456&trust=yes", "code=%E4%B8%80", "code=1&code=2", "code=%ff", "x=y&code=", "&=&", "token=a+b", "code=1;trust=2", "%63ode=1"} {
		f.Add(seed)
	}
	fields := []string{tokenField, "code", "trust"}
	f.Fuzz(func(t *testing.T, text string) {
		read, good := parseForm(text, fields, false)
		if !good {
			return
		}
		again := url.Values{}
		for field, value := range read {
			if !slices.Contains(fields, field) || !utf8.ValidString(value) {
				t.Fatalf("%q: field %q is %q", text, field, value)
			}
			again.Set(field, value)
		}
		if second, good := parseForm(again.Encode(), fields, false); !good || !same(read, second) {
			t.Errorf("%q was read as %v, and %q as %v", text, read, again.Encode(), second)
		}
	})
}

// FuzzForwarded: no header makes an address of what is none, or is believed from
// whoever is no proxy.
func FuzzForwarded(f *testing.F) {
	for _, seed := range []string{"", "192.0.2.1", "192.0.2.1, 10.0.0.1", "unknown", "[2001:db8::1]:80", "a,b,c,,", "fe80::1%eth0", "::ffff:10.0.0.1"} {
		f.Add(seed)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "https://"+host+"/", nil)
		r.RemoteAddr = "192.0.2.9:1"
		r.Header["X-Forwarded-For"] = []string{header}
		if got := w.clientAddr(r); got.String() != "192.0.2.9" {
			t.Errorf("%q: %v", header, got)
		}
	})
}
