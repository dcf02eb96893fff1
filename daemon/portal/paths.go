package portal

import (
	"net/url"
	"strings"
)

// The pages, as they stand below [portal] url.
const (
	pathSignIn          = "/sign-in"
	pathSignInCode      = "/sign-in/code"
	pathSignInCodeSend  = "/sign-in/code/send"
	pathSignInRecover   = "/sign-in/recover"
	pathSignOut         = "/sign-out"
	pathSignOutAll      = "/sign-out-everywhere"
	pathPhone           = "/phone"
	pathPhoneBind       = "/phone/bind"
	pathBindHelpdesk    = "/phone/bind/helpdesk"
	pathPhoneBindCode   = "/phone/bind/code"
	pathPhoneBindSend   = "/phone/bind/code/send"
	pathPhoneChange     = "/phone/change"
	pathPhoneChangeCode = "/phone/change/code"
	pathPhoneChangeSend = "/phone/change/code/send"
	pathPhoneUnbind     = "/phone/unbind"
	pathConfirm         = "/confirm"
	pathConfirmSend     = "/confirm/send"
	pathPassword        = "/password"
	pathRecoveryCodes   = "/recovery-codes"
	pathLanguage        = "/language"
	pathSecurity        = "/security"
)

// base is the path below which the portal stands: that of [portal] url, "" for
// the host's own root.
func (s *Server) base() string {
	u, err := url.Parse(s.Config().Portal.URL)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}
