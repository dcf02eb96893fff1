package portal

import (
	"fmt"
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
	day, err := s.day(catalog, at)
	if err != nil {
		return "", err
	}
	return catalog.Text("date.time", "day", day, "time", at.In(s.zone()).Format("15:04"))
}

// day is date without the time of day.
func (s *Server) day(catalog *locale.Catalog, at time.Time) (string, error) {
	if at.IsZero() {
		return "", nil
	}
	at = at.In(s.zone())
	months, err := catalog.Text("date.months")
	if err != nil {
		return "", err
	}
	month := strings.Fields(months)[at.Month()-1]
	return catalog.Text("date.day", "year", at.Year(), "month", month, "day", at.Day())
}

func (s *Server) zone() *time.Location { return s.Config().TwoStep.Zone() }

// left is how long it is until then: "4:35", never below "0:00".
func (s *Server) left(until time.Time) string {
	seconds := s.secondsLeft(until)
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}

// secondsLeft rounds up: a page that says 0:01 is still good.
func (s *Server) secondsLeft(until time.Time) int {
	return max(0, int((until.Sub(s.Now())+time.Second-1)/time.Second))
}
