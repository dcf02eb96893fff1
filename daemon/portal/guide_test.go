package portal

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/config"
)

// TestGuide: the servers are those of the configuration, and what is not there
// is not shown.
func TestGuide(t *testing.T) {
	w := newWorld(t)
	c := w.client()
	if a := c.get(pathGuide).wants(http.StatusOK, ""); !c.says(a, "setup.no_servers") || !c.says(a, "setup.your_address") {
		t.Error(a.text())
	}
	w.cfg.MailServers = config.MailServers{
		IMAP: &config.MailServer{Host: "imap.example.org", Port: 10993, Encryption: "TLS"},
		SMTP: &config.MailServer{Host: "smtp.example.org", Port: 587, Encryption: "STARTTLS"},
	}
	w.addBound(alice, number)
	c.enter(alice)
	a := c.get(pathGuide).wants(http.StatusOK, "")
	for _, want := range []string{alice, "Incoming server (IMAP) imap.example.org 10993 SSL/TLS", "Outgoing server (SMTP) smtp.example.org 587 STARTTLS"} {
		if !strings.Contains(a.text(), want) {
			t.Errorf("no %q in %s", want, a.text())
		}
	}
	if c.says(a, "setup.pop3") || c.says(a, "setup.no_servers") || !strings.Contains(a.Body.String(), pathNewAppPassword) {
		t.Error(a.text())
	}
}

func TestStatic(t *testing.T) {
	w := newWorld(t)
	for name, kind := range map[string]string{"style.css": "text/css; charset=utf-8", "portal.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		a := w.client().get("/static/"+name).wants(http.StatusOK, "")
		if a.Header().Get("Content-Type") != kind || a.Header().Get("Cache-Control") != "no-cache" || a.Body.Len() == 0 {
			t.Errorf("%s: %v", name, a.Header())
		}
		r := httptest.NewRequest(http.MethodGet, "https://"+host+"/static/"+name, nil)
		r.Header.Set("If-None-Match", a.Header().Get("ETag"))
		again := httptest.NewRecorder()
		if w.handler.ServeHTTP(again, r); again.Code != http.StatusNotModified {
			t.Errorf("%s: %d the second time", name, again.Code)
		}
	}
	for _, name := range []string{"none.css", "..%2fserver.go", "%2e%2e%2ftemplate%2ferror.html", ".", "style.css%00"} {
		if a := w.client().get("/static/" + name); a.Code == http.StatusOK {
			t.Errorf("%s: %d", name, a.Code)
		}
	}
	size := len(w.client().get("/static/style.css").Body.String())
	if size > 20<<10 {
		t.Errorf("the style sheet has grown to %d bytes", size)
	}
}
