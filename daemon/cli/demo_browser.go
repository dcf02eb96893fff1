package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// maxDemoPage bounds a page of the portal.
const maxDemoPage = 1 << 20

// A demoBrowser walks the portal as a person would: it sees a page, fills in one
// of its forms and sees the next.
type demoBrowser struct {
	client *http.Client
	at     *url.URL   // of the page it sees
	page   *html.Node // that page
}

func newDemoBrowser(portal string) (*demoBrowser, error) {
	at, err := url.Parse(portal)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &demoBrowser{client: &http.Client{Jar: jar, Timeout: 20 * time.Second}, at: at}, nil
}

func (b *demoBrowser) close() { b.client.CloseIdleConnections() }

// open shows the page at path.
func (b *demoBrowser) open(ctx context.Context, path string) error {
	return b.ask(ctx, http.MethodGet, path, nil)
}

// submit fills in the form that leads to action and sends it. Fields that the
// form has and that are not named stay as they are.
func (b *demoBrowser) submit(ctx context.Context, action string, fields map[string]string) error {
	form := findNode(b.page, func(n *html.Node) bool {
		return n.Type == html.ElementNode && n.Data == "form" && attribute(n, "action") == action
	})
	if form == nil {
		return fmt.Errorf("the page %s has no form for %s", b.at.Path, action)
	}
	values := url.Values{}
	eachNode(form, func(n *html.Node) {
		kept := attribute(n, "type") == "hidden" || attribute(n, "type") == "text" || hasAttribute(n, "checked")
		if n.Type == html.ElementNode && n.Data == "input" && kept && attribute(n, "name") != "" {
			values.Add(attribute(n, "name"), attribute(n, "value"))
		}
	})
	for name, value := range fields {
		values.Set(name, value)
	}
	return b.ask(ctx, http.MethodPost, action, values)
}

// ask sends a request and reads the page that comes, over redirects.
func (b *demoBrowser) ask(ctx context.Context, method, path string, form url.Values) error {
	to, err := b.at.Parse(path)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, to.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Accept-Language", "en")
	r.Header.Set("User-Agent", "latchkey demo")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", to.Scheme+"://"+to.Host)
	}
	answer, err := b.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	b.page, err = html.Parse(io.LimitReader(answer.Body, maxDemoPage))
	b.at = answer.Request.URL
	if err == nil && answer.StatusCode >= http.StatusBadRequest {
		err = errors.New(answer.Status + ": " + b.text("main"))
	}
	return err
}

// text is what the first element of that name, or with that class, says.
func (b *demoBrowser) text(name string) string {
	n := findNode(b.page, func(n *html.Node) bool {
		return n.Type == html.ElementNode && (n.Data == name || hasWord(attribute(n, "class"), name))
	})
	var words strings.Builder
	eachNode(n, func(n *html.Node) {
		if n.Type == html.TextNode {
			words.WriteString(n.Data)
		}
	})
	return strings.Join(strings.Fields(words.String()), " ")
}

func findNode(n *html.Node, fits func(*html.Node) bool) *html.Node {
	if n == nil || fits(n) {
		return n
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		if found := findNode(child, fits); found != nil {
			return found
		}
	}
	return nil
}

func eachNode(n *html.Node, do func(*html.Node)) {
	if n == nil {
		return
	}
	do(n)
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		eachNode(child, do)
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttribute(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func hasWord(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}
