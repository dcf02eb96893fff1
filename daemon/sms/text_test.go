package sms

import (
	"strings"
	"testing"
	"unicode/utf16"
)

// One short message holds 70 UTF-16 units if it is not plain ASCII (3GPP TS
// 23.038, UCS2), and a site may have 16 characters.
func TestTextFitsOneMessage(t *testing.T) {
	for _, language := range []string{Chinese, English} {
		for _, p := range purposes {
			m := message()
			m.Language, m.Purpose, m.Minutes, m.Site = language, p, 99, strings.Repeat("站", 16)
			if n := len(utf16.Encode([]rune(m.Text()))); n > 70 {
				t.Errorf("%d units: %s", n, m.Text())
			}
		}
	}
}

func TestTextNamesEverything(t *testing.T) {
	want := map[string]map[Purpose]string{
		Chinese: {SignIn: "登录", Bind: "绑定手机", Change: "更换绑定手机", Confirm: "修改安全设置"},
		English: {SignIn: "sign-in", Bind: "phone binding", Change: "new number", Confirm: "confirmation"},
	}
	never := map[string]string{Chinese: "请勿转告任何人", English: "Never pass it on"}
	seen := map[string]bool{}
	for language, purposes := range want {
		for p, name := range purposes {
			m := message()
			m.Language, m.Purpose, m.Minutes = language, p, 7
			text := m.Text()
			for _, part := range []string{m.Site, testCode, "7", name, never[language]} {
				if !strings.Contains(text, part) {
					t.Errorf("%s, %s: %q has no %q", language, p, text, part)
				}
			}
			if seen[text] {
				t.Errorf("%q says two things", text)
			}
			seen[text] = true
		}
	}
}

func TestTextInWords(t *testing.T) {
	m := message()
	if got, want := m.Text(), "研究所邮箱：登录验证码406193，5分钟内有效。请勿转告任何人。非本人操作请立即修改密码。"; got != want {
		t.Errorf("got %s", got)
	}
	m.Language = English
	if got, want := m.Text(), "研究所邮箱: sign-in code 406193, 5 min. Never pass it on."; got != want {
		t.Errorf("got %s", got)
	}
	m.Language = "fr"
	if !strings.Contains(m.Text(), "登录验证码") {
		t.Errorf("an unknown language is not Chinese: %s", m.Text())
	}
}
