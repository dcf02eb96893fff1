package portal

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// toldFor is how long a sentence waits for the page that shows it.
const toldFor = time.Minute

// toldKeys are the sentences that a page may be sent on with. The list is
// closed: a cookie is what somebody else may have set.
func toldKeys() []string {
	good := []string{
		"told.signed_out", "told.signed_out_everywhere",
		"told.code_sent", "told.helpdesk_accepted",
		"told.phone_bound", "told.phone_bound_ended", "told.phone_changed", "told.phone_again", "told.phone_unbound",
		"told.password_changed", "told.password_changed_ended",
		"told.app_password_revoked", "told.app_passwords_revoked",
		"told.device_untrusted", "told.device_deleted", "told.program_deleted",
	}
	keys := append(good, "told.session_over", "told.code_over", "told.timed_out", "told.codes_made_before", "error.try_again")
	for _, f := range failures() {
		keys = append(keys, f.key)
		if f.lasts() {
			keys = append(keys, f.key+lastTry)
		}
	}
	return keys
}

// redirectTold is redirect with a sentence that the next page shows once.
func (s *Server) redirectTold(w http.ResponseWriter, r *http.Request, path string, m message) {
	s.tellNext(w, m)
	s.redirect(w, r, path)
}

// tellNext sends a sentence along to the next page, with the values that
// sentences of failures have.
func (s *Server) tellNext(w http.ResponseWriter, m message) {
	s.setCookie(w, toldCookie, m.pack(), s.Now().Add(toldFor))
}

// takeTold is the sentence that the page before has sent along. What is none of
// ours, or cannot be written, is no sentence: the page is shown without it.
func (s *Server) takeTold(w http.ResponseWriter, r *http.Request) []message {
	packed := s.readCookie(r, toldCookie)
	if packed == "" || r.Method != http.MethodGet {
		return nil
	}
	s.dropCookie(w, toldCookie)
	m, good := unpackMessage(packed)
	if !good {
		return nil
	}
	if _, err := s.text(s.catalog(r), m.Key, m.Args...); err != nil {
		return nil
	}
	return []message{m}
}

// pack writes a message as "key:good:count:until", the last in Unix seconds.
func (m message) pack() string {
	count, _ := m.arg("count").(int)
	until, _ := m.arg("until").(time.Time)
	return fmt.Sprintf("%s:%t:%d:%d", m.Key, m.Good, max(0, count), until.Unix())
}

// unpackMessage undoes pack.
func unpackMessage(packed string) (message, bool) {
	part := strings.Split(packed, ":")
	if len(part) != 4 || !slices.Contains(toldKeys(), part[0]) {
		return message{}, false
	}
	good, err1 := strconv.ParseBool(part[1])
	count, err2 := strconv.ParseUint(part[2], 10, 16)
	until, err3 := strconv.ParseInt(part[3], 10, 40)
	if err1 != nil || err2 != nil || err3 != nil {
		return message{}, false
	}
	return counted(good, part[0], int(count), time.Unix(until, 0)), true
}
