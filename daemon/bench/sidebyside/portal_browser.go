package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

// Cookies of the portal, where browsers reach it without TLS.
const (
	sessionCookie = "latchkey"
	deviceCookie  = "latchkey-device-" // and the account's id
)

const userAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"

// Bounds while nothing is measured.
const (
	answerFor   = 10 * time.Second
	signInTries = 5
)

// pages are those that are looked at.
func pages() []string { return []string{"/security", "/app-passwords", "/devices", "/phone"} }

// request is one of a browser behind a reverse proxy.
func (p *portal) request(method, path, from string, body url.Values, cookies []*http.Cookie) (*http.Request, error) {
	r, err := http.NewRequest(method, "http://"+p.addr+path, strings.NewReader(body.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	r.Header.Set("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("X-Forwarded-For", from)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r, nil
}

// signIn is the form of the first step with the right main password.
func (p *portal) signIn(i int, cookies []*http.Cookie) (*http.Request, error) {
	return p.request(http.MethodPost, "/sign-in", home(i).String(),
		url.Values{"address": {address(i)}, "password": {mainPassword}}, cookies)
}

// enter signs the viewers in, and looks at each of their pages once.
func (p *portal) enter(ctx context.Context) error {
	client := browser()
	defer client.CloseIdleConnections()
	for i := range p.viewers {
		v := &p.viewers[i]
		session, err := p.session(ctx, client, p.crowd.firstViewer()+i, v.cookies)
		if err != nil {
			return err
		}
		v.cookies = append(v.cookies, session)
		for _, page := range pages() {
			if _, err := p.look(ctx, client, v, page); err != nil {
				return err
			}
		}
	}
	return nil
}

// session signs an account in and returns the cookie of its session. A machine
// that is busy with other things may have no time for a hash: it is asked again.
func (p *portal) session(ctx context.Context, client *http.Client, i int, cookies []*http.Cookie) (*http.Cookie, error) {
	for try := 1; ; try++ {
		r, err := p.signIn(i, cookies)
		if err != nil {
			return nil, err
		}
		answer, _, err := ask(ctx, client, r)
		if err != nil {
			return nil, err
		}
		if answer.StatusCode == http.StatusServiceUnavailable && try < signInTries {
			continue
		}
		got := answer.Cookies()
		at := slices.IndexFunc(got, func(c *http.Cookie) bool { return c.Name == sessionCookie })
		if at < 0 || answer.Header.Get("Location") != "/security" {
			return nil, fmt.Errorf("%s did not get in: %s, to %q", address(i), answer.Status, answer.Header.Get("Location"))
		}
		return got[at], nil
	}
}

// browser follows no redirection.
func browser() *http.Client {
	return &http.Client{Timeout: answerFor, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// look opens one page of a viewer, which has to be theirs.
func (p *portal) look(ctx context.Context, client *http.Client, v *viewer, page string) (string, error) {
	r, err := p.request(http.MethodGet, page, v.addr.String(), nil, v.cookies)
	if err != nil {
		return "", err
	}
	answer, body, err := ask(ctx, client, r)
	if err == nil && (answer.StatusCode != http.StatusOK || !strings.Contains(body, v.address)) {
		err = fmt.Errorf("%s of %s: %s, %d bytes", page, v.address, answer.Status, len(body))
	}
	return body, err
}

// maxPage bounds what is read of a page.
const maxPage = 1 << 20

func ask(ctx context.Context, client *http.Client, r *http.Request) (*http.Response, string, error) {
	answer, err := client.Do(r.WithContext(ctx))
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxPage))
	return answer, string(body), errors.Join(err, answer.Body.Close())
}

// views are every page of every viewer.
func (p *portal) views() ([]bench.WebRequest, error) {
	var list []bench.WebRequest
	for _, v := range p.viewers {
		for _, page := range pages() {
			r, err := p.request(http.MethodGet, page, v.addr.String(), nil, v.cookies)
			if err != nil {
				return nil, err
			}
			q, err := bench.NewWebRequest(page, r, http.StatusOK)
			if err != nil {
				return nil, err
			}
			list = append(list, q)
		}
	}
	return list, nil
}

// signIns are one for each account that signs in, each in a browser that was
// never seen before.
func (p *portal) signIns() ([]bench.WebRequest, error) {
	var list []bench.WebRequest
	for i := p.crowd.mail; i < p.crowd.firstViewer(); i++ {
		r, err := p.signIn(i, nil)
		if err != nil {
			return nil, err
		}
		q, err := bench.NewWebRequest("/sign-in", r, http.StatusSeeOther)
		if err != nil {
			return nil, err
		}
		list = append(list, q)
	}
	return list, nil
}
