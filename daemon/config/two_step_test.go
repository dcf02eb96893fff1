package config

import (
	"reflect"
	"testing"
	"time"
)

func TestEnforced(t *testing.T) {
	c, err := Parse("x", []byte(`
[two_step]
enforce_from = 2027-03-01
timezone = "Asia/Shanghai"
[two_step.domains]
"early.example" = 2026-12-01
never.example = false
"Bücher.example" = 2026-12-01
`))
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		moment, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	for _, tt := range []struct {
		domain, now string
		want        bool
	}{
		{"example.org", "2027-02-28T15:59:59Z", false},
		{"example.org", "2027-02-28T16:00:00Z", true}, // midnight in Shanghai
		{"", "2027-02-28T16:00:00Z", true},
		{"early.example", "2026-11-30T15:59:59Z", false},
		{"early.example", "2026-11-30T16:00:00Z", true},
		{"xn--bcher-kva.example", "2026-12-24T00:00:00Z", true},
		{"never.example", "2099-01-01T00:00:00Z", false},
	} {
		if got := c.TwoStep.Enforced(tt.domain, at(tt.now)); got != tt.want {
			t.Errorf("Enforced(%q, %s) = %v", tt.domain, tt.now, got)
		}
	}
	if Default().TwoStep.Enforced("example.org", at("2099-01-01T00:00:00Z")) {
		t.Error("enforced by default")
	}
	byHand := TwoStep{EnforceFrom: &Date{2027, 3, 1}, Timezone: "Asia/Shanghai"}
	if byHand.Enforced("", at("2027-02-28T15:59:59Z")) || !byHand.Enforced("", at("2027-02-28T16:00:00Z")) {
		t.Error("a configuration made by hand reads another day")
	}
}

func TestBindClosed(t *testing.T) {
	c, err := Parse("x", []byte(`
[two_step]
bind_until = 2027-04-30
timezone = "Asia/Shanghai"
`))
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[string]bool{
		"2027-04-29T16:00:00Z": false, // the day begins in Shanghai
		"2027-04-30T15:59:59Z": false,
		"2027-04-30T16:00:00Z": true, // it is over
		"2028-01-01T00:00:00Z": true,
	} {
		moment, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.TwoStep.BindClosed(moment); got != want {
			t.Errorf("BindClosed(%s) = %v", now, got)
		}
		if Default().TwoStep.BindClosed(moment) {
			t.Error("closed by default")
		}
	}
}

func TestParseCodes(t *testing.T) {
	c, err := Parse("x", []byte(`
[two_step]
code_lifetime = "15m"
code_tries = 1
code_sendings = 10
resend_after = "10m"
wrong_in_a_row = 1
closed_for = "7d"
accounts_per_number = 1000
new_numbers_per_day = 20
countries = ["CN", "HK", "MO"]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := TwoStep{Timezone: "Local", CodeLifetime: Duration(15 * minute), CodeTries: 1, CodeSendings: 10, ResendAfter: Duration(10 * minute),
		WrongInARow: 1, ClosedFor: Duration(7 * day), AccountsPerNumber: 1000, NewNumbersPerDay: 20, Countries: []string{"CN", "HK", "MO"}}
	if !reflect.DeepEqual(c.TwoStep, want) {
		t.Errorf("got\n%+v\nwant\n%+v", c.TwoStep, want)
	}
}

func TestParseDate(t *testing.T) {
	d, err := ParseDate("2026-12-01")
	if err != nil || d != (Date{2026, 12, 1}) || d.String() != "2026-12-01" {
		t.Errorf("%v, %v", d, err)
	}
	for _, s := range []string{"", "2026-02-30", "01.12.2026", "2026-12-01T00:00:00Z"} {
		if d, err := ParseDate(s); err == nil {
			t.Errorf("%q was read as %v", s, d)
		}
	}
	if (Date{}).String() != "never" {
		t.Error("the zero date has a day")
	}
}
