package sms

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// tc3Headers are the headers that TC3-HMAC-SHA256 signs here.
const tc3Headers = "content-type;host;x-tc-action"

// tc3Call is all of a POST to / that TC3-HMAC-SHA256 signs.
type tc3Call struct {
	host, service, action, contentType, body string
	at                                       time.Time
}

// canonical is the canonical request.
func (c tc3Call) canonical() string {
	return "POST\n/\n\n" +
		"content-type:" + c.contentType + "\nhost:" + c.host + "\nx-tc-action:" + strings.ToLower(c.action) + "\n\n" +
		tc3Headers + "\n" + hexSHA256(c.body)
}

// authorization signs it with a key of that day and service only.
func (c tc3Call) authorization(id, key string) string {
	day := c.at.UTC().Format("2006-01-02")
	scope := day + "/" + c.service + "/tc3_request"
	text := "TC3-HMAC-SHA256\n" + strconv.FormatInt(c.at.Unix(), 10) + "\n" + scope + "\n" + hexSHA256(c.canonical())
	derived := []byte("TC3" + key)
	for _, step := range []string{day, c.service, "tc3_request"} {
		derived = hmacSHA256(derived, step)
	}
	return "TC3-HMAC-SHA256 Credential=" + id + "/" + scope + ", SignedHeaders=" + tc3Headers +
		", Signature=" + hex.EncodeToString(hmacSHA256(derived, text))
}
