package sms

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// AliyunOptions are the account and the approved texts at Alibaba Cloud's short
// message service.
type AliyunOptions struct {
	Endpoint            string // https://host; "": https://dysmsapi.aliyuncs.com
	AccessKeyID         string
	AccessKeySecretFile string
	SignName            string            // approved signature
	Templates           map[string]string // "sign-in", "bind", "change", "confirm", and each with "-en" for English -> TemplateCode
	Params              []string          // the variables of the templates, of "code" and "minutes"; none: "code"

	Now  func() time.Time // nil: time.Now
	Rand io.Reader        // nil: crypto/rand
}

// aliyun calls SendSms as these pages of help.aliyun.com have it: "SendSms - 发送短信"
// and "V3版本请求体&签名机制" (in English: "V3 request structure and signature").
type aliyun struct {
	gateway   *gateway
	endpoint  *url.URL
	o         AliyunOptions
	templates templateIDs
}

// NewAliyun returns a Sender that calls SendSms (2017-05-25).
func NewAliyun(o AliyunOptions) (Sender, error) {
	if !isHeaderName(o.AccessKeyID) || o.AccessKeySecretFile == "" || o.SignName == "" {
		return nil, errors.New("sms: aliyun needs an access key's id, the file of its secret, and a signature")
	}
	if len(o.Params) == 0 {
		o.Params = []string{paramCode}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	a := &aliyun{o: o}
	a.o.Params = slices.Clone(o.Params)
	var errTemplates, errEndpoint error
	a.templates, errTemplates = newTemplateIDs(o.Templates)
	a.gateway, a.endpoint, errEndpoint = newEndpoint(cmp.Or(o.Endpoint, "https://dysmsapi.aliyuncs.com"))
	if err := errors.Join(errTemplates, errEndpoint, checkParams(o.Params)); err != nil {
		return nil, err
	}
	return a, nil
}

// Send calls SendSms.
func (a *aliyun) Send(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	key, err := readSecret(a.o.AccessKeySecretFile)
	if err != nil {
		return err
	}
	r, err := a.request(ctx, m, key)
	if err != nil {
		return err
	}
	status, body, err := a.gateway.ask(r)
	if err != nil {
		return err
	}
	var answer struct{ Code string }
	if json.Unmarshal(body, &answer) != nil || answer.Code == "" {
		return fmt.Errorf("%w: status %d, the body is not an answer of SendSms", ErrUnclear, status)
	}
	if status != http.StatusOK || answer.Code != "OK" {
		return refused(status, answer.Code)
	}
	return nil
}

// request is an RPC call: the parameters of SendSms stand in the query, and there
// is no body.
func (a *aliyun) request(ctx context.Context, m Message, key string) (*http.Request, error) {
	params := map[string]string{}
	for _, name := range a.o.Params {
		params[name] = m.param(name)
	}
	param, err := json.Marshal(params)
	if err != nil {
		return nil, errors.New("sms: template parameters cannot be encoded")
	}
	query := acs3Query(url.Values{
		"PhoneNumbers":  {aliyunNumber(m.To)},
		"SignName":      {a.o.SignName},
		"TemplateCode":  {a.templates.of(m)},
		"TemplateParam": {string(param)},
	})
	nonce := make([]byte, 16)
	if _, err := io.ReadFull(a.o.Rand, nonce); err != nil {
		return nil, fmt.Errorf("sms: random bytes: %w", err)
	}
	at := *a.endpoint
	at.Path, at.RawQuery = "/", query
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), nil)
	if err != nil {
		return nil, errors.New("sms: no request can be made of the endpoint")
	}
	headers := acs3Headers{
		{"host", r.URL.Host},
		{"x-acs-action", "SendSms"},
		{"x-acs-content-sha256", hexSHA256("")},
		{"x-acs-date", a.o.Now().UTC().Format("2006-01-02T15:04:05Z")},
		{"x-acs-signature-nonce", hex.EncodeToString(nonce)},
		{"x-acs-version", "2017-05-25"},
	}
	for _, h := range headers[1:] {
		r.Header.Set(h.name, h.value)
	}
	r.Header.Set("Authorization", acs3Authorization(a.o.AccessKeyID, key, acs3Canonical(http.MethodPost, query, headers), headers))
	return r, nil
}

// aliyunNumber is a number as SendSms takes it: of mainland China without, of all
// others with the country's code, and no plus.
func aliyunNumber(e164 string) string {
	if national, ok := strings.CutPrefix(e164, "+86"); ok {
		return national
	}
	return strings.TrimPrefix(e164, "+")
}
