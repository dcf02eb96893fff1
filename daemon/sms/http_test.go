package sms

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// standIn is a gateway that keeps what it was asked last.
type standIn struct {
	*httptest.Server
	asked  *http.Request
	body   string
	answer http.HandlerFunc // nil: 200 and "ok"
}

func newStandIn(t *testing.T) *standIn {
	t.Helper()
	s := &standIn{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.asked, s.body = r, string(body)
		if s.answer != nil {
			s.answer(w, r)
			return
		}
		_, _ = io.WriteString(w, "ok")
	}))
	t.Cleanup(s.Close)
	return s
}

func newHTTP(t *testing.T, o HTTPOptions) Sender {
	t.Helper()
	s, err := NewHTTP(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHTTPQuery speaks as Kannel's sendsms wants it.
func TestHTTPQuery(t *testing.T) {
	gateway := newStandIn(t)
	gateway.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "0: Accepted for delivery")
	}
	s := newHTTP(t, HTTPOptions{
		URL:     gateway.URL + `/cgi-bin/sendsms?username=latchkey&password={{secret "kannel"}}&to={{.To}}&text={{.Text}}&coding=2&charset=UTF-8`,
		Secrets: map[string]string{"kannel": secretFile(t, testSecret+"\n")},
		Status:  []int{202},
		Match:   `^0: `,
	})
	if err := s.Send(context.Background(), message()); err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"username": {"latchkey"}, "password": {testSecret}, "to": {testTo}, "text": {message().Text()},
		"coding": {"2"}, "charset": {"UTF-8"},
	}
	if got := gateway.asked.URL.Query(); got.Encode() != want.Encode() || gateway.asked.Method != "GET" || gateway.asked.URL.Path != "/cgi-bin/sendsms" {
		t.Errorf("asked %s %s with %v", gateway.asked.Method, gateway.asked.URL.Path, got)
	}
	if !strings.Contains(gateway.asked.RequestURI, "to=%2B8613812345678&") {
		t.Errorf("the plus is not encoded: %s", gateway.asked.RequestURI)
	}
}

func TestHTTPForm(t *testing.T) {
	gateway := newStandIn(t)
	s := newHTTP(t, HTTPOptions{
		URL:     gateway.URL + "/{{.Purpose}}",
		Headers: []Header{{"authorization", `Bearer {{secret "token"}}`}, {"X-To", "{{.To}}"}},
		Body:    `to={{.To}}&text={{.Text}}&site={{.Site}}&code={{.Code}}&for={{.Minutes}}&key={{secret "token"}}`,
		Secrets: map[string]string{"token": secretFile(t, testSecret)},
	})
	if err := s.Send(context.Background(), message()); err != nil {
		t.Fatal(err)
	}
	r := gateway.asked
	if r.Method != "POST" || r.URL.Path != "/sign-in" || r.Header.Get("Content-Type") != formType ||
		r.Header.Get("Authorization") != "Bearer "+testSecret || r.Header.Get("X-To") != testTo {
		t.Errorf("asked %s %s with %v", r.Method, r.URL, r.Header)
	}
	m := message()
	want := url.Values{"to": {m.To}, "text": {m.Text()}, "site": {m.Site}, "code": {testCode}, "for": {"5"}, "key": {testSecret}}
	if got, err := url.ParseQuery(gateway.body); err != nil || got.Encode() != want.Encode() {
		t.Errorf("sent %v, %v", got, err)
	}
}

