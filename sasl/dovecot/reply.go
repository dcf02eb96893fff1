package dovecot

import (
	"encoding/base64"
	"errors"
	"strings"
)

const (
	// maxParams is what fits beside the command and the id into the 16 fields that Exim looks at (auths/dovecot.c strcut).
	maxParams = 14
	// maxReply is the shortest line limit of a client: Exim's DOVECOT_AUTH_MAXLINELEN, and MAX_INBUF_SIZE of Dovecot's master clients.
	maxReply = 8192
)

// What a back end can do wrong; the request then ends as a temporary failure.
var (
	errNoUser    = errors.New("OK without a user")
	errTooMany   = errors.New("too many reply parameters")
	errReplySize = errors.New("reply too long")
	errField     = errors.New("reply parameter without a name")
)

// appendOK appends an OK line. With an error dst is returned as it was.
func appendOK(dst []byte, id uint32, ok *OK, resp []byte) ([]byte, error) {
	start, params := len(dst), 1+len(ok.Fields)
	if len(resp) > 0 {
		params++
	}
	switch {
	case ok.User == "":
		return dst, errNoUser
	case params > maxParams:
		return dst, errTooMany
	}
	dst = append(dst, "OK\t"...)
	dst = appendUint(dst, id)
	dst = append(dst, "\tuser="...)
	dst = appendEscaped(dst, ok.User)
	dst, err := appendFields(dst, ok.Fields)
	if err != nil {
		return dst[:start], err
	}
	if len(resp) > 0 {
		dst = append(dst, "\tresp="...)
		dst = base64.StdEncoding.AppendEncode(dst, resp)
	}
	return endLine(dst, start)
}

// endLine ends the line that began at start, or takes it back if it is too long.
func endLine(dst []byte, start int) ([]byte, error) {
	dst = append(dst, '\n')
	if len(dst)-start > maxReply {
		return dst[:start], errReplySize
	}
	return dst, nil
}

func appendFields(dst []byte, fields []Field) ([]byte, error) {
	for _, f := range fields {
		if f.Key == "" {
			return dst, errField
		}
		dst = append(dst, '\t')
		dst = appendEscaped(dst, f.Key)
		switch {
		case f.Value == "":
		case f.Key == "reason":
			dst = append(dst, '=')
			dst = appendReason(dst, f.Value)
		default:
			dst = append(dst, '=')
			dst = appendEscaped(dst, f.Value)
		}
	}
	return dst, nil
}

// appendFail appends a FAIL line. It never fails itself: a user name that does not fit is left out.
func appendFail(dst []byte, id, minor uint32, f *Fail) []byte {
	dst = append(dst, "FAIL\t"...)
	dst = appendUint(dst, id)
	if f.User != "" && len(f.User) <= 1024 {
		dst = append(dst, "\tuser="...)
		dst = appendEscaped(dst, f.User)
	}
	if f.Code != "" {
		dst = append(dst, "\tcode="...)
		dst = appendEscaped(dst, f.Code)
		if word := legacyWord(f.Code); word != "" && minor < 2 {
			dst = append(dst, '\t')
			dst = append(dst, word...)
		}
	}
	if f.Reason != "" {
		dst = append(dst, "\treason="...)
		dst = appendReason(dst, f.Reason)
	}
	return append(dst, '\n')
}

// legacyWord is what Dovecot up to 2.2 said instead of code=; Prosody's module still reads only that.
func legacyWord(code string) string {
	switch code {
	case TempFail:
		return "temp"
	case AuthzFail:
		return "authz"
	case UserDisabled, PassExpired:
		return code
	}
	return ""
}

// appendCont appends a CONT line. The TAB after the id is there even if data is
// empty: Postfix answers 535 without it. No parameter follows: Postfix would hand
// it to the SMTP client, Exim takes it for an error. Only clients of minor version
// 3 and up know one (appendContBinding).
func appendCont(dst []byte, id uint32, data []byte) []byte {
	dst = append(dst, "CONT\t"...)
	dst = appendUint(dst, id)
	dst = append(dst, '\t')
	dst = base64.StdEncoding.AppendEncode(dst, data)
	return append(dst, '\n')
}

// appendContBinding appends a CONT line that asks for channel binding data; data
// nil makes it one that the client answers by itself
// (auth_request_handler_reply_continue_finish).
func appendContBinding(dst []byte, id uint32, data []byte, kind string) []byte {
	dst = appendBeforeBinding(dst, id, data)
	dst = append(dst, kind...)
	return append(dst, '\n')
}

// appendBeforeBinding appends what comes before the value of channel_binding= in
// both directions; data nil is out of band.
func appendBeforeBinding(dst []byte, id uint32, data []byte) []byte {
	dst = append(dst, "CONT\t"...)
	dst = appendUint(dst, id)
	dst = append(dst, '\t')
	if data == nil {
		dst = append(dst, outOfBand...)
	}
	dst = base64.StdEncoding.AppendEncode(dst, data)
	return append(dst, "\tchannel_binding="...)
}

// isBindingKind says whether kind is a name as RFC 5056 section 7 registers them.
func isBindingKind(kind string) bool {
	const chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"
	return kind != "" && len(kind) <= 64 && strings.Trim(kind, chars) == ""
}

func appendCancelled(dst []byte, id uint32) []byte {
	dst = append(dst, "CANCELLED\t"...)
	dst = appendUint(dst, id)
	return append(dst, '\n')
}
