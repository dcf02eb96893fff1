package accounts

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Cookie is what a browser keeps. Only Value shows it.
type Cookie struct {
	Value string
	Until time.Time
}

// String returns "[redacted]".
func (Cookie) String() string { return redacted }

// GoString returns "[redacted]".
func (Cookie) GoString() string { return redacted }

// Format prints "[redacted]" for every verb and flag.
func (Cookie) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]" to every slog handler.
func (Cookie) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (Cookie) MarshalText() ([]byte, error) { return []byte(redacted), nil }

const redacted = "[redacted]"

// sessionCookie is "<account id>.<session id>.<token>": with both ids the record
// is found by one look-up.
func sessionCookie(account store.AccountID, id store.SessionID, t secret.Token) string {
	return account.String() + "." + id.String() + "." + t.Text()
}

// parseSessionCookie is sessionCookie undone.
func parseSessionCookie(cookie string) (account store.AccountID, id store.SessionID, t secret.Token, ok bool) {
	first, rest, _ := strings.Cut(cookie, ".")
	second, third, _ := strings.Cut(rest, ".")
	account, err := store.ParseAccountID(first)
	if err != nil {
		return account, id, t, false
	}
	if id, err = store.ParseSessionID(second); err != nil {
		return account, id, t, false
	}
	t, err = secret.ParseToken(third)
	return account, id, t, err == nil
}

// deviceCookie is "<device id>.<token>". Whose device it is says the name that
// the browser keeps it under.
func deviceCookie(id store.DeviceID, t secret.Token) string { return id.String() + "." + t.Text() }

// parseDeviceCookie is deviceCookie undone.
func parseDeviceCookie(cookie string) (id store.DeviceID, t secret.Token, ok bool) {
	first, second, _ := strings.Cut(cookie, ".")
	id, err := store.ParseDeviceID(first)
	if err != nil {
		return id, t, false
	}
	t, err = secret.ParseToken(second)
	return id, t, err == nil
}

// sameTag compares two tags in constant time.
func sameTag(a, b [16]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }
