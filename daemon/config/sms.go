package config

// SMS is the section [sms]: who sends the codes, and how many.
type SMS struct {
	Timeout Duration // for each sender, then the next one is asked

	PerNumberDay, PerAccountDay, PerSourceHour int
	SignInPerHour                              int // codes to bound numbers, all accounts together
	BindingPerHour                             int // codes to numbers that accounts name

	Senders []SMSSender // [[sms.sender]], in the order in which they are asked
}

// The types of SMS senders.
const (
	SMSHTTP    = "http"    // any gateway that takes an HTTP request
	SMSAliyun  = "aliyun"  // Alibaba Cloud's SendSms
	SMSTencent = "tencent" // Tencent Cloud's SendSms
)

// SMSSender is one [[sms.sender]]. What its type does not use is empty.
type SMSSender struct {
	Name string // for logs and metrics; unique
	Type string

	// http
	Method, URL       string
	Headers           []SMSHeader
	Body, ContentType string
	Status            []int             // the answers that mean "sent"
	Match             string            // pattern that the answer's body matches then, "" = any
	Secrets           map[string]string // name in the templates -> absolute path of the file
	AllowPlain        bool              // URL may be http to another machine

	// aliyun
	AccessKeyID, AccessKeySecretFile string

	// tencent
	SecretID, SecretKeyFile, AppID, Region string

	// aliyun and tencent
	SignName string
	Template map[string]string // purpose, or purpose with "-en" -> id of the provider's template
	Params   []string          // the templates' variables, of "code" and "minutes"; nil = the provider's usual
	Endpoint string            // scheme and host, "" = the provider's own
}

// SMSHeader is one header of a request.
type SMSHeader struct{ Name, Value string }

func defaultSMS() SMS {
	return SMS{
		Timeout:        Duration(10 * second),
		PerNumberDay:   10,
		PerAccountDay:  10,
		PerSourceHour:  20,
		SignInPerHour:  1000,
		BindingPerHour: 300,
	}
}
