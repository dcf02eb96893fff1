package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// senderKey is one key of a [[sms.sender]].
type senderKey struct {
	types []string // that have it, none: all
	set   senderSetter
	row   func(s *SMSSender, name string, v value) error // of a table: one of its keys
}

type senderSetter func(s *SMSSender, v value) error

func senderTypes() []string { return []string{SMSHTTP, SMSAliyun, SMSTencent} }

// purposes are what a code is sent for.
func purposes() []string { return []string{"sign-in", "bind", "change", "confirm"} }

// senderKeys is every key of a [[sms.sender]].
func senderKeys() map[string]senderKey {
	http, aliyun, tencent := []string{SMSHTTP}, []string{SMSAliyun}, []string{SMSTencent}
	providers := []string{SMSAliyun, SMSTencent}
	return map[string]senderKey{
		"name": {nil, func(s *SMSSender, v value) error { return setSenderName(&s.Name, v) }, nil},
		"type": {nil, func(s *SMSSender, v value) error { return setSenderType(&s.Type, v) }, nil},

		"method":       {http, func(s *SMSSender, v value) error { return setOneOf(&s.Method, v, "GET", "POST", "PUT") }, nil},
		"url":          {http, func(s *SMSSender, v value) error { return setFilled(&s.URL, v) }, nil},
		"headers":      {http, func(s *SMSSender, v value) error { return setHeaders(&s.Headers, v) }, nil},
		"body":         {http, func(s *SMSSender, v value) error { return setBody(&s.Body, v) }, nil},
		"content_type": {http, func(s *SMSSender, v value) error { return setFilled(&s.ContentType, v) }, nil},
		"status":       {http, func(s *SMSSender, v value) error { return setStatus(&s.Status, v) }, nil},
		"match":        {http, func(s *SMSSender, v value) error { return setPattern(&s.Match, v) }, nil},
		"secrets":      {http, setTable, setSecret},
		"allow_plain":  {http, func(s *SMSSender, v value) error { return setBool(&s.AllowPlain, v) }, nil},

		"access_key_id":          {aliyun, func(s *SMSSender, v value) error { return setWord(&s.AccessKeyID, v) }, nil},
		"access_key_secret_file": {aliyun, func(s *SMSSender, v value) error { return setDir(&s.AccessKeySecretFile, v) }, nil},

		"secret_id":       {tencent, func(s *SMSSender, v value) error { return setWord(&s.SecretID, v) }, nil},
		"secret_key_file": {tencent, func(s *SMSSender, v value) error { return setDir(&s.SecretKeyFile, v) }, nil},
		"app_id":          {tencent, func(s *SMSSender, v value) error { return setWord(&s.AppID, v) }, nil},
		"region":          {tencent, func(s *SMSSender, v value) error { return setWord(&s.Region, v) }, nil},

		"sign_name": {providers, func(s *SMSSender, v value) error { return setSignName(&s.SignName, v) }, nil},
		"template":  {providers, setTable, setTemplate},
		"params":    {providers, func(s *SMSSender, v value) error { return setParams(&s.Params, v) }, nil},
		"endpoint":  {providers, func(s *SMSSender, v value) error { return setEndpoint(&s.Endpoint, v) }, nil},
	}
}

// requiredSenderKeys are those that a type cannot do without, its templates
// apart.
func requiredSenderKeys() map[string][]string {
	return map[string][]string{
		SMSHTTP:    {"url"},
		SMSAliyun:  {"access_key_id", "access_key_secret_file", "sign_name"},
		SMSTencent: {"secret_id", "secret_key_file", "app_id", "sign_name"},
	}
}

// findSenderKey finds "url", or "secrets.password" as a row of its table.
func findSenderKey(name string) (senderSetter, []string, bool) {
	keys := senderKeys()
	if key, known := keys[name]; known {
		return key.set, key.types, true
	}
	table, inside, _ := strings.Cut(name, ".")
	key, known := keys[table]
	if !known || key.row == nil {
		return nil, nil, false
	}
	return func(s *SMSSender, v value) error { return key.row(s, inside, v) }, key.types, true
}

