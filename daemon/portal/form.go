package portal

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of what a browser sends.
const (
	maxForm  = 16 << 10
	maxQuery = 2 << 10
)

// tokenField is the field of every form inside a session that holds the form
// token.
const tokenField = "token"

// form is what a form's fields were given. A field that was not sent is "".
type form map[string]string

// has says whether a box was ticked.
func (f form) has(field string) bool { return f[field] != "" }

// badForm says why a form is not read: what browsers make of our pages is always
// good, so a person sees this only with a strange program in between.
type badForm struct {
	status int
	key    string
}

// readForm reads the fields that the route knows: of the query for GET, of the
// body for POST.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request, v *visit, at route) (form, *badForm) {
	if at.method == http.MethodGet {
		if len(r.URL.RawQuery) > maxQuery {
			return nil, &badForm{http.StatusRequestURITooLong, "error.bad_form"}
		}
		known, _ := parseForm(r.URL.RawQuery, at.fields, true)
		return known, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, &badForm{http.StatusUnsupportedMediaType, "error.bad_form"}
	}
	body, bad := s.readBody(w, r, v.browser.Network)
	if bad != nil {
		return nil, bad
	}
	read, good := parseForm(string(body), append([]string{tokenField}, at.fields...), false)
	if !good {
		return nil, &badForm{http.StatusBadRequest, "error.bad_form"}
	}
	return read, nil
}

// parseForm reads application/x-www-form-urlencoded text (WHATWG URL, section 5)
// strictly: each field at most once, known ones only, in UTF-8. A lenient one
// drops what it does not like: links carry what mail programs add to them.
func parseForm(text string, fields []string, lenient bool) (form, bool) {
	read := make(form)
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		good := err == nil && slices.Contains(fields, name)
		if good {
			value, err = url.QueryUnescape(value)
			_, twice := read[name]
			good = err == nil && utf8.ValidString(value) && !twice
		}
		switch {
		case good:
			read[name] = value
		case !lenient:
			return nil, false
		}
	}
	return read, true
}
