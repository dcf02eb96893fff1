package cli

import (
	"errors"
	"strconv"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
)

// flagText is a flag that is still a text; the verb knows how to read it. It
// refuses values by a sentence, where pflag's own flags show strconv's.
type flagText struct {
	text  string
	kind  string // shown in the help
	check func(string) error
}

func (f *flagText) String() string { return f.text }
func (f *flagText) Type() string   { return f.kind }

func (f *flagText) Set(s string) error {
	if err := f.check(s); err != nil {
		return err
	}
	f.text = s
	return nil
}

var errAhead = errors.New(`wants a span of time such as 90d or 12h, or a day such as 2027-01-31`)

// aheadFlag reads "90d", counted from now, or a day, which is included.
func aheadFlag() *flagText {
	return &flagText{kind: "WHEN", check: func(s string) error {
		_, err := ahead(s, time.Time{}, time.UTC)
		return err
	}}
}

// ahead is the moment that an aheadFlag means.
func ahead(s string, now time.Time, zone *time.Location) (time.Time, error) {
	if day, err := config.ParseDate(s); err == nil {
		return day.Start(zone).AddDate(0, 0, 1), nil
	}
	span, err := config.ParseDuration(s)
	if err != nil || span == 0 {
		return time.Time{}, errAhead
	}
	return now.Add(time.Duration(span)), nil
}

var errSince = errors.New(`wants a span of time such as 24h or 7d, or a day such as 2027-01-31`)

// sinceFlag reads "24h", counted back from now, or a day, from its beginning.
func sinceFlag() *flagText {
	return &flagText{kind: "WHEN", check: func(s string) error {
		_, err := since(s, time.Time{}, time.UTC)
		return err
	}}
}

// since is the moment that a sinceFlag means.
func since(s string, now time.Time, zone *time.Location) (time.Time, error) {
	if day, err := config.ParseDate(s); err == nil {
		return day.Start(zone), nil
	}
	span, err := config.ParseDuration(s)
	if err != nil || span == 0 {
		return time.Time{}, errSince
	}
	return now.Add(-time.Duration(span)), nil
}

// scopesFlag reads "all" or a list such as "imap,smtp".
func scopesFlag() *flagText {
	return &flagText{text: "all", kind: "LIST", check: func(s string) error {
		if _, err := store.ParseScopes(s); err != nil {
			return errors.New(`wants "all", or some of imap, pop3, smtp and sieve with commas between them`)
		}
		return nil
	}}
}

// countFlag reads a number of at least 1.
func countFlag(n int) *flagText {
	return &flagText{text: strconv.Itoa(n), kind: "N", check: func(s string) error {
		if n, err := strconv.Atoi(s); err != nil || n < 1 {
			return errors.New("wants a number from 1")
		}
		return nil
	}}
}

// spanFlag reads a span of time such as "10s".
func spanFlag(text string) *flagText {
	return &flagText{text: text, kind: "SPAN", check: func(s string) error {
		if d, err := config.ParseDuration(s); err != nil || d == 0 {
			return errors.New("wants a span of time such as 10s or 5m")
		}
		return nil
	}}
}