// setTable takes the header of a table, whose rows follow.
func setTable(_ *SMSSender, v value) error {
	if v.kind != unstable.Table {
		return errors.New(`wants a table such as { one = "…", two = "…" }, not ` + v.article())
	}
	return nil
}

func setSenderType(to *string, v value) error {
	s, err := v.asString()
	if err == nil && s == "console" {
		return errors.New(`"console" shows codes instead of sending them: it is for "latchkey demo" only`)
	}
	return setOneOf(to, v, senderTypes()...)
}

// setSenderName takes what a label of a metric may be.
func setSenderName(to *string, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	if s == "" || len(s) > 32 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return errors.New("wants 1 to 32 characters of a-z, 0-9, - and _")
	}
	*to = s
	return nil
}

// setFilled takes a text that is not empty, on one line.
func setFilled(to *string, v value) error {
	s, err := v.asString()
	switch {
	case err != nil:
		return err
	case s == "":
		return errors.New("is empty")
	case strings.ContainsFunc(s, isControl):
		return errors.New("contains a control character")
	}
	*to = s
	return nil
}

// setWord takes an identifier that a provider has given out.
func setWord(to *string, v value) error {
	if err := setFilled(to, v); err != nil {
		return err
	}
	if strings.ContainsFunc(*to, func(r rune) bool { return r <= 0x20 || r > 0x7e }) || len(*to) > 128 {
		return errors.New("wants at most 128 characters of ASCII without blanks")
	}
	return nil
}

func setSignName(to *string, v value) error {
	if err := setFilled(to, v); err != nil {
		return err
	}
	return setText(to, v, 64)
}

func setTemplate(s *SMSSender, purpose string, v value) error {
	if !slices.Contains(purposes(), strings.TrimSuffix(purpose, "-en")) {
		return fmt.Errorf(`is no purpose: wants %s, or one of them with "-en" behind it for English`, alternatives(purposes()))
	}
	var id string
	if err := setWord(&id, v); err != nil {
		return err
	}
	if s.Template == nil {
		s.Template = make(map[string]string)
	}
	s.Template[purpose] = id
	return nil
}

func setParams(to *[]string, v value) error {
	names, err := v.asStrings()
	if err != nil {
		return err
	}
	for i, name := range names {
		if name != "code" && name != "minutes" {
			return fmt.Errorf(`unknown variable %q (there are "code" and "minutes")`, name)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("names %s twice", name)
		}
	}
	if !slices.Contains(names, "code") {
		return errors.New(`has no "code"`)
	}
	*to = names
	return nil
}

func setEndpoint(to *string, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	u, err := webURL(s)
	if err != nil || strings.TrimSuffix(u.Path, "/")+u.RawQuery+u.Fragment != "" {
		return errors.New(`wants scheme and host such as "https://dysmsapi.aliyuncs.com"`)
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return errors.New("must begin with https: codes would cross the network in the clear")
	}
	*to = s
	return nil
}

func setStatus(to *[]int, v value) error {
	if v.kind != unstable.Array || len(v.list) == 0 || len(v.list) > 20 {
		return errors.New("wants a list of the answers that mean sent, such as [200, 202]")
	}
	var all []int
	for _, item := range v.list {
		n, err := item.asInt(200, 599)
		if err != nil {
			return errors.New("wants the numbers of HTTP answers, 200 to 599")
		}
		all = append(all, int(n))
	}
	*to = all
	return nil
}

func setPattern(to *string, v value) error {
	if err := setFilled(to, v); err != nil {
		return err
	}
	if _, err := regexp.Compile(*to); err != nil || len(*to) > 500 {
		return errors.New(`is not a regular expression of at most 500 characters (github.com/google/re2/wiki/Syntax)`)
	}
	return nil
}
