package config

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestParsePortal(t *testing.T) {
	c, err := Parse("x", []byte(`
[portal]
url = "https://mail.example.org/latchkey/"
name = "示例大学"
listen = "[::1]:8080"
trusted_proxies = ["127.0.0.1", "::ffff:192.0.2.1", "2001:db8::/64"]
help_text = "帮助台：图书馆一楼"
help_phone = "+86 (10) 1234-5678 / 9"
language = "en"
session_idle = "1m"
session_max = "7d"
trust_for = "0s"
step_up = "1h"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Portal{
		URL: "https://mail.example.org/latchkey/", Name: "示例大学", Listen: "[::1]:8080",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/64")},
		HelpText:       "帮助台：图书馆一楼", HelpPhone: "+86 (10) 1234-5678 / 9", Language: "en",
		SessionIdle: Duration(minute), SessionMax: Duration(7 * day), StepUp: Duration(hour),
	}
	if !reflect.DeepEqual(c.Portal, want) {
		t.Errorf("got\n%+v\nwant\n%+v", c.Portal, want)
	}
	if !c.Portal.Secure() || (Portal{URL: "http://localhost:8080"}).Secure() || (Portal{}).Secure() {
		t.Error("Secure is not whether the url begins with https")
	}
}

// The host of the url stands in for a name that is not given.
func TestPortalName(t *testing.T) {
	for url, want := range map[string]string{
		"https://mail.example.org:8443/latchkey": "mail.example.org",
		"http://[::1]:8080":                      "::1",
		"":                                       "",
	} {
		c, err := Parse("x", []byte(`portal.url = "`+url+`"`))
		if err != nil {
			t.Fatal(err)
		}
		if c.Portal.Name != want {
			t.Errorf("%q: name %q, want %q", url, c.Portal.Name, want)
		}
	}
}

// TestPortalListen: who may type a password into which kind of portal. A text is
// the beginning of what is wrong.
func TestPortalListen(t *testing.T) {
	const (
		pair  = "certificate = \"/c.pem\"\nkey = \"/k.pem\"\n"
		proxy = "trusted_proxies = [\"192.0.2.1\"]\n"
		acme  = "acme = true\n"
	)
	for _, tt := range []struct{ url, listen, more, want string }{
		{"http://localhost:8080", "127.0.0.1:8080", "", ""},
		{"http://127.0.0.2:8080", "localhost:8080", "", ""},
		{"http://[::1]:8080", "[::1]:8080", "", ""},
		{"http://localhost:8080", ":8080", "", "portal.listen: would send passwords in the clear"},
		{"http://localhost:8080", "0.0.0.0:8080", "", "portal.listen: would send passwords in the clear"},
		{"http://localhost:8080", "[::]:8080", "", "portal.listen: would send passwords in the clear"},
		{"http://localhost:8080", "mail.example.org:8080", "", "portal.listen: would send passwords in the clear"},
		{"https://mail.example.org", "192.0.2.7:80", proxy, ""},
		{"https://mail.example.org", "127.0.0.1:80", proxy, ""},
		{"https://mail.example.org", "127.0.0.1:80", "", "portal.listen: is without TLS, and url"},
		{"https://mail.example.org", ":443", pair, ""},
		{"https://mail.example.org", "127.0.0.1:443", pair + proxy, ""},
		{"http://localhost", ":443", pair, "portal.listen: is served with TLS"},
		{"https://mail.example.org", ":443", acme, ""},
		{"https://mail.example.org", ":443", acme + pair, "portal.acme: excludes certificate"},
		{"https://mail.example.org", "", acme, "portal.acme: wants listen"},
		{"https://192.0.2.7", ":443", acme, "portal.acme: wants a url"},
		{"https://localhost", ":443", acme, "portal.acme: wants a url"},
		{"", ":443", pair, "portal.listen: wants url"},
		{"https://mail.example.org", "", pair, ""},
		{"https://mail.example.org", "", "", ""},
	} {
		_, err := Parse("x", []byte("[portal]\nurl = \""+tt.url+"\"\nlisten = \""+tt.listen+"\"\n"+tt.more))
		if tt.want == "" {
			if err != nil {
				t.Errorf("%+v: %v", tt, err)
			}
			continue
		}
		var problems *Problems
		if !errors.As(err, &problems) || len(problems.List) != 1 {
			t.Errorf("%+v: %v", tt, err)
			continue
		}
		if one := problems.List[0]; one.Line == 0 || !strings.HasPrefix(one.Key+": "+one.Text, tt.want) {
			t.Errorf("%+v: %+v", tt, one)
		}
	}
}

func TestPortalURL(t *testing.T) {
	for url, good := range map[string]bool{
		"https://mail.example.org":       true,
		"https://mail.example.org/":      true,
		"https://mail.example.org/a/b":   true,
		"http://localhost":               true,
		"http://127.3.2.1:8080/a":        true,
		"http://[::1]":                   true,
		"http://[::ffff:127.0.0.1]":      true,
		"http://localhost.example.org":   false,
		"http://128.0.0.1":               false,
		"http://127.0.0.1.example.org":   false,
		"http://[::2]":                   false,
		"https://":                       false,
		"https://:443":                   false,
		"https://mail.example.org:0":     false,
		"https://mail.example.org?":      false,
		"https://mail.example.org#":      false,
		"https://mail.example.org/a//b":  false,
		"https://mail.example.org/./":    false,
		"https://u@mail.example.org":     false,
		"ftp://mail.example.org":         false,
		"https://mail.example.org/über":  false,
		"https:mail.example.org":         false,
		"//mail.example.org":             false,
		"https://mail.example.org /path": false,
	} {
		if _, err := Parse("x", []byte(`portal.url = "`+url+`"`)); (err == nil) != good {
			t.Errorf("%q: %v", url, err)
		}
	}
}
