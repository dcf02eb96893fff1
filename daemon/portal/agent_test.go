package portal

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// line is how the test writes an agent: program, on system.
func (a agent) line() string {
	p := a.App
	if p == (product{}) {
		p = a.Browser
	}
	return strings.TrimSpace(strings.Trim(strings.Join([]string{p.Name + p.Key, p.Version}, " "), " ") + " | " + a.System)
}

func TestWebAgent(t *testing.T) {
	const (
		kit     = " AppleWebKit/537.36 (KHTML, like Gecko) "
		windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + kit
		android = "Mozilla/5.0 (Linux; Android 14; PJA110 Build/UKQ1)" + kit + "Version/4.0 "
		iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
	)
	for _, of := range []struct{ text, want string }{
		{"", "|"},
		{"Mozilla/5.0", "|"},
		{"\x00\xff<script>", "|"},
		{windows + "Chrome/140.0.0.0 Safari/537.36", "Chrome 140 | Windows"},
		{windows + "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge 140 | Windows"},
		{"Mozilla/5.0 (Windows NT 6.1; WOW64)" + kit + "Chrome/109.0.0.0 Safari/537.36", "Chrome 109 | Windows 7"},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox 140 | Linux"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15", "Safari 18 | macOS"},
		{iphone + "Version/18.1 Mobile/15E148 Safari/604.1", "Safari 18 | iOS 18"},
		{"Mozilla/5.0 (iPad; CPU OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1", "Safari 17 | iPadOS 17"},
		{"Mozilla/5.0 (Linux; Android 10; K)" + kit + "Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome 140 | Android"},
		{"Mozilla/5.0 (X11; Linux x86_64)" + kit + "HeadlessChrome/140.0.0.0 Safari/537.36", "Chrome 140 | Linux"},
		// What useragent misses.
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0", "Thunderbird 128 | Windows"},
		{windows + "Chrome/122.0.0.0 Safari/537.36 QihooBrowser/3.0", "agent.browser_360 3 | Windows"},
		{windows + "Chrome/86.0 Safari/537.36 360SE/13.1", "agent.browser_360 13 | Windows"},
		{windows + "Chrome/86.0 Safari/537.36 360SE", "agent.browser_360 | Windows"},
		{windows + "Chrome/94.0 Safari/537.36 Core/1.94 QQBrowser/12.2.5544.400", "agent.qq_browser 12 | Windows"},
		{android + "Chrome/98.0 MQQBrowser/15.1 Mobile Safari/537.36", "agent.qq_browser 15 | Android 14"},
		{android + "Chrome/98.0 MQQBrowser/6.2 TBS/046 Mobile Safari/537.36 V1_AND_SQ_9.0 QQ/9.0.20", "QQ 9 | Android 14"},
		{android + "Chrome/100.0 UCBrowser/16.5.8 Mobile Safari/537.36", "agent.uc 16 | Android 14"},
		{android + "Chrome/126.0 XWEB/1260 MMWEBSDK/2024 Mobile Safari/537.36 MicroMessenger/8.0.53", "agent.wechat 8 | Android 14"},
		{iphone + "Mobile/15E148 MicroMessenger/8.0.53(0x18003531) NetType/WIFI Language/zh_CN", "agent.wechat 8 | iOS 18"},
		{windows + "Chrome/108.0 Safari/537.36 MicroMessenger/7.0.20 wxwork/4.1.30", "agent.wecom 4 | Windows"},
		{iphone + "Mobile/15E148 AliApp(DingTalk/7.6.15) com.laiwang.DingTalk/43", "agent.dingtalk 7 | iOS 18"},
		{windows + "Chrome/120.0 Safari/537.36 Feishu/7.28", "agent.feishu 7 | Windows"},
		{windows + "Chrome/100.0 Safari/537.36 SE 2.X MetaSr 1.0", "agent.sogou 1 | Windows"},
		{"Mozilla/5.0 (Linux; Android 12; HarmonyOS; ALN-AL00; HMSCore 6.14)" + kit + "Chrome/114.0 HuaweiBrowser/15.0.4.312 Mobile Safari/537.36", "agent.huawei 15 | HarmonyOS"},
		{"Mozilla/5.0 (Phone; OpenHarmony 5.0)" + kit + "Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile", "ArkWeb 4 | HarmonyOS"},
		{"Mozilla/5.0 (Phone; OpenHarmony 5.0)" + kit + "Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile HuaweiBrowser/5.0.4", "agent.huawei 5 | HarmonyOS"},
	} {
		if got := webAgent(of.text).line(); got != of.want {
			t.Errorf("%q is %q, want %q", of.text, got, of.want)
		}
	}
}

func TestMailAgent(t *testing.T) {
	for _, of := range []struct{ id, want string }{
		{"", "|"},
		{"NIL", "|"},
		{`"name" "Thunderbird" "version" "128.4.0"`, "Thunderbird 128 |"},
		{`("name" "com.tencent.foxmail" "version" "7.2.25.259" "os" "windows" "os-version" "10.0")`, "Foxmail 7 | Windows"},
		{`"name" "com.apple.email.maild" "version" "3774.600" "os" "iOS" "os-version" "18.1 (22B83)"`, "agent.apple_mail | iOS 18"},
		{`"name" "Mac OS X Mail" "version" "16.0" "os" "Mac OS X" "os-version" "14.5"`, "agent.apple_mail | macOS"},
		{`"NAME" "com.google.android.gm" "version" NIL "os" "android"`, "Gmail | android"},
		{`"name" "a \"b\" \\c" "version" "x"`, `a "b" \c |`},
		{`"name" "open`, "|"},
		{`"version" "3"`, "|"},
		{"\"name\" \"\x01\xff\"", "|"},
	} {
		if got := mailAgent(of.id).line(); got != of.want {
			t.Errorf("%q is %q, want %q", of.id, got, of.want)
		}
	}
}

// TestAgentTexts: every program that has a text has one in the catalogs.
func TestAgentTexts(t *testing.T) {
	w := newWorld(t)
	var products []product
	for _, of := range signs() {
		products = append(products, of.product)
	}
	for _, of := range mailSigns() {
		products = append(products, of.product)
	}
	for _, p := range products {
		if catalog := w.pages.catalogs.All()[0]; p.Key != "" && !catalog.Has(p.Key) || p.Key == "" && p.Name == "" {
			t.Errorf("%+v has no text", p)
		}
	}
}

// FuzzAgents: whatever a browser or a mail program says, what is shown of it is
// short and printable.
func FuzzAgents(f *testing.F) {
	for _, seed := range []string{"", "Mozilla/5.0 (Windows NT 10.0) Chrome/1", `"name" "x" "version" "9"`, "MicroMessenger/", "Mozilla/5.0 (Linux; Android 10; K)",
		"Opera Mini/\x00", `"name" "\`, "360SE/99999", "Mozilla/5.0 (compatible; +http://example.org/)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, a := range []agent{webAgent(text), mailAgent(text)} {
			for _, shown := range []string{a.System, a.Browser.Name, a.Browser.Version, a.App.Name, a.App.Version} {
				if len(shown) > maxPlain+16 || !utf8.ValidString(shown) || strings.ContainsFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("%q shows %q", text, shown)
				}
			}
		}
	})
}
