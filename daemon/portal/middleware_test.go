package portal

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{pathSignIn, "/no-such-page", pathSecurity} {
		h := w.client().get(path).Header()
		for name, want := range map[string]string{
			"Content-Security-Policy":    contentSecurityPolicy,
			"Strict-Transport-Security":  strictTransport,
			"Referrer-Policy":            "no-referrer",
			"X-Content-Type-Options":     "nosniff",
			"Cache-Control":              "no-store",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Permissions-Policy":         permissionsPolicy,
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", path, name, got, want)
			}
		}
	}
	if strings.Contains(contentSecurityPolicy, "unsafe") {
		t.Error("the policy allows what is inline")
	}
	w.cfg.Portal.URL = "http://localhost:8080"
	c := w.client()
	c.addr = netip.MustParseAddr("127.0.0.1")
	if got := c.get(pathSignIn).Header().Get("Strict-Transport-Security"); got != "" {
		t.Errorf("plain HTTP sends %q", got)
	}
}

func TestHost(t *testing.T) {
	w := newWorld(t)
	for _, of := range []struct {
		url, host string
		status    int
	}{
		{"https://mail.example.org", "mail.example.org", http.StatusOK},
		{"https://mail.example.org", "MAIL.example.org:443", http.StatusOK},
		{"https://mail.example.org", "mail.example.org:8443", http.StatusMisdirectedRequest},
		{"https://mail.example.org", "evil.example", http.StatusMisdirectedRequest},
		{"https://mail.example.org", "localhost", http.StatusMisdirectedRequest},
		{"https://mail.example.org:8443", "mail.example.org:8443", http.StatusOK},
		{"https://mail.example.org:8443", "mail.example.org", http.StatusMisdirectedRequest},
		{"http://127.0.0.1:8080", "127.0.0.1:8080", http.StatusOK},
		{"http://127.0.0.1:8080", "localhost:9090", http.StatusOK},
		{"http://127.0.0.1:8080", "[::1]:8080", http.StatusOK},
		{"http://localhost:8080", "rebound.example:8080", http.StatusMisdirectedRequest},
	} {
		w.cfg.Portal.URL = of.url
		r := httptest.NewRequest(http.MethodGet, "https://"+of.host+pathSignIn, nil)
		a := httptest.NewRecorder()
		w.handler.ServeHTTP(a, r)
		if a.Code != of.status {
			t.Errorf("%s for %s: %d, want %d", of.host, of.url, a.Code, of.status)
		}
	}
}

// TestPlain: what comes without TLS comes from this machine, or from a trusted
// proxy where there is one.
func TestPlain(t *testing.T) {
	w := newWorld(t)
	for _, of := range []struct {
		remote  string
		proxies []netip.Prefix
		status  int
	}{
		{"127.0.0.1:5", nil, http.StatusOK},
		{"[::1]:5", nil, http.StatusOK},
		{"192.0.2.1:5", nil, http.StatusForbidden},
		{"192.0.2.1:5", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, http.StatusOK},
		{"127.0.0.1:5", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, http.StatusForbidden},
		{"", nil, http.StatusForbidden},
	} {
		w.cfg.Portal.TrustedProxies = of.proxies
		r := httptest.NewRequest(http.MethodGet, "http://"+host+pathSignIn, nil)
		r.RemoteAddr = of.remote
		a := httptest.NewRecorder()
		w.handler.ServeHTTP(a, r)
		if a.Code != of.status {
			t.Errorf("%q behind %v: %d, want %d", of.remote, of.proxies, a.Code, of.status)
		}
	}
}

// TestCrossOrigin: another site's form is refused, by either header.
func TestCrossOrigin(t *testing.T) {
	w := newWorld(t)
	for _, of := range []struct {
		name, value string
		status      int
	}{
		{"Sec-Fetch-Site", "same-origin", http.StatusForbidden}, // wrong password: it was looked at
		{"Sec-Fetch-Site", "cross-site", http.StatusForbidden},
		{"Sec-Fetch-Site", "same-site", http.StatusForbidden},
		{"Origin", "https://evil.example", http.StatusForbidden},
		{"Origin", "null", http.StatusForbidden},
		{"Origin", "https://" + host, http.StatusForbidden},
	} {
		c := w.client()
		c.header = http.Header{of.name: {of.value}}
		a := c.signIn("nobody", "wrong")
		foreign := of.value != "same-origin" && of.value != "https://"+host
		if a.Code != of.status || c.says(a, "error.cross_origin") != foreign || c.says(a, "failure.sign_in") == foreign {
			t.Errorf("%s: %s: %d %s", of.name, of.value, a.Code, a.text())
		}
	}
}

// TestBelowAPath: the portal may stand below a path of its host.
func TestBelowAPath(t *testing.T) {
	w := newWorld(t)
	w.cfg.Portal.URL = "https://" + host + "/latchkey/"
	ask := func(path string) *httptest.ResponseRecorder {
		a := httptest.NewRecorder()
		w.handler.ServeHTTP(a, httptest.NewRequest(http.MethodGet, "https://"+host+path, nil))
		return a
	}
	if a := ask("/latchkey"); a.Code != http.StatusPermanentRedirect || a.Header().Get("Location") != "/latchkey/" {
		t.Errorf("the path itself: %d, to %q", a.Code, a.Header().Get("Location"))
	}
	if a := ask("/latchkey/"); a.Header().Get("Location") != "/latchkey/sign-in" {
		t.Errorf("its root: %d, to %q", a.Code, a.Header().Get("Location"))
	}
	if a := ask("/latchkey/sign-in"); a.Code != http.StatusOK || !strings.Contains(a.Body.String(), `action="/latchkey/sign-in"`) {
		t.Errorf("its page: %d", a.Code)
	}
	for _, path := range []string{"/sign-in", "/latchkeys/sign-in", "/"} {
		if a := ask(path); a.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Code)
		}
	}
}

// TestPanic: a panic is an answer and a line in the log, and no more.
func TestPanic(t *testing.T) {
	w := newWorld(t)
	h := w.around(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("here") }))
	a := httptest.NewRecorder()
	h.ServeHTTP(a, httptest.NewRequest(http.MethodGet, "https://"+host+"/", nil))
	if a.Code != http.StatusInternalServerError || !strings.Contains(w.log.String(), "panic=here") || strings.Contains(a.Body.String(), "here") {
		t.Errorf("%d %q, log: %s", a.Code, a.Body, w.log)
	}
}
