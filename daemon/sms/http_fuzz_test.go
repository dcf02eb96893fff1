package sms

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
)

// hostileTemplates put every kind of value into every place that takes it.
var hostileTemplates = map[string]HTTPOptions{
	jsonType: {Body: `{"a":"{{.Text}}","b":["x{{.Site}}y"],"c":"{{secret "key"}}"}`},
	formType: {Body: `a={{.Text}}&b=x{{.Site}}y&c={{secret "key"}}`},
}

// FuzzHTTPRequest looks whether hostile values can be anything but values: the
// request is written out, read again as a server reads it, and has to hold what
// was put in and nothing else.
func FuzzHTTPRequest(f *testing.F) {
	for _, seed := range []string{
		"", "登录验证码406193", "a&b=c", `","d":"`, `\`, "\r\nX-Evil: 1\r\n\r\n", "{{.Code}}", `{{secret "key"}}`, "%00%2e%2E/..", "\x00\xff\ufffe",
		"</script>", "a+b c;d#e?f", "\u2028\u2029\U0001f512",
	} {
		f.Add(seed, "site", "secret")
		f.Add("text", seed, "secret")
		f.Add("text", "site", seed)
	}
	f.Fuzz(func(t *testing.T, text, site, key string) {
		v := values{fields: map[string]string{"Text": text, "Site": site, "To": testTo}, secrets: map[string]string{"key": key}}
		for media, o := range hostileTemplates {
			o.URL = `https://sms.example/{{.To}}/{{secret "key"}}/send?a={{.Text}}&b=x{{.Site}}y&c={{secret "key"}}`
			o.Headers = []Header{{"X-Key", `Key {{secret "key"}}.`}}
			o.Secrets = map[string]string{"key": "/a"}
			s, err := NewHTTP(o)
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.(*httpSender).request(context.Background(), v)
			if err != nil {
				if isHeaderValue(key) {
					t.Fatalf("%q, %q, %q: %v", text, site, key, err)
				}
				continue
			}
			read(t, r, media, v)
		}
	})
}

func read(t *testing.T, sent *http.Request, media string, v values) {
	t.Helper()
	var wire bytes.Buffer
	if err := sent.Write(&wire); err != nil {
		t.Fatal(err)
	}
	rest := bufio.NewReader(&wire)
	r, err := http.ReadRequest(rest)
	if err != nil {
		t.Fatalf("not a request: %v", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || rest.Buffered() > 0 || wire.Len() > 0 {
		t.Fatalf("%d bytes after the body, %v", rest.Buffered()+wire.Len(), err)
	}
	text, site, key := v.fields["Text"], "x"+v.fields["Site"]+"y", v.secrets["key"]
	if r.Host != "sms.example" || r.URL.EscapedPath() != "/"+percentEncode(testTo)+"/"+percentEncode(key)+"/send" {
		t.Errorf("asks %s for %s", r.Host, r.URL.EscapedPath())
	}
	if got := r.Header["X-Key"]; len(r.Header) != 4 || len(got) != 1 || got[0] != "Key "+key+"." {
		t.Errorf("headers %v", r.Header)
	}
	want := url.Values{"a": {text}, "b": {site}, "c": {key}}.Encode()
	if got, err := url.ParseQuery(r.URL.RawQuery); err != nil || got.Encode() != want {
		t.Errorf("query %v, %v", got, err)
	}
	if media == formType {
		if got, err := url.ParseQuery(string(body)); err != nil || got.Encode() != want {
			t.Errorf("form %v, %v", got, err)
		}
		return
	}
	var got struct {
		A string
		B []string
		C string
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil || d.More() || len(got.B) != 1 ||
		got.A != asText(text) || got.B[0] != asText(site) || got.C != asText(key) {
		t.Errorf("JSON %s: %v, %v", body, got, err)
	}
}

// asText is what JSON can hold: a byte that is no text becomes U+FFFD.
func asText(s string) string { return string([]rune(s)) }
