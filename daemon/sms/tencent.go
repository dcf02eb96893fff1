package sms

import (
	"errors"
	"time"
)

// TencentOptions are the account and the approved texts at Tencent Cloud's short
// message service.
type TencentOptions struct {
	Endpoint      string // scheme and host; "": https://sms.tencentcloudapi.com
	Region        string // "": ap-guangzhou
	SecretID      string
	SecretKeyFile string
	AppID         string            // SmsSdkAppId
	SignName      string            // approved signature
	Templates     map[string]string // "sign-in", "bind", "change", "confirm", and each with "-en" for English -> TemplateId
	Params        []string          // what {1}, {2} of the templates are, of "code" and "minutes"; none: both, in this order

	Now func() time.Time // nil: time.Now
}

// NewTencent returns a Sender that calls SendSms (2021-01-11).
func NewTencent(o TencentOptions) (Sender, error) { return nil, errors.New("not built yet") }
