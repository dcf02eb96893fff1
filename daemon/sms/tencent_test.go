package sms

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The example of "签名方法 v3" (Signature v3), cloud.tencent.com. Its id and key have
// asterisks, and its signature is made with them.
func TestTC3DocumentedExample(t *testing.T) {
	c := tc3Call{
		host: "cvm.tencentcloudapi.com", service: "cvm", action: "DescribeInstances", contentType: "application/json; charset=utf-8",
		body: `{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}`,
		at:   time.Unix(1551113065, 0),
	}
	want := `POST
/

content-type:application/json; charset=utf-8
host:cvm.tencentcloudapi.com
x-tc-action:describeinstances

content-type;host;x-tc-action
35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064`
	if got := c.canonical(); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := hexSHA256(c.canonical()); got != "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84" {
		t.Errorf("hashed %s", got)
	}
	asterisks := strings.Repeat("*", 32)
	if got := c.authorization("AKID"+asterisks, asterisks); got != "TC3-HMAC-SHA256 Credential=AKID"+asterisks+"/2019-02-25/cvm/tc3_request, "+
		"SignedHeaders=content-type;host;x-tc-action, Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f" {
		t.Errorf("got %s", got)
	}
}

func tencentOptions(t *testing.T, endpoint string) TencentOptions {
	return TencentOptions{
		Endpoint: endpoint, SecretID: "AKIDexample", SecretKeyFile: secretFile(t, testSecret), AppID: "1400006666", SignName: `研究所"邮箱`,
		Templates: map[string]string{"sign-in": "1", "bind": "2", "change": "3", "confirm": "4", "confirm-en": "5"},
		Now:       func() time.Time { return testNow },
	}
}

// checkTC3 does what the service does, from the request as it came. It shares no
// code with the sender.
func checkTC3(r *http.Request, body, id, key string, now time.Time) error {
	stamp, err := strconv.ParseInt(r.Header.Get("X-TC-Timestamp"), 10, 64)
	if err != nil || now.Sub(time.Unix(stamp, 0)).Abs() > 5*time.Minute {
		return fmt.Errorf("timestamp %d, %v", stamp, err)
	}
	day := time.Unix(stamp, 0).UTC().Format(time.DateOnly)
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "TC3-HMAC-SHA256 Credential="+id+"/"+day+"/sms/tc3_request, SignedHeaders=")
	names, signature, ok2 := strings.Cut(rest, ", Signature=")
	if !ok || !ok2 {
		return fmt.Errorf("authorization %q", r.Header.Get("Authorization"))
	}
	signed := strings.Split(names, ";")
	if !slices.IsSorted(signed) || !slices.Contains(signed, "host") || !slices.Contains(signed, "content-type") {
		return fmt.Errorf("signed headers %v", signed)
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	request := r.Method + "\n" + path + "\n" + query + "\n"
	for _, name := range signed {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		request += name + ":" + strings.ToLower(strings.TrimSpace(value)) + "\n"
	}
	request += fmt.Sprintf("\n%s\n%x", names, sha256.Sum256([]byte(body)))
	text := fmt.Sprintf("TC3-HMAC-SHA256\n%d\n%s/sms/tc3_request\n%x", stamp, day, sha256.Sum256([]byte(request)))
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		_, _ = io.WriteString(h, text)
		return h.Sum(nil)
	}
	want := fmt.Sprintf("%x", mac(mac(mac(mac([]byte("TC3"+key), day), "sms"), "tc3_request"), text))
	if want != signature {
		return fmt.Errorf("signature %s, want %s of\n%s", signature, want, request)
	}
	return nil
}

