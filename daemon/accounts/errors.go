package accounts

import (
	"errors"
	"time"
)

// What a person can do something about. Compare with errors.Is.
var (
	ErrNoAccount     = errors.New("accounts: no such account")
	ErrNoAppPassword = errors.New("accounts: no such app password")
	ErrNoDevice      = errors.New("accounts: no such device")
	ErrNoPhone       = errors.New("accounts: no phone bound")
	ErrExists        = errors.New("accounts: exists already")
	ErrTooMany       = errors.New("accounts: too many app passwords")
	ErrDamaged       = errors.New("accounts: damaged record")

	ErrAddress              = errors.New("accounts: not an address for a new account")
	ErrPassword             = errors.New("accounts: password not acceptable")
	ErrLooksLikeAppPassword = errors.New("accounts: password has the form of an app password")
	ErrName                 = errors.New("accounts: app password name not acceptable")
	ErrExpires              = errors.New("accounts: date not acceptable")
	ErrReason               = errors.New("accounts: reason not acceptable")
	ErrField                = errors.New("accounts: userdb field not acceptable")
)

// Why an account gets or loses no alias.
var (
	ErrNoAlias        = errors.New("accounts: no such alias")
	ErrTooManyAliases = errors.New("accounts: too many aliases")
)

// Why a session may not do what its owner asks.
var (
	ErrSignedOut      = errors.New("accounts: signed out")
	ErrStage          = errors.New("accounts: not at this stage of the session")
	ErrStepUp         = errors.New("accounts: the second step has to be passed again")
	ErrHelpdeskNeeded = errors.New("accounts: a first phone needs a helpdesk code")
	ErrNotBound       = errors.New("accounts: only for accounts with a phone bound")
	ErrCodesMade      = errors.New("accounts: other recovery codes were made meanwhile")
	ErrRequired       = errors.New("accounts: two-step verification is required")
)

// Why a number is not taken.
var (
	ErrNumber         = errors.New("accounts: not a mobile number")
	ErrCountry        = errors.New("accounts: number of a country that is not allowed")
	ErrNumberTaken    = errors.New("accounts: number bound to too many accounts")
	ErrNumberExpected = errors.New("accounts: another number is expected")
	ErrTooManyNumbers = errors.New("accounts: too many new numbers today")
	ErrSameNumber     = errors.New("accounts: number is bound already")
)

// Why no code is sent, or one is not taken.
var (
	ErrNoSMS         = errors.New("accounts: no sender of text messages")
	ErrSendFailed    = errors.New("accounts: text message not sent")
	ErrTooSoon       = errors.New("accounts: too soon to send again")
	ErrNoSendings    = errors.New("accounts: code sent often enough")
	ErrBudget        = errors.New("accounts: enough codes sent")
	ErrCodeClosed    = errors.New("accounts: too many wrong codes in a row")
	ErrNoCode        = errors.New("accounts: no code is waited for")
	ErrWrongCode     = errors.New("accounts: wrong code")
	ErrWrongRecovery = errors.New("accounts: wrong recovery or helpdesk code")
)

// ErrTooOften means that enough secrets were tried in this minute.
var ErrTooOften = errors.New("accounts: too many secrets tried")

// Error is a failure with two texts: what went wrong, for the log, and a
// sentence for the person who asked. Neither ever holds a secret.
type Error struct {
	Kind      error     // one of the Err… above
	Sentence  string    // lower case, no full stop
	Hint      string    // what to do about it, "" if nothing is
	Cause     error     // nil if Kind says it all
	Until     time.Time // when it is over, for the kinds that wait; else zero
	TriesLeft int       // of ErrWrongCode and ErrWrongRecovery
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
