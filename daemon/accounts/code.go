package accounts

import (
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// Challenge is a code that is waited for, as its page shows it.
type Challenge struct {
	Purpose      store.Purpose
	Phone        string    // masked
	Expires      time.Time // of the first sending's age
	ResendAt     time.Time
	SendingsLeft int
	TriesLeft    int
}

// Entry is a code as it was typed.
type Entry struct {
	Purpose store.Purpose
	Code    string
	Trust   bool // this browser from now on, for a while
	Browser Browser
	Device  string // cookie of the browser as a device of this account, "" if it has none
}
