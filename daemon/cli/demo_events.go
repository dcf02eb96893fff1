package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
)

// A demoFact is what an event is about. Events that were alike and close
// together are one with a count, so that facts are counted and not events.
type demoFact struct {
	kind    store.EventKind
	reason  store.Reason
	service string
}

func (f demoFact) String() string {
	s := string(f.kind)
	if f.service != "" {
		s += " " + f.service
	}
	if f.reason != "" {
		s += " " + string(f.reason)
	}
	return s
}

// demoFacts is what the tour must have left behind, and how often.
func demoFacts() map[demoFact]int {
	return map[demoFact]int{
		{store.EventAccountAdded, "", ""}:                                 1,
		{store.EventAppPasswordMade, "", ""}:                              1,
		{store.EventPhoneBound, "", ""}:                                   1,
		{store.EventAppPasswordRevoked, "", ""}:                           1,
		{store.EventCodeSent, "", store.ServicePortal}:                    1,
		{store.EventLogin, store.ReasonCode, store.ServicePortal}:         1,
		{store.EventLogin, store.ReasonMainPassword, store.ServicePortal}: 1,
		{store.EventLogin, store.ReasonMainPassword, "imap"}:              1,
		{store.EventLogin, store.ReasonMainPassword, "smtp"}:              1,
		{store.EventLogin, store.ReasonPhoneBound, "imap"}:                1,
		{store.EventLogin, store.ReasonPhoneBound, "smtp"}:                1,
		{store.EventLogin, store.ReasonAppPassword, "imap"}:               2,
		{store.EventLogin, store.ReasonAppPassword, "smtp"}:               1,
		{store.EventLogin, store.ReasonRevoked, "imap"}:                   1,
		{store.EventLogin, store.ReasonRevoked, "smtp"}:                   1,
	}
}

// readEvents reads alice's events and compares them with what was done.
func (t *demoTour) readEvents(ctx context.Context) (demoResult, error) {
	page, err := t.admin.Events(ctx, admin.Events{Address: demoAddress})
	if err != nil {
		return demoResult{}, err
	}
	t.log = page.Events
	slices.Reverse(t.log) // oldest first
	left, total := demoFacts(), 0
	for _, e := range t.log {
		left[demoFact{e.Kind, e.Reason, e.Service}] -= int(e.Count)
		total += int(e.Count)
	}
	var wrong []string
	for fact, n := range left {
		switch {
		case n > 0:
			wrong = append(wrong, fmt.Sprintf("%s is missing", fact))
		case n < 0:
			wrong = append(wrong, fmt.Sprintf("%s is too much", fact))
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return demoResult{"incomplete", fmt.Sprint(wrong)}, nil
	}
	return demoResult{"complete", fmt.Sprintf("%d things happened", total)}, nil
}
