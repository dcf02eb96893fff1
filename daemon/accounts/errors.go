package accounts

import "errors"

// What a person can do something about. Compare with errors.Is.
var (
	ErrNoAccount     = errors.New("accounts: no such account")
	ErrNoAppPassword = errors.New("accounts: no such app password")
	ErrNoPhone       = errors.New("accounts: no phone bound")
	ErrExists        = errors.New("accounts: account exists")
	ErrTooMany       = errors.New("accounts: too many app passwords")
	ErrDamaged       = errors.New("accounts: damaged record")

	ErrAddress              = errors.New("accounts: not an address for a new account")
	ErrPassword             = errors.New("accounts: password not acceptable")
	ErrLooksLikeAppPassword = errors.New("accounts: password has the form of an app password")
	ErrName                 = errors.New("accounts: app password name not acceptable")
	ErrExpires              = errors.New("accounts: date not acceptable")
	ErrReason               = errors.New("accounts: reason not acceptable")
	ErrNumber               = errors.New("accounts: not a mobile number")
)

// Error is a failure with two texts: what went wrong, for the log, and a
// sentence for the person who asked. Neither ever holds a secret.
type Error struct {
	Kind     error  // one of the Err… above
	Sentence string // lower case, no full stop
	Hint     string // what to do about it, "" if nothing is
	Cause    error  // nil if Kind says it all
}

// Error is the text for the log.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Kind.Error()
	}
	return e.Kind.Error() + ": " + e.Cause.Error()
}

// Unwrap gives the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

func noAccount(cause error) *Error {
	return &Error{Kind: ErrNoAccount, Sentence: "no such account", Cause: cause}
}