func TestTencent(t *testing.T) {
	service := newStandIn(t)
	service.answer = func(w http.ResponseWriter, r *http.Request) {
		if err := checkTC3(r, service.body, "AKIDexample", testSecret, testNow); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"Response":{"SendStatusSet":[{"SerialNo":"5000:1045710669157053657849499619","PhoneNumber":"`+testTo+
			`","Fee":1,"SessionContext":"","Code":"Ok","Message":"send success","IsoCode":"CN"}],"RequestId":"a0aabda6-cf91-4f3e-a81f-9198114a2279"}}`)
	}
	for _, tt := range []struct {
		purpose  Purpose
		language string
		params   []string
		template string
		values   []any
	}{
		{SignIn, Chinese, nil, "1", []any{testCode, "5"}},
		{Bind, English, []string{"code"}, "2", []any{testCode}},
		{Change, Chinese, []string{"minutes", "code"}, "3", []any{"5", testCode}},
		{Confirm, Chinese, []string{"code", "minutes"}, "4", []any{testCode, "5"}},
		{Confirm, English, nil, "5", []any{testCode, "5"}},
	} {
		o := tencentOptions(t, service.URL)
		o.Params = tt.params
		s, err := NewTencent(o)
		if err != nil {
			t.Fatal(err)
		}
		m := message()
		m.Purpose, m.Language = tt.purpose, tt.language
		if err := s.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(service.body), &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"PhoneNumberSet": []any{testTo}, "SmsSdkAppId": "1400006666", "SignName": `研究所"邮箱`, "TemplateId": tt.template, "TemplateParamSet": tt.values}
		if !reflect.DeepEqual(got, want) || service.asked.Method != "POST" || service.asked.RequestURI != "/" {
			t.Errorf("asked %s %s with %v", service.asked.Method, service.asked.RequestURI, got)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/json; charset=utf-8", "X-TC-Action": "SendSms", "X-TC-Version": "2021-01-11", "X-TC-Region": "ap-guangzhou",
			"X-TC-Timestamp": "1795478398",
		} {
			if got := service.asked.Header.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
}

func TestTencentRefuses(t *testing.T) {
	service := newStandIn(t)
	s, err := NewTencent(tencentOptions(t, service.URL))
	if err != nil {
		t.Fatal(err)
	}
	refusesAnswers(t, s, service, map[string]string{
		`200 {"Response":{"Error":{"Code":"AuthFailure.SignatureFailure","Message":"ECHO"},"RequestId":"x"}}`:      "status 200, AuthFailure.SignatureFailure",
		`200 {"Response":{"Error":{"Code":"InternalError.Timeout","Message":"ECHO"},"RequestId":"x"}}`:             "unclear: status 200, InternalError.Timeout",
		`200 {"Response":{"Error":{"Code":"InternalError"},"RequestId":"x"}}`:                                      "unclear: status 200, InternalError",
		`200 {"Response":{"Error":{"Code":"InternalErrors"},"RequestId":"x"}}`:                                     "status 200, InternalErrors",
		`200 {"Response":{"Error":{},"SendStatusSet":[{"Code":"Ok"}]}}`:                                            "status 200, no error code",
		`200 {"Response":{"SendStatusSet":[{"Code":"LimitExceeded.PhoneNumberDailyLimit","PhoneNumber":"ECHO"}]}}`: "status 200, LimitExceeded.PhoneNumberDailyLimit",
		`200 {"Response":{"SendStatusSet":[{"Code":"Ok"},{"Code":"FailedOperation.PhoneNumberInBlacklist"}]}}`:     "unclear: status 200, the answer tells of 2 messages",
		`200 {"Response":{"SendStatusSet":[]}}`:                                                                    "unclear: status 200, the answer tells of 0 messages",
		`200 {"Response":{"SendStatusSet":[{"Code":"ECHO"}]}}`:                                                     "status 200, an error code of unknown form",
		`200 {"Response":{"SendStatusSet":[{"Code":"OK"}]}}`:                                                       "status 200, OK",
		`503 {"Response":{"SendStatusSet":[{"Code":"Ok"}]}}`:                                                       "unclear: status 503, Ok",
		`200 {"SendStatusSet":[{"Code":"Ok"}]}`:                                                                    "unclear: status 200, the answer tells of 0 messages",
		`200 {}`:                                                                                                   "unclear: status 200, the answer tells of 0 messages",
		`200 `:                                                                                                     "unclear: status 200, the body is not an answer of SendSms",
		`502 <html>ECHO</html>`:                                                                                    "unclear: status 502, the body is not an answer of SendSms",
		`200 {"Response":{"SendStatusSet":[{"Code":"Ok","Message":"` + strings.Repeat("x", maxAnswer) + `"}]}}`:    "unclear: status 200, the body is not an answer of SendSms",
	})
}

func TestTencentOptionsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*TencentOptions){
		"no id":          func(o *TencentOptions) { o.SecretID = "" },
		"id with a line": func(o *TencentOptions) { o.SecretID = "a\nb" },
		"no key":         func(o *TencentOptions) { o.SecretKeyFile = "" },
		"no application": func(o *TencentOptions) { o.AppID = "" },
		"no signature":   func(o *TencentOptions) { o.SignName = "" },
		"region":         func(o *TencentOptions) { o.Region = "ap guangzhou" },
		"no template":    func(o *TencentOptions) { delete(o.Templates, "change") },
		"no code":        func(o *TencentOptions) { o.Params = []string{"minutes"} },
		"plain endpoint": func(o *TencentOptions) { o.Endpoint = "http://sms.tencentcloudapi.com" },
	} {
		o := tencentOptions(t, "")
		spoil(&o)
		if _, err := NewTencent(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	s, err := NewTencent(tencentOptions(t, ""))
	if err != nil || s.(*tencent).endpoint.String() != "https://sms.tencentcloudapi.com" {
		t.Errorf("%v, %v", s, err)
	}
}

// FuzzTencentAnswer looks whether an answer can put anything but letters into the
// error, or pass for a success without saying so.
func FuzzTencentAnswer(f *testing.F) {
	f.Add([]byte(`{"Response":{"SendStatusSet":[{"Code":"Ok"}]}}`))
	f.Add([]byte(`{"Response":{"SendStatusSet":[{"Code":"406193"}]}}`))
	f.Add([]byte(`{"Response":{"Error":{"Code":"AuthFailure.SignatureFailure"}}}`))
	f.Add([]byte(`{"response":{"error":null,"sendstatusset":[null]}}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		err := judgeTencent(http.StatusOK, body)
		if err == nil {
			if !strings.Contains(string(body), "Ok") && !strings.Contains(string(body), `\u`) {
				t.Errorf("%q is a success", body)
			}
			return
		}
		text := strings.Replace(err.Error(), "status 200", "status", 1)
		if !strings.Contains(text, " messages") && strings.ContainsAny(text, "0123456789\n\"") {
			t.Errorf("%q tells %q", body, text)
		}
	})
}
