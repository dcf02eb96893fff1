package sms

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// The example with fixed values of "V3版本请求体&签名机制" (V3 request structure and
// signature), help.aliyun.com.
func TestACS3DocumentedExample(t *testing.T) {
	query := acs3Query(url.Values{"RegionId": {"cn-shanghai"}, "ImageId": {"win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}})
	headers := acs3Headers{
		{"host", "ecs.cn-shanghai.aliyuncs.com"},
		{"x-acs-action", "RunInstances"},
		{"x-acs-content-sha256", hexSHA256("")},
		{"x-acs-date", "2023-10-26T10:22:32Z"},
		{"x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"},
		{"x-acs-version", "2014-05-26"},
	}
	canonical := acs3Canonical("POST", query, headers)
	want := `POST
/
ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai
host:ecs.cn-shanghai.aliyuncs.com
x-acs-action:RunInstances
x-acs-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
x-acs-date:2023-10-26T10:22:32Z
x-acs-signature-nonce:3156853299f313e23d1673dc12e1703d
x-acs-version:2014-05-26

host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`
	if canonical != want {
		t.Errorf("got\n%s", canonical)
	}
	if got := hexSHA256(canonical); got != "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259" {
		t.Errorf("hashed %s", got)
	}
	got := acs3Authorization("YourAccessKeyId", "YourAccessKeySecret", canonical, headers)
	if got != "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"+
		"x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0" {
		t.Errorf("got %s", got)
	}
}

var testNow = time.Date(2026, 11, 24, 7, 59, 58, 0, time.FixedZone("CST", 8*3600)) // the 23rd in UTC

func aliyunOptions(t *testing.T, endpoint string) AliyunOptions {
	return AliyunOptions{
		Endpoint: endpoint, AccessKeyID: "LTAI5tExample", AccessKeySecretFile: secretFile(t, testSecret), SignName: "研究所+ 邮箱",
		Templates: map[string]string{"sign-in": "SMS_1", "bind": "SMS_2", "change": "SMS_3", "confirm": "SMS_4", "sign-in-en": "SMS_5"},
		Now:       func() time.Time { return testNow },
	}
}

// checkACS3 does what the service does: it takes the request as it came, makes the
// canonical request of it, and compares. It shares no code with the sender.
func checkACS3(r *http.Request, body, id, key string) error {
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "ACS3-HMAC-SHA256 Credential="+id+",SignedHeaders=")
	names, signature, ok2 := strings.Cut(rest, ",Signature=")
	if !ok || !ok2 {
		return fmt.Errorf("authorization %q", r.Header.Get("Authorization"))
	}
	signed := strings.Split(names, ";")
	for name := range r.Header {
		name = strings.ToLower(name)
		if (strings.HasPrefix(name, "x-acs-") || name == "content-type") && !slices.Contains(signed, name) {
			return fmt.Errorf("%s is not signed", name)
		}
	}
	if !slices.IsSorted(signed) || !slices.Contains(signed, "host") {
		return fmt.Errorf("signed headers %v", signed)
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	var pairs []string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		pairs = append(pairs, reEncode(name)+"="+reEncode(value))
	}
	slices.Sort(pairs)
	lines := []string{r.Method, path, strings.Join(pairs, "&")}
	for _, name := range signed {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		lines = append(lines, name+":"+strings.TrimSpace(value))
	}
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
	if r.Header.Get("x-acs-content-sha256") != sum {
		return errors.New("hash of the body")
	}
	lines = append(lines, "", names, sum)
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "ACS3-HMAC-SHA256\n%x", sha256.Sum256([]byte(strings.Join(lines, "\n"))))
	if want := fmt.Sprintf("%x", mac.Sum(nil)); want != signature {
		return fmt.Errorf("signature %s, want %s of\n%s", signature, want, strings.Join(lines, "\n"))
	}
	return nil
}

// reEncode encodes anew, byte by byte, whatever the client's encoding was.
func reEncode(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return "?"
	}
	var b strings.Builder
	for _, c := range []byte(plain) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func TestAliyun(t *testing.T) {
	service := newStandIn(t)
	service.answer = func(w http.ResponseWriter, r *http.Request) {
		if err := checkACS3(r, service.body, "LTAI5tExample", testSecret); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"Code":"OK","Message":"OK","BizId":"9006197469364984^0","RequestId":"F655A8D5-B967-440B-8683-DAD6FF8DE990"}`)
	}
	for _, tt := range []struct {
		to       string
		language string
		purpose  Purpose
		params   []string
		number   string
		template string
		param    string
	}{
		{testTo, Chinese, SignIn, nil, "13812345678", "SMS_1", `{"code":"406193"}`},
		{testTo, English, SignIn, []string{"minutes", "code"}, "13812345678", "SMS_5", `{"code":"406193","minutes":"5"}`},
		{testTo, English, Bind, nil, "13812345678", "SMS_2", `{"code":"406193"}`},
		{"+85251234567", Chinese, Change, nil, "85251234567", "SMS_3", `{"code":"406193"}`},
		{"+12025550123", Chinese, Confirm, []string{"code"}, "12025550123", "SMS_4", `{"code":"406193"}`},
	} {
		o := aliyunOptions(t, service.URL)
		o.Params = tt.params
		o.Rand = bytes.NewReader([]byte("0123456789abcdef"))
		s, err := NewAliyun(o)
		if err != nil {
			t.Fatal(err)
		}
		m := message()
		m.To, m.Language, m.Purpose = tt.to, tt.language, tt.purpose
		if err := s.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		r := service.asked
		want := url.Values{"PhoneNumbers": {tt.number}, "SignName": {"研究所+ 邮箱"}, "TemplateCode": {tt.template}, "TemplateParam": {tt.param}}
		if got := r.URL.Query(); r.Method != "POST" || r.URL.Path != "/" || got.Encode() != want.Encode() || service.body != "" {
			t.Errorf("asked %s %s with %v", r.Method, r.URL.Path, got)
		}
		for name, want := range map[string]string{
			"x-acs-action": "SendSms", "x-acs-version": "2017-05-25", "x-acs-date": "2026-11-23T23:59:58Z",
			"x-acs-signature-nonce": fmt.Sprintf("%x", "0123456789abcdef"),
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
}

func TestAliyunNonceAndSecretAreNewEachTime(t *testing.T) {
	service := newStandIn(t)
	o := aliyunOptions(t, service.URL)
	s, err := NewAliyun(o)
	if err != nil {
		t.Fatal(err)
	}
	nonces := map[string]bool{}
	for _, key := range []string{"first", "second"} {
		writeSecret(t, o.AccessKeySecretFile, key+"\n")
		failed(t, s.Send(context.Background(), message()), ErrUnclear) // "ok" is no JSON
		if err := checkACS3(service.asked, "", o.AccessKeyID, key); err != nil {
			t.Error(err)
		}
		nonces[service.asked.Header.Get("x-acs-signature-nonce")] = true
	}
	if len(nonces) != 2 {
		t.Errorf("nonces %v", nonces)
	}
}

// answers are sent to a sender, which must not take any of them for a success.
func refusesAnswers(t *testing.T, s Sender, service *standIn, answers map[string]string) {
	t.Helper()
	for answer, want := range answers {
		service.answer = func(w http.ResponseWriter, r *http.Request) {
			status, body, _ := strings.Cut(answer, " ")
			if status == "302" {
				w.Header().Set("Location", "/")
			}
			var code int
			_, _ = fmt.Sscan(status, &code)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, strings.ReplaceAll(body, "ECHO", testCode+testTo+testSecret))
		}
		err := s.Send(context.Background(), message())
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Fatalf("%s: %v, want %s", answer, err, want)
		}
		kind := ErrRefused
		if strings.Contains(want, "unclear: ") {
			kind = ErrUnclear
		}
		failed(t, err, kind)
	}
}

func TestAliyunRefuses(t *testing.T) {
	service := newStandIn(t)
	s, err := NewAliyun(aliyunOptions(t, service.URL))
	if err != nil {
		t.Fatal(err)
	}
	refusesAnswers(t, s, service, map[string]string{
		`200 {"Code":"isv.BUSINESS_LIMIT_CONTROL","Message":"触发天级流控Permits:ECHO","RequestId":"x"}`: "status 200, isv.BUSINESS_LIMIT_CONTROL",
		`400 {"Code":"SignatureDoesNotMatch","Message":"ECHO"}`:                                    "status 400, SignatureDoesNotMatch",
		`500 {"Code":"OK"}`:   "unclear: status 500, OK",
		`200 {"Code":"ok"}`:   "status 200, ok",
		`200 {"Code":""}`:     "unclear: status 200, the body is not an answer of SendSms",
		`200 {}`:              "unclear: status 200, the body is not an answer of SendSms",
		`200 null`:            "unclear: status 200, the body is not an answer of SendSms",
		`200 `:                "unclear: status 200, the body is not an answer of SendSms",
		`200 [{"Code":"OK"}]`: "unclear: status 200, the body is not an answer of SendSms",
		`200 {"Code":"OK"}}`:  "unclear: status 200, the body is not an answer of SendSms",
		`200 {"Code":"ECHO"}`: "status 200, an error code of unknown form",
		`200 {"Code":"OK","x":"` + strings.Repeat("x", maxAnswer) + `"}`: "unclear: status 200, the body is not an answer of SendSms",
		`302 {"Code":"OK"}`: "status 302, OK",
	})
}

func TestAliyunOptionsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*AliyunOptions){
		"no id":            func(o *AliyunOptions) { o.AccessKeyID = "" },
		"id with a line":   func(o *AliyunOptions) { o.AccessKeyID = "a\nb" },
		"no secret":        func(o *AliyunOptions) { o.AccessKeySecretFile = "" },
		"no signature":     func(o *AliyunOptions) { o.SignName = "" },
		"no template":      func(o *AliyunOptions) { delete(o.Templates, "confirm") },
		"empty template":   func(o *AliyunOptions) { o.Templates["bind-en"] = "" },
		"unknown template": func(o *AliyunOptions) { o.Templates["sign-up"] = "SMS_9" },
		"unknown language": func(o *AliyunOptions) { o.Templates["sign-in-fr"] = "SMS_9" },
		"no code":          func(o *AliyunOptions) { o.Params = []string{"minutes"} },
		"code twice":       func(o *AliyunOptions) { o.Params = []string{"code", "code"} },
		"unknown param":    func(o *AliyunOptions) { o.Params = []string{"code", "site"} },
		"plain endpoint":   func(o *AliyunOptions) { o.Endpoint = "http://dysmsapi.aliyuncs.com" },
		"path":             func(o *AliyunOptions) { o.Endpoint = "https://dysmsapi.aliyuncs.com/x" },
		"query":            func(o *AliyunOptions) { o.Endpoint = "https://dysmsapi.aliyuncs.com?x" },
		"not ASCII":        func(o *AliyunOptions) { o.Endpoint = "https://例子.example" },
		"host alone":       func(o *AliyunOptions) { o.Endpoint = "dysmsapi.aliyuncs.com" },
	} {
		o := aliyunOptions(t, "")
		spoil(&o)
		if _, err := NewAliyun(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	s, err := NewAliyun(aliyunOptions(t, ""))
	if err != nil || s.(*aliyun).endpoint.String() != "https://dysmsapi.aliyuncs.com" {
		t.Errorf("%v, %v", s, err)
	}
}
