package portal

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestClientAddr(t *testing.T) {
	w := newWorld(t)
	w.cfg.Portal.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, of := range []struct {
		remote, want string
		forwarded    []string
	}{
		{"192.0.2.1:80", "192.0.2.1", nil},
		{"192.0.2.1:80", "192.0.2.1", []string{"198.51.100.1"}}, // no proxy of ours
		{"10.0.0.1:80", "10.0.0.1", nil},
		{"10.0.0.1:80", "198.51.100.1", []string{"198.51.100.1"}},
		{"10.0.0.1:80", "198.51.100.1", []string{"203.0.113.9, 198.51.100.1"}}, // the left one is anybody's word
		{"10.0.0.1:80", "198.51.100.1", []string{"203.0.113.9", "198.51.100.1"}},
		{"10.0.0.1:80", "198.51.100.1", []string{"198.51.100.1, 10.0.0.2"}},
		{"10.0.0.1:80", "10.0.0.2", []string{"10.0.0.2"}},
		{"10.0.0.1:80", "invalid IP", []string{"198.51.100.1, unknown"}},
		{"[fd00::1]:80", "2001:db8::5", []string{"[2001:db8::5]:4711"}},
		{"[::ffff:10.0.0.1]:80", "198.51.100.1", []string{"::ffff:198.51.100.1"}},
		{"@", "invalid IP", []string{"198.51.100.1"}},
		{"10.0.0.1:80", "10.0.0.1", []string{"1.2.3.4," + strings.Repeat("10.0.0.1,", 100) + "10.0.0.1"}},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = of.remote
		r.Header["X-Forwarded-For"] = of.forwarded
		if got := w.clientAddr(r).String(); got != of.want {
			t.Errorf("%s, %v: %s, want %s", of.remote, of.forwarded, got, of.want)
		}
	}
}
