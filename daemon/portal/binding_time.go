package portal

import (
	"crypto/hmac"
	"strconv"
	"strings"
	"time"
)

// bindWithin is how long a binding page may be used from when it was opened. A
// page that was left open on a shared computer binds nobody else's number.
const bindWithin = 5 * time.Minute

// stamp is when a binding page was opened, signed for this session, so that the
// page can carry it and nothing has to be kept.
func (v *visit) stamp(opened time.Time) string {
	at := strconv.FormatInt(opened.Unix(), 10)
	return at + "." + v.mark("opened "+at)
}

// stamped is when the page of this form was opened; false: the stamp is none of
// ours, or its time is over.
func (v *visit) stamped(now time.Time) (time.Time, bool) {
	at, mark, _ := strings.Cut(v.form["opened"], ".")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !hmac.Equal([]byte(mark), []byte(v.mark("opened "+at))) {
		return time.Time{}, false
	}
	opened := time.Unix(seconds, 0)
	return opened, now.Before(opened.Add(bindWithin))
}
