package config

import (
	"reflect"
	"testing"
)

// everySender has each type once, their tables written in three ways.
const everySender = `
[sms]
timeout = "30s"
per_number_day = 1
per_account_day = 2
per_source_hour = 3
sign_in_per_hour = 4
binding_per_hour = 5

[[sms.sender]]
url = "http://127.0.0.1:13013/cgi-bin/sendsms?username=u&password={{secret \"kannel\"}}&to={{.To}}&text={{ .Text }}"
headers = ["X-Purpose: {{.Purpose}}", "X-Minutes:{{.Minutes}}"]
status = [202]
match = "^0: "
secrets.kannel = "/etc/latchkey/kannel"
type = "http"

[[sms.sender]]
name = "first-aliyun"
type = "aliyun"
access_key_id = "id"
access_key_secret_file = "/etc/latchkey//aliyun"
sign_name = "示例 大学"
[sms.sender.template]
sign-in = "SMS_1"
bind = "SMS_2"
change = "SMS_3"
confirm = "SMS_4"
sign-in-en = "SMS_5"

[[sms.sender]]
type = "tencent"
secret_id = "id"
secret_key_file = "/etc/latchkey/tencent"
app_id = "1400000000"
region = "ap-beijing"
sign_name = "示例"
template = { sign-in = "1", bind = "2", change = "3", confirm = "4" }
params = ["minutes", "code"]
endpoint = "http://localhost:8000/"

[[sms.sender]]
name = "plain"
type = "http"
method = "PUT"
url = "http://sms.example.org"
body = """
{"code": "{{.Code}}"}"""
content_type = "application/json"
allow_plain = true
`

func TestParseSenders(t *testing.T) {
	c, err := Parse("x", []byte(everySender))
	if err != nil {
		t.Fatal(err)
	}
	want := SMS{
		Timeout: Duration(30 * second), PerNumberDay: 1, PerAccountDay: 2, PerSourceHour: 3, SignInPerHour: 4, BindingPerHour: 5,
		Senders: []SMSSender{
			{
				Name: "http", Type: SMSHTTP,
				URL:     `http://127.0.0.1:13013/cgi-bin/sendsms?username=u&password={{secret "kannel"}}&to={{.To}}&text={{ .Text }}`,
				Headers: []SMSHeader{{"X-Purpose", "{{.Purpose}}"}, {"X-Minutes", "{{.Minutes}}"}},
				Status:  []int{202}, Match: "^0: ", Secrets: map[string]string{"kannel": "/etc/latchkey/kannel"},
			},
			{
				Name: "first-aliyun", Type: SMSAliyun, AccessKeyID: "id", AccessKeySecretFile: "/etc/latchkey/aliyun", SignName: "示例 大学",
				Template: map[string]string{"sign-in": "SMS_1", "bind": "SMS_2", "change": "SMS_3", "confirm": "SMS_4", "sign-in-en": "SMS_5"},
			},
			{
				Name: "tencent", Type: SMSTencent, SecretID: "id", SecretKeyFile: "/etc/latchkey/tencent", AppID: "1400000000",
				Region: "ap-beijing", SignName: "示例", Template: map[string]string{"sign-in": "1", "bind": "2", "change": "3", "confirm": "4"},
				Params: []string{"minutes", "code"}, Endpoint: "http://localhost:8000/",
			},
			{
				Name: "plain", Type: SMSHTTP, Method: "PUT", URL: "http://sms.example.org", Body: `{"code": "{{.Code}}"}`,
				ContentType: "application/json", AllowPlain: true,
			},
		},
	}
	if !reflect.DeepEqual(c.SMS, want) {
		t.Errorf("got\n%+v\nwant\n%+v", c.SMS, want)
	}
}

// A day that never comes, a portal that is not served, and any sender, even one
// with a mistake of its own, are no reason to say that nobody could bind a phone.
func TestRequiredWithoutSender(t *testing.T) {
	const (
		portal = "[portal]\nurl = \"http://localhost:8080\"\nlisten = \"127.0.0.1:8080\"\n"
		sender = "[[sms.sender]]\ntype = \"http\"\nurl = \"https://sms.example.org\"\n"
		from   = "[two_step]\nenforce_from = 2027-03-01\n"
		domain = "[two_step.domains]\n\"a.example\" = 2027-03-01\n"
		never  = "[two_step.domains]\n\"a.example\" = false\n"
	)
	for text, good := range map[string]bool{
		portal + from:            false,
		portal + domain:          false,
		portal + never:           true,
		portal:                   true,
		from + domain:            true,
		portal + from + sender:   true,
		portal + domain + sender: true,
	} {
		if _, err := Parse("x", []byte(text)); (err == nil) != good {
			t.Errorf("%s%v", text, err)
		}
	}
	for section, want := range map[string]string{
		"[[sms.sender]]\n": "x:6: sms.sender: has no type: \"http\", \"aliyun\" or \"tencent\"",
		"[sms.sender]\n":   "x:6: sms.sender: write each one as a section [[sms.sender]], in double brackets",
	} {
		if _, err := Parse("x", []byte(portal+from+section)); err == nil || err.Error() != want {
			t.Errorf("%s%v", section, err)
		}
	}
}