func TestHTTPJSON(t *testing.T) {
	gateway := newStandIn(t)
	m := message()
	m.Site = `"},{"to":"+861" \u0041 </script> 站`
	s := newHTTP(t, HTTPOptions{
		Method:      "PUT",
		URL:         gateway.URL,
		Body:        `{"to":["{{.To}}"],"text":"{{.Text}}","minutes":{{.Minutes}},"nested":{"site":"{{.Site}}","key":"{{secret "key"}}"}}`,
		ContentType: "application/json; charset=utf-8",
		Secrets:     map[string]string{"key": secretFile(t, `quote"back\slash`)},
	})
	if err := s.Send(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	var got struct {
		To      []string
		Text    string
		Minutes int
		Nested  struct{ Site, Key string }
	}
	d := json.NewDecoder(strings.NewReader(gateway.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil || len(got.To) != 1 || got.To[0] != m.To || got.Text != m.Text() ||
		got.Minutes != 5 || got.Nested.Site != m.Site || got.Nested.Key != `quote"back\slash` {
		t.Errorf("sent %s: %v, %v", gateway.body, got, err)
	}
	if got := gateway.asked.Header.Get("Content-Type"); got != "application/json; charset=utf-8" || gateway.asked.Method != "PUT" {
		t.Errorf("asked %s with %s", gateway.asked.Method, got)
	}
}

func TestHTTPRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		o      HTTPOptions
		answer http.HandlerFunc
	}{
		"unclear: 500": {HTTPOptions{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }},
		"unclear: 504": {HTTPOptions{Status: []int{202}}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) }},
		"status":       {HTTPOptions{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }},
		"another 2xx":  {HTTPOptions{Status: []int{202}}, nil},
		"pattern":      {HTTPOptions{Match: "^0"}, nil},
		"empty body":   {HTTPOptions{Match: "."}, func(http.ResponseWriter, *http.Request) {}},
		"redirect":     {HTTPOptions{}, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/else", http.StatusFound) }},
		"redirect of POST": {HTTPOptions{Body: "a={{.Code}}"}, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/else", http.StatusTemporaryRedirect)
		}},
		"echo": {HTTPOptions{Match: "^0"}, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "wrong: "+r.RequestURI)
		}},
	} {
		gateway := newStandIn(t)
		var asked atomic.Int32
		gateway.answer = func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if tt.answer != nil {
				tt.answer(w, r)
			}
		}
		o := tt.o
		o.URL = gateway.URL + `/send?to={{.To}}&code={{.Code}}&key={{secret "key"}}`
		o.Secrets = map[string]string{"key": secretFile(t, testSecret)}
		err := newHTTP(t, o).Send(context.Background(), message())
		t.Run(name, func(t *testing.T) {
			kind := ErrRefused
			if strings.HasPrefix(name, "unclear: ") {
				kind = ErrUnclear
			}
			failed(t, err, kind)
			if asked.Load() != 1 {
				t.Errorf("asked %d times", asked.Load())
			}
		})
	}
}

// A body may be endless. What counts stands at its beginning.
func TestHTTPLongBody(t *testing.T) {
	for _, tt := range []struct {
		before int
		sent   bool
	}{{0, true}, {maxAnswer - 2, true}, {maxAnswer - 1, false}} {
		gateway := newStandIn(t)
		gateway.answer = func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat(" ", tt.before)+"ok")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(" ", maxAnswer)); err != nil {
					return
				}
			}
		}
		err := newHTTP(t, HTTPOptions{URL: gateway.URL, Match: "ok"}).Send(context.Background(), message())
		if (err == nil) != tt.sent {
			t.Errorf("ok after %d bytes: %v", tt.before, err)
		}
	}
}

func TestHTTPSecretIsReadEachTime(t *testing.T) {
	gateway := newStandIn(t)
	path := secretFile(t, "first\n")
	s := newHTTP(t, HTTPOptions{URL: gateway.URL, Headers: []Header{{"X-Key", `{{secret "key"}}`}}, Secrets: map[string]string{"key": path}})
	for _, want := range []string{"first", "second", "third"} {
		writeSecret(t, path, want+"\r\n")
		if err := s.Send(context.Background(), message()); err != nil || gateway.asked.Header.Get("X-Key") != want {
			t.Errorf("sent with %q, %v, want %q", gateway.asked.Header.Get("X-Key"), err, want)
		}
	}
	gateway.asked = nil
	for _, text := range []string{testSecret + "é", ""} {
		writeSecret(t, path, text)
		err := s.Send(context.Background(), message())
		if err == nil || gateway.asked != nil {
			t.Fatalf("%q: sent with it: %v", text, err)
		}
		tellsNothing(t, err.Error())
	}
}

