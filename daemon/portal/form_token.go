package portal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
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

// seal signs a text that a page carries to its own form, so that nothing has to be
// kept for it: what comes back is what this session was given.
func (v *visit) seal(what, text string) string { return text + "." + v.mark(what+" "+text) }

// unseal undoes seal; false: this session was not given that.
func (v *visit) unseal(what, sealed string) (string, bool) {
	text, mark, _ := strings.Cut(sealed, ".")
	return text, hmac.Equal([]byte(mark), []byte(v.mark(what+" "+text)))
}
