package portal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// formToken is what every form inside a session carries, beside the check of
// where a request comes from ([http.CrossOriginProtection]): that one lets
// requests pass that say nothing about it, as those of old browsers do. Only who
// can read the page knows it, and it ends with the cookie it is made of.
func (v *visit) formToken() string {
	if v.session == nil {
		return ""
	}
	return v.mark("form")
}

// tokenRight says whether the form is one of this session's. Without a session
// there is nothing that a stranger's form could do in its name.
func (v *visit) tokenRight() bool {
	return v.session == nil || hmac.Equal([]byte(v.form[tokenField]), []byte(v.formToken()))
}

// mark signs a text so that only this session finds it right.
func (v *visit) mark(text string) string {
	mac := hmac.New(sha256.New, []byte(v.cookie))
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}
