package portal

import (
	"strconv"
	"time"
)

// bindWithin is how long a binding page may be used from when it was opened. A
// page that was left open on a shared computer binds nobody else's number.
const bindWithin = 5 * time.Minute

// sealedOpened is the seal of when a binding page was opened.
const sealedOpened = "opened"

// stamp is when a binding page was opened, as its form carries it.
func (v *visit) stamp(opened time.Time) string {
	return v.seal(sealedOpened, strconv.FormatInt(opened.Unix(), 10))
}

// stamped is when the page of this form was opened; false: the stamp is none of
// ours, or its time is over.
func (v *visit) stamped(now time.Time) (time.Time, bool) {
	at, ours := v.unseal(sealedOpened, v.form["opened"])
	seconds, err := strconv.ParseInt(at, 10, 64)
	if !ours || err != nil {
		return time.Time{}, false
	}
	opened := time.Unix(seconds, 0)
	return opened, now.Before(opened.Add(bindWithin))
}
