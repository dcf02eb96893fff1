package portal

import "strings"

// mailAgent reads what a mail program says of itself by the IMAP command ID (RFC
// 2971), as Dovecot hands it on: pairs of quoted strings, "name" "Foxmail".
func mailAgent(id string) agent {
	said := identification(id[:min(len(id), maxAgent)])
	a := agent{System: mailSystem(said["os"], said["os-version"])}
	name := said["name"]
	if name == "" {
		return a
	}
	a.App = product{Name: plain(name), Version: version(said["version"])}
	lower := strings.ToLower(name)
	for _, of := range mailSigns() {
		if strings.Contains(lower, of.token) {
			a.App = of.product
			if of.versioned {
				a.App.Version = version(said["version"])
			}
			return a
		}
	}
	return a
}

// mailSign is how a mail program shows in its name for itself.
type mailSign struct {
	token string // in lower case
	product
	versioned bool // people know it by its version, too
}

// mailSigns are the mail programs whose own name says little to people.
func mailSigns() []mailSign {
	return []mailSign{
		{"foxmail", product{Name: "Foxmail"}, true},
		{"com.apple.email", product{Key: "agent.apple_mail"}, false},
		{"iphone mail", product{Key: "agent.apple_mail"}, false},
		{"ipad mail", product{Key: "agent.apple_mail"}, false},
		{"mac os x mail", product{Key: "agent.apple_mail"}, false},
		{"com.google.android.gm", product{Name: "Gmail"}, false},
		{"com.huawei.email", product{Key: "agent.huawei_mail"}, false},
		{"com.android.email", product{Key: "agent.android_mail"}, false},
		{"outlook", product{Name: "Outlook"}, false},
		{"mailmaster", product{Key: "agent.mail_master"}, false},
		{"com.tencent.androidqqmail", product{Key: "agent.qq_mail"}, false},
	}
}

// mailSystem is the system, if a program names it.
func mailSystem(name, number string) string {
	switch strings.ToLower(name) {
	case "":
		return ""
	case "windows", "windows nt", "winnt":
		return "Windows"
	case "mac os x", "macos", "darwin":
		return "macOS"
	case "linux":
		return "Linux"
	}
	return versioned(plain(name), number)
}

// identification reads the pairs, names in lower case. What is no pair is left
// out: programs send what they like.
func identification(text string) map[string]string {
	said, name, have := map[string]string{}, "", false
	for {
		word, rest, found := quoted(text)
		if !found {
			return said
		}
		text = rest
		if have {
			said[strings.ToLower(name)] = word
		}
		name, have = word, !have
	}
}

// quoted reads the next quoted string (RFC 9051, section 4.3) or NIL.
func quoted(text string) (word, rest string, found bool) {
	text = strings.TrimLeft(text, " ()")
	if len(text) >= 3 && strings.EqualFold(text[:3], "NIL") {
		return "", text[3:], true
	}
	if !strings.HasPrefix(text, `"`) {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:], true
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}
