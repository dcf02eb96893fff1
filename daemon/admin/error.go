package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
)

// Kind says to a program what went wrong. The list is closed.
type Kind string

// The kinds of failure.
const (
	KindBadRequest Kind = "bad-request" // the question has the wrong form
	KindNoRoute    Kind = "no-route"    // there is no such question
	KindForbidden  Kind = "forbidden"   // the asker may not
	KindNotFound   Kind = "not-found"   // no such account, alias, app password, device or phone
	KindConflict   Kind = "conflict"    // exists already, too many, or too often
	KindRejected   Kind = "rejected"    // a value is not acceptable
	KindInternal   Kind = "internal"    // the daemon could not
)

// Error is the body of every answer that is not 200.
type Error struct {
	Status   int    `json:"-"`
	Kind     Kind   `json:"kind"`
	Sentence string `json:"error"`          // for a person; lower case, no full stop
	Hint     string `json:"hint,omitempty"` // what to do about it
}

// Error is the sentence.
func (e *Error) Error() string { return e.Sentence }

func badRequest(sentence string) *Error {
	return &Error{Status: http.StatusBadRequest, Kind: KindBadRequest, Sentence: sentence}
}

func refused(hint string) *Error {
	return &Error{Status: http.StatusForbidden, Kind: KindForbidden, Sentence: "not allowed", Hint: hint}
}

func writeError(w http.ResponseWriter, e *Error) { writeJSON(w, e.Status, e) }

// failure turns what accounts says into an answer, and logs what only an
// administrator can mend.
func (h *Handler) failure(path string, who Identity, err error) *Error {
	var own *Error
	var told *accounts.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &told) && !errors.Is(err, accounts.ErrDamaged):
		status, kind := http.StatusUnprocessableEntity, KindRejected
		switch {
		case errors.Is(err, accounts.ErrNoAccount), errors.Is(err, accounts.ErrNoAppPassword), errors.Is(err, accounts.ErrNoAlias), errors.Is(err, accounts.ErrNoDevice), errors.Is(err, accounts.ErrNoPhone):
			status, kind = http.StatusNotFound, KindNotFound
		case errors.Is(err, accounts.ErrExists), errors.Is(err, accounts.ErrTooMany), errors.Is(err, accounts.ErrTooManyAliases), errors.Is(err, accounts.ErrTooOften):
			status, kind = http.StatusConflict, KindConflict
		}
		return &Error{Status: status, Kind: kind, Sentence: told.Sentence, Hint: told.Hint}
	case errors.Is(err, context.Canceled):
		return &Error{Status: http.StatusServiceUnavailable, Kind: KindInternal, Sentence: "the question was withdrawn"}
	}
	h.log.Error("admin: failed", "path", path, "actor", who.Actor, "error", err)
	e := &Error{Status: http.StatusInternalServerError, Kind: KindInternal, Sentence: "the daemon could not do this", Hint: "its log says why"}
	if told != nil {
		e.Sentence, e.Hint = told.Sentence, told.Hint
	} else if who.Role == Administrator {
		e.Sentence, e.Hint = err.Error(), ""
	}
	return e
}
