package portal

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{pathSignIn, "/no-such-page", "//", "/static/portal.js", pathSecurity} {
		h := w.client().get(path).Header()
		for name, want := range map[string]string{
			"Content-Security-Policy":    contentSecurityPolicy,
			"Strict-Transport-Security":  strictTransport,
			"Referrer-Policy":            "same-origin",
			"X-Content-Type-Options":     "nosniff",
			"Cache-Control":              "no-store",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Permissions-Policy":         permissionsPolicy,
		} {
			if name == "Cache-Control" && strings.HasPrefix(path, "/static/") {
				continue // nothing of anybody's
			}
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

// TestUncleanPaths lead nowhere, with and without a path of [portal] url: least
// of all out of it.
func TestUncleanPaths(t *testing.T) {
	w := newWorld(t)
	for _, base := range []string{"", "/latchkey"} {
		w.cfg.Portal.URL = "https://" + host + base
		for _, of := range []struct {
			path   string
			status int
		}{
			{"/sign-in", http.StatusOK},
			{"/", http.StatusSeeOther},
			{"//", http.StatusNotFound},
			{"//sign-in", http.StatusNotFound},
			{"///sign-in", http.StatusNotFound},
			{"/sign-in/", http.StatusNotFound},
			{"/a/../sign-in", http.StatusNotFound},
			{"/../sign-in", http.StatusNotFound},
			{"/./sign-in", http.StatusNotFound},
			{"/sign-in/.", http.StatusNotFound},
			{"/sign-in/..", http.StatusNotFound},
			{"/sign-in//code", http.StatusNotFound},
			{"/%2e%2e/sign-in", http.StatusNotFound},
			{"/static//style.css", http.StatusNotFound},
			{"%2Fsign-in", http.StatusNotFound},
		} {
			if base == "" && of.path[0] != '/' {
				continue // no path at all
			}
			a := httptest.NewRecorder()
			w.handler.ServeHTTP(a, httptest.NewRequest(http.MethodGet, "https://"+host+base+of.path, nil))
			if a.Code != of.status || a.Code == http.StatusSeeOther && a.Header().Get("Location") != base+pathSignIn {
				t.Errorf("%q below %q: %d, to %q; want %d", of.path, base, a.Code, a.Header().Get("Location"), of.status)
			}
		}
	}
}

// FuzzPaths: no path leads elsewhere than to a page below [portal] url.
func FuzzPaths(f *testing.F) {
	for _, seed := range []string{"/", "//", "/sign-in", "//x", "/a/../b", "/%2e%2e/", "/..", "/\\x", "/static/", "/static/a%2f..%2fb", "%2Fx"} {
		f.Add(seed)
	}
	w := newWorld(f)
	w.cfg.Portal.URL = "https://" + host + "/latchkey"
	f.Fuzz(func(t *testing.T, path string) {
		at, err := url.ParseRequestURI("/latchkey" + path)
		if err != nil {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "https://"+host+"/", nil)
		r.URL.Path, r.URL.RawPath = at.Path, at.RawPath
		a := httptest.NewRecorder()
		w.handler.ServeHTTP(a, r)
		if to := a.Header().Get("Location"); a.Code >= 500 || to != "" && !strings.HasPrefix(to, "/latchkey/") {
			t.Errorf("%q: %d, to %q", path, a.Code, to)
		}
	})
}

// TestPanic: a panic is an answer and a line in the log, which says where it was
// and not what was panicked with.
func TestPanic(t *testing.T) {
	w := newWorld(t)
	h := w.around(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("hunter2") }))
	a := httptest.NewRecorder()
	h.ServeHTTP(a, httptest.NewRequest(http.MethodGet, "https://"+host+"/", nil))
	log := w.log.String()
	if a.Code != http.StatusInternalServerError || !strings.Contains(log, "type=string") || !strings.Contains(log, "TestPanic") || strings.Contains(log+a.Body.String(), "hunter2") {
		t.Errorf("%d %q, log: %s", a.Code, a.Body, w.log)
	}
}
