package sms

import "strconv"

// Text is what the phone shows: the site, what the code is for, the code, how
// long it works, and that it is nobody else's business. With a site of up to 16
// characters it fits the 70 characters of one short message that is not plain
// ASCII, in both languages.
func (m Message) Text() string {
	code, minutes := string(m.Code[:]), strconv.Itoa(m.Minutes)
	if m.Language == English {
		return m.Site + ": " + m.Purpose.english() + " code " + code + ", " + minutes + " min. Never pass it on."
	}
	return m.Site + "：" + m.Purpose.chinese() + "验证码" + code + "，" + minutes + "分钟内有效。请勿转告任何人。" + m.Purpose.warning()
}

func (p Purpose) english() string {
	switch p {
	case SignIn:
		return "sign-in"
	case Bind:
		return "phone binding"
	case Change:
		return "new number"
	default:
		return "confirmation"
	}
}

func (p Purpose) chinese() string {
	switch p {
	case SignIn:
		return "登录"
	case Bind:
		return "绑定手机"
	case Change:
		return "更换绑定手机"
	default:
		return "修改安全设置的"
	}
}

// warning says what it means to get a code that one did not ask for: whoever asks
// for one at sign-in or to confirm has the main password. A number to be bound may
// just be mistyped.
func (p Purpose) warning() string {
	switch p {
	case SignIn, Confirm:
		return "非本人操作请立即修改密码。"
	default:
		return "非本人操作请忽略。"
	}
}
