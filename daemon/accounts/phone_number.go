package accounts

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// region is assumed for a number without a country code.
const region = "CN"

// maxNumber bounds what a person may type, in bytes.
const maxNumber = 64

// mobileNumber reads a mobile number as people write it, and returns it in
// E.164 form. A number that could be mobile or not, as in North America, is
// taken for mobile.
func mobileNumber(typed string) (string, error) {
	bad := &Error{Kind: ErrNumber, Sentence: "this is not the number of a mobile phone",
		Hint: "write it with the country code, such as +86 138 1234 5678"}
	// phonenumbers takes letters for digits and drops what follows a number
	// ("+8613812345678x", ";ext=1"), so only known characters reach it.
	if len(typed) > maxNumber || strings.ContainsFunc(typed, foreign) {
		return "", bad
	}
	number, err := phonenumbers.Parse(typed, region)
	if err != nil || !phonenumbers.IsValidNumber(number) || number.GetExtension() != "" {
		return "", bad
	}
	switch phonenumbers.GetNumberType(number) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
		return phonenumbers.Format(number, phonenumbers.E164), nil
	default:
		return "", bad
	}
}

// foreign is true for characters that no phone number has: others than digits,
// plus, blanks, dashes, dots and brackets, plain or full-width.
func foreign(r rune) bool {
	switch {
	case '0' <= r && r <= '9', '０' <= r && r <= '９':
		return false
	default:
		return !strings.ContainsRune("+＋ \u00a0\u3000-－–‑.()（）", r)
	}
}
