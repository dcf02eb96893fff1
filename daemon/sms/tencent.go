package sms

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TencentOptions are the account and the approved texts at Tencent Cloud's short
// message service.
type TencentOptions struct {
	Endpoint      string // https://host; "": https://sms.tencentcloudapi.com
	Region        string // "": ap-guangzhou
	SecretID      string
	SecretKeyFile string
	AppID         string            // SmsSdkAppId
	SignName      string            // approved signature
	Templates     map[string]string // "sign-in", "bind", "change", "confirm", and each with "-en" for English -> TemplateId
	Params        []string          // what {1} and {2} of the templates are, of "code" and "minutes"; none: both, in this order

	Now func() time.Time // nil: time.Now
}

// tencent calls SendSms as these pages of cloud.tencent.com have it: "短信 发送短信"
// (in English: "SendSms") and "签名方法 v3" ("Signature v3").
type tencent struct {
	gateway   *gateway
	endpoint  *url.URL
	o         TencentOptions
	templates templateIDs
}

// NewTencent returns a Sender that calls SendSms (2021-01-11).
func NewTencent(o TencentOptions) (Sender, error) {
	if !isHeaderName(o.SecretID) || o.SecretKeyFile == "" || o.AppID == "" || o.SignName == "" {
		return nil, errors.New("sms: tencent needs a key's id, the file of the key, an application's id, and a signature")
	}
	o.Region = cmp.Or(o.Region, "ap-guangzhou")
	if !isHeaderName(o.Region) {
		return nil, errors.New("sms: the region is not a name such as ap-guangzhou")
	}
	if len(o.Params) == 0 {
		o.Params = []string{paramCode, paramMinutes}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	t := &tencent{o: o}
	t.o.Params = slices.Clone(o.Params)
	var errTemplates, errEndpoint error
	t.templates, errTemplates = newTemplateIDs(o.Templates)
	t.gateway, t.endpoint, errEndpoint = newEndpoint(cmp.Or(o.Endpoint, "https://sms.tencentcloudapi.com"))
	if err := errors.Join(errTemplates, errEndpoint, checkParams(o.Params)); err != nil {
		return nil, err
	}
	return t, nil
}

// tencentCall is the body of SendSms.
type tencentCall struct {
	PhoneNumberSet   []string
	SmsSdkAppId      string
	SignName         string
	TemplateId       string
	TemplateParamSet []string
}

// tencentAnswer has either an Error or one status for each number.
type tencentAnswer struct {
	Response struct {
		Error         *struct{ Code string }
		SendStatusSet []struct{ Code string }
	}
}

// Send calls SendSms.
func (t *tencent) Send(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	key, err := readSecret(t.o.SecretKeyFile)
	if err != nil {
		return err
	}
	r, err := t.request(ctx, m, key)
	if err != nil {
		return err
	}
	status, body, err := t.gateway.ask(r)
	if err != nil {
		return err
	}
	return judgeTencent(status, body)
}

func judgeTencent(status int, body []byte) error {
	var answer tencentAnswer
	if json.Unmarshal(body, &answer) != nil {
		return fmt.Errorf("%w: status %d, the body is not an answer of SendSms", ErrUnclear, status)
	}
	sent := answer.Response.SendStatusSet
	switch {
	case answer.Response.Error != nil && isInternal(answer.Response.Error.Code):
		return fmt.Errorf("%w: status %d, %s", ErrUnclear, status, onlyLetters(answer.Response.Error.Code))
	case answer.Response.Error != nil:
		return refused(status, answer.Response.Error.Code)
	case len(sent) != 1:
		return fmt.Errorf("%w: status %d, the answer tells of %d messages", ErrUnclear, status, len(sent))
	case status != http.StatusOK || sent[0].Code != "Ok":
		return refused(status, sent[0].Code)
	}
	return nil
}

// isInternal says whether a code is what others tell by a status of 5xx: something
// in the service broke, such as InternalError.Timeout, and the message may be on its way.
func isInternal(code string) bool {
	class, _, _ := strings.Cut(code, ".")
	return class == "InternalError"
}

func (t *tencent) request(ctx context.Context, m Message, key string) (*http.Request, error) {
	call := tencentCall{
		PhoneNumberSet: []string{m.To},
		SmsSdkAppId:    t.o.AppID,
		SignName:       t.o.SignName,
		TemplateId:     t.templates.of(m),
	}
	for _, name := range t.o.Params {
		call.TemplateParamSet = append(call.TemplateParamSet, m.param(name))
	}
	body, err := json.Marshal(call)
	if err != nil {
		return nil, errors.New("sms: the message cannot be encoded")
	}
	at := *t.endpoint
	at.Path = "/"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), strings.NewReader(string(body)))
	if err != nil {
		return nil, errors.New("sms: no request can be made of the endpoint")
	}
	signed := tc3Call{
		host: r.URL.Host, service: "sms", action: "SendSms",
		contentType: "application/json; charset=utf-8", body: string(body), at: t.o.Now(),
	}
	r.Header.Set("Content-Type", signed.contentType)
	r.Header.Set("X-TC-Action", signed.action)
	r.Header.Set("X-TC-Version", "2021-01-11")
	r.Header.Set("X-TC-Region", t.o.Region)
	r.Header.Set("X-TC-Timestamp", strconv.FormatInt(signed.at.Unix(), 10))
	r.Header.Set("Authorization", signed.authorization(t.o.SecretID, key))
	return r, nil
}
