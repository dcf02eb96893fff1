package examples

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// visitor is somebody at the portal with a browser that knows no scripts. (The
// pages themselves are looked at by TestWalk, with a real one.)
type visitor struct {
	client *http.Client
	at     *url.URL
	page   *html.Node
}

// newVisitor is at the portal of the machine, connected from an address.
func newVisitor(t *testing.T, m *machine, config *tls.Config, from net.IP) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{
		TLSClientConfig: config,
		DialContext: func(ctx context.Context, network, _ string) (conn net.Conn, err error) {
			dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
			return conn, m.online(func() error {
				conn, err = dialer.DialContext(ctx, network, "127.0.0.1:443")
				return err
			})
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{client: &http.Client{Jar: jar, Transport: transport, Timeout: patience}, at: &url.URL{Scheme: "https", Host: "account.example.org", Path: "/"}}
}

func (v *visitor) open(path string) error { return v.ask(http.MethodGet, path, nil) }

// submit sends the form that leads to a path, with what it has and these fields.
func (v *visitor) submit(path string, fields map[string]string) error {
	var form *html.Node
	for n := range v.page.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" && attribute(n, "action") == path {
			form = n
		}
	}
	if form == nil {
		return fmt.Errorf("the page %s has no form for %s: %s", v.at.Path, path, v.text("main"))
	}
	values := url.Values{}
	for n := range form.Descendants() {
		checked := slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "checked" })
		if kind := attribute(n, "type"); n.Data == "input" && attribute(n, "name") != "" && (kind == "hidden" || kind == "text" || checked) {
			values.Add(attribute(n, "name"), attribute(n, "value"))
		}
	}
	for name, value := range fields {
		values.Set(name, value)
	}
	return v.ask(http.MethodPost, path, values)
}

func (v *visitor) ask(method, path string, form url.Values) error {
	to, err := v.at.Parse(path)
	if err != nil {
		return err
	}
	r, err := http.NewRequest(method, to.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Accept-Language", "en")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", to.Scheme+"://"+to.Host)
	}
	answer, err := v.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	const most = 1 << 20
	v.page, err = html.Parse(io.LimitReader(answer.Body, most))
	v.at = answer.Request.URL
	if err == nil && answer.StatusCode == http.StatusServiceUnavailable {
		return errBusy
	}
	if err == nil && answer.StatusCode >= http.StatusBadRequest {
		err = errors.New(answer.Status + ": " + v.text("main"))
	}
	return err
}

// errBusy means that the machine was too busy to look at a password.
var errBusy = errors.New("the portal says to try again")

// text is what the elements of a name, or of a class, say.
func (v *visitor) text(name string) string {
	var words strings.Builder
	for n := range v.page.Descendants() {
		if n.Type != html.ElementNode || n.Data != name && attribute(n, "class") != name {
			continue
		}
		for inside := range n.Descendants() {
			if inside.Type == html.TextNode {
				words.WriteString(inside.Data + " ")
			}
		}
	}
	return strings.Join(strings.Fields(words.String()), " ")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