func TestHTTPOptionsRefused(t *testing.T) {
	const at = "http://127.0.0.1:1/"
	secrets := map[string]string{"key": "/a"}
	for name, o := range map[string]HTTPOptions{
		"no URL":                 {},
		"no scheme":              {URL: "127.0.0.1/send"},
		"other scheme":           {URL: "ftp://127.0.0.1/"},
		"no host":                {URL: "https:///send"},
		"opaque":                 {URL: "https:send"},
		"host in a template":     {URL: "https://{{.Site}}/"},
		"half a host":            {URL: "https://sms{{.Code}}.example/"},
		"host glued to template": {URL: "https://sms.example{{.Code}}"},
		"port in a template":     {URL: "http://127.0.0.1:{{.Minutes}}/"},
		"scheme in a template":   {URL: "{{.Purpose}}://sms.example/"},
		"user":                   {URL: "https://user:password@sms.example/"},
		"user in a template":     {URL: "https://{{.Text}}@sms.example/"},
		"fragment":               {URL: at + "#{{.Code}}"},
		"empty fragment":         {URL: at + "#"},
		"blank":                  {URL: at + "?a=b c"},
		"not ASCII":              {URL: at + "?a=é"},
		"host not ASCII":         {URL: "https://例子.example/"},
		"broken path":            {URL: at + "%{{.Code}}"},
		"broken query":           {URL: at + "?a=%{{.Code}}"},
		"text in the path":       {URL: at + "{{.Text}}?a={{.To}}"},
		"site in the path":       {URL: at + "{{.Site}}"},
		"unknown field":          {URL: at + "?a={{.Password}}"},
		"unknown secret":         {URL: at + `?a={{secret "other"}}`, Secrets: secrets},
		"plain to elsewhere":     {URL: "http://sms.example/"},
		"plain to an address":    {URL: "http://192.0.2.1/"},
		"looks like localhost":   {URL: "http://localhost.example/"},
		"GET with a body":        {URL: at, Method: "GET", Body: "a=b"},
		"other method":           {URL: at, Method: "DELETE"},
		"method in small":        {URL: at, Method: "post", Body: "a=b"},
		"text body":              {URL: at, Body: "a", ContentType: "text/plain"},
		"other charset":          {URL: at, Body: "a={{.Text}}", ContentType: formType + "; charset=gbk"},
		"broken type":            {URL: at, Body: "a={{.Text}}", ContentType: "a b"},
		"broken form":            {URL: at, Body: "a=%{{.Text}}"},
		"broken JSON":            {URL: at, Body: `{"a":"{{.Text}}"`},
		"text outside a string":  {URL: at, Body: `{"a":{{.Text}}}`},
		"code outside a string":  {URL: at, Body: `{"a":{{.Code}}}`},
		"secret outside":         {URL: at, Body: `{"a":{{secret "key"}}}`, Secrets: secrets},
		"behind a backslash":     {URL: at, Body: `{"a":"\{{.Text}}"}`},
		"in an escape":           {URL: at, Body: `{"a":"\u00{{.Code}}"}`},
		"text in a header":       {URL: at, Headers: []Header{{"X-Text", "{{.Text}}"}}},
		"site in a header":       {URL: at, Headers: []Header{{"X-Site", "{{.Site}}"}}},
		"line in a header":       {URL: at, Headers: []Header{{"X-A", "a\r\nX-B: b"}}},
		"header not ASCII":       {URL: at, Headers: []Header{{"X-A", "é"}}},
		"header name":            {URL: at, Headers: []Header{{"X A", "a"}}},
		"no header name":         {URL: at, Headers: []Header{{"", "a"}}},
		"host header":            {URL: at, Headers: []Header{{"host", "a"}}},
		"type header":            {URL: at, Headers: []Header{{"content-type", jsonType}}, Body: "a=b"},
		"status":                 {URL: at, Status: []int{100}},
		"pattern":                {URL: at, Match: "("},
	} {
		if _, err := NewHTTP(o); err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), "password") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, o := range []HTTPOptions{
		{URL: "http://localhost:8080"}, {URL: "http://[::1]/a?b"}, {URL: "https://sms.example/?a={{.Text}}"},
		{URL: "http://sms.example/", AllowPlain: true}, {URL: at + `{{secret "key"}}/{{.To}}`, Secrets: secrets},
		{URL: at, Body: "{{.Text}}"}, {URL: at, Body: "[]"}, {URL: at, Body: `{"a":"{{.Text}}"}`, ContentType: "application/vnd.sms+json"},
	} {
		if _, err := NewHTTP(o); err != nil {
			t.Errorf("%v: %v", o, err)
		}
	}
}
