package sms

import (
	"errors"
	"io"
	"time"
)

// AliyunOptions are the account and the approved texts at Alibaba Cloud's short
// message service.
type AliyunOptions struct {
	Endpoint            string // scheme and host; "": https://dysmsapi.aliyuncs.com
	AccessKeyID         string
	AccessKeySecretFile string
	SignName            string            // approved signature
	Templates           map[string]string // "sign-in", "bind", "change", "confirm", and each with "-en" for English -> TemplateCode
	Params              []string          // the templates' variables, of "code" and "minutes"; none: "code"

	Now  func() time.Time // nil: time.Now
	Rand io.Reader        // nil: crypto/rand
}

// NewAliyun returns a Sender that calls SendSms (2017-05-25).
func NewAliyun(o AliyunOptions) (Sender, error) { return nil, errors.New("not built yet") }
