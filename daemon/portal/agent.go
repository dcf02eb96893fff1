package portal

import (
	"strings"
	"unicode"

	"github.com/mileusna/useragent"
)

// agent is what a browser or a mail program says it is. Anybody can say
// anything: it helps people to tell their own devices apart, and decides nothing.
type agent struct {
	System  string
	Browser product
	App     product // that the page was opened in, or the mail program
}

// product is a program with its main version.
type product struct {
	Name    string // where it is called the same in every language
	Key     string // of its name's text, else
	Version string
}

// Known says whether there is anything to show.
func (a agent) Known() bool { return a != agent{} }

// maxAgent bounds how much of what a browser says is looked at.
const maxAgent = 512

// sign is how a program shows in a user agent.
type sign struct {
	token string // what stands there; the version follows it
	product
	app bool // pages are opened inside it
}

// signs are the programs that people in China use and useragent does not know,
// or takes for the browser that they are built on. The first one found counts.
func signs() []sign {
	named, keyed := func(name string) product { return product{Name: name} }, func(key string) product { return product{Key: key} }
	return []sign{
		{"Thunderbird/", named("Thunderbird"), true},
		{"wxwork/", keyed("agent.wecom"), true},
		{"MicroMessenger/", keyed("agent.wechat"), true},
		{"DingTalk/", keyed("agent.dingtalk"), true},
		{"Feishu/", keyed("agent.feishu"), true},
		{"Lark/", keyed("agent.feishu"), true},
		{"AlipayClient/", keyed("agent.alipay"), true},
		{" QQ/", named("QQ"), true},
		{"MQQBrowser/", keyed("agent.qq_browser"), false},
		{"QQBrowser/", keyed("agent.qq_browser"), false},
		{"UCBrowser/", keyed("agent.uc"), false},
		{"UBrowser/", keyed("agent.uc"), false},
		{"Quark/", keyed("agent.quark"), false},
		{"QihooBrowser/", keyed("agent.browser_360"), false},
		{"360SE", keyed("agent.browser_360"), false},
		{"360EE", keyed("agent.browser_360"), false},
		{"QIHU 360", keyed("agent.browser_360"), false},
		{"360 Aphone Browser", keyed("agent.browser_360"), false},
		{"HuaweiBrowser/", keyed("agent.huawei"), false},
		{"MiuiBrowser/", keyed("agent.xiaomi"), false},
		{"VivoBrowser/", keyed("agent.vivo"), false},
		{"HeyTapBrowser/", keyed("agent.oppo"), false},
		{"baiduboxapp/", keyed("agent.baidu"), true},
		{"SogouMobileBrowser/", keyed("agent.sogou"), false},
		{" MetaSr ", keyed("agent.sogou"), false},
		{"2345Explorer/", keyed("agent.browser_2345"), false},
	}
}

// webAgent reads a browser's user agent.
func webAgent(text string) agent {
	text = text[:min(len(text), maxAgent)]
	parsed := useragent.Parse(text)
	a := agent{System: system(text, parsed)}
	for _, of := range signs() {
		_, rest, found := strings.Cut(text, of.token)
		if !found {
			continue
		}
		p := of.product
		p.Version = version(strings.TrimPrefix(rest, "/"))
		if of.app {
			a.App = p
		} else {
			a.Browser = p
		}
		return a
	}
	switch parsed.Name {
	case "", text, useragent.Mozilla: // it knows nothing
	case useragent.HeadlessChrome:
		a.Browser = product{Name: useragent.Chrome, Version: version(parsed.Version)}
	default:
		a.Browser = product{Name: plain(parsed.Name), Version: version(parsed.Version)}
	}
	return a
}

// system names the operating system. Browsers have long stopped to tell one
// Windows or macOS from the next, so those go without a version.
func system(text string, parsed useragent.UserAgent) string {
	switch {
	case strings.Contains(text, "OpenHarmony"), strings.Contains(text, "HarmonyOS"), strings.Contains(text, "ArkWeb/"):
		return "HarmonyOS"
	case parsed.OS == useragent.Windows:
		return windows(parsed.OSVersion)
	case parsed.OS == useragent.MacOS:
		return useragent.MacOS
	case parsed.Device == "iPad":
		return versioned("iPadOS", parsed.OSVersion)
	case parsed.OS == useragent.Android && strings.Contains(text, "Android 10; K"):
		return useragent.Android // what Chrome says for all of them
	case parsed.OS == useragent.Linux:
		return useragent.Linux
	default:
		return versioned(plain(parsed.OS), parsed.OSVersion)
	}
}

func windows(nt string) string {
	switch nt {
	case "6.1":
		return "Windows 7"
	case "6.2", "6.3":
		return "Windows 8"
	}
	return useragent.Windows
}

func versioned(name, number string) string {
	return strings.TrimSpace(name + " " + version(number))
}

// version is the first part of a version at the beginning of text.
func version(text string) string {
	digits := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(text)
	}
	if digits > 4 {
		return ""
	}
	return text[:digits]
}

// maxPlain bounds a name that somebody else gave, in characters.
const maxPlain = 40

// plain is text as far as it can be shown as a name: printable, and short.
func plain(text string) string {
	var b strings.Builder
	for _, r := range text {
		if b.Len() >= maxPlain {
			break
		}
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}
