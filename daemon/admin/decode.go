package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
)

// maxBody bounds a question that says nothing else. The longest honest one carries a password of 1 KiB.
const maxBody = 64 << 10

// decode reads one JSON object and nothing else. What it says about a wrong one
// names no value from it: it may have been a password.
func decode[Q any](w http.ResponseWriter, r *http.Request, question *Q) *Error {
	most := int64(maxBody)
	if q, ok := any(*question).(interface{ maxBody() int64 }); ok {
		most = q.maxBody()
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	d.DisallowUnknownFields()
	err := d.Decode(question)
	if err == nil {
		if _, err := d.Token(); err == io.EOF {
			return nil
		}
		return badRequest("the question is more than one JSON object")
	}
	var tooLong *http.MaxBytesError
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &tooLong):
		return &Error{Status: http.StatusRequestEntityTooLarge, Kind: KindBadRequest, Sentence: fmt.Sprintf("the question is longer than %d KiB", most>>10)}
	case errors.As(err, &mistyped) && mistyped.Field != "":
		return badRequest("the field " + mistyped.Field + " has a value of the wrong type")
	case strings.HasPrefix(err.Error(), "json: unknown field "): // no error type for this one
		return badRequest("the question has a field that does not exist: " + brief(strings.TrimPrefix(err.Error(), "json: unknown field ")))
	default:
		return badRequest("the question is not a JSON object of the right form")
	}
}

func writeJSON[A any](w http.ResponseWriter, status int, reply A) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(reply) // the peer is gone: nobody is left to tell
}

// brief is the beginning of a text from outside, fit for one line.
func brief(s string) string {
	const most = 64
	if len(s) > most {
		s = s[:most] + "…"
	}
	return accounts.Printable(s)
}
