package portal

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/portal/locale"
)

// date writes a time as people of the language do, in [two_step] timezone; "" if
// there is none.
func (s *Server) date(catalog *locale.Catalog, at time.Time) (string, error) {
	if at.IsZero() {
		return "", nil
	}
	months, err := catalog.Text("date.months")
	if err != nil {
		return "", err
	}
	at = at.In(s.zone())
	return catalog.Text("date.date", "year", at.Year(), "month", strings.Fields(months)[at.Month()-1], "day", at.Day(), "time", at.Format("15:04"))
}

// timeElement holds a date together, and tells programs which it is.
func timeElement(at time.Time, text string) template.HTML {
	if at.IsZero() {
		return ""
	}
	return template.HTML(`<time class="nowrap" datetime="` + at.UTC().Format(time.RFC3339) + `">` + template.HTMLEscapeString(text) + `</time>`)
}

func (s *Server) zone() *time.Location { return s.Config().TwoStep.Zone() }

// left is how long it is until then: "04:35", never below "00:00".
func (s *Server) left(until time.Time) string {
	seconds := s.secondsLeft(until)
	return fmt.Sprintf("%02d:%02d", seconds/60, seconds%60)
}

// secondsLeft rounds up: a page that says 00:01 is still good.
func (s *Server) secondsLeft(until time.Time) int {
	return max(0, int((until.Sub(s.Now())+time.Second-1)/time.Second))
}
