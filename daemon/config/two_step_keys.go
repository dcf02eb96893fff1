package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/nyaruka/phonenumbers"
	"github.com/pelletier/go-toml/v2/unstable"
)

// twoStepKeys is every key of [two_step] outside its domains.
func twoStepKeys() map[string]setter {
	return map[string]setter{
		"two_step.enforce_from": func(c *Config, v value) error { return setDate(&c.TwoStep.EnforceFrom, v) },
		"two_step.bind_until":   func(c *Config, v value) error { return setDate(&c.TwoStep.BindUntil, v) },
		"two_step.timezone":     func(c *Config, v value) error { return setTimezone(&c.TwoStep, v) },

		"two_step.code_lifetime": func(c *Config, v value) error {
			return setSpan(&c.TwoStep.CodeLifetime, v, Duration(minute), Duration(15*minute))
		},
		"two_step.code_tries":    func(c *Config, v value) error { return setInt(&c.TwoStep.CodeTries, v, 1, 10) },
		"two_step.code_sendings": func(c *Config, v value) error { return setInt(&c.TwoStep.CodeSendings, v, 1, 10) },
		"two_step.resend_after": func(c *Config, v value) error {
			return setSpan(&c.TwoStep.ResendAfter, v, Duration(10*second), Duration(10*minute))
		},
		"two_step.wrong_in_a_row": func(c *Config, v value) error { return setInt(&c.TwoStep.WrongInARow, v, 1, 100) },
		"two_step.closed_for": func(c *Config, v value) error {
			return setSpan(&c.TwoStep.ClosedFor, v, Duration(10*minute), Duration(7*day))
		},

		"two_step.accounts_per_number": func(c *Config, v value) error { return setInt(&c.TwoStep.AccountsPerNumber, v, 1, 1000) },
		"two_step.new_numbers_per_day": func(c *Config, v value) error { return setInt(&c.TwoStep.NewNumbersPerDay, v, 1, 20) },
		"two_step.countries":           func(c *Config, v value) error { return setCountries(&c.TwoStep.Countries, v) },
	}
}

func setDate(to **Date, v value) error {
	d, err := v.asDate()
	if err == nil {
		*to = &d
	}
	return err
}

func setDomainDate(c *Config, name string, v value) error {
	domain, err := domainName(name)
	if err != nil {
		return err
	}
	if _, twice := c.TwoStep.Domains[domain]; twice {
		return errors.New("is the same domain as one above")
	}
	var from Date
	switch {
	case v.kind == unstable.Bool && v.text == "false":
	case v.kind == unstable.Table || v.kind == unstable.Bool || v.kind != unstable.LocalDate:
		return errors.New(`wants a date without quotes such as 2026-12-01, or false for never; a domain goes in quotes: "example.org" = false`)
	default:
		if from, err = v.asDate(); err != nil {
			return err
		}
	}
	if c.TwoStep.Domains == nil {
		c.TwoStep.Domains = make(map[string]Date)
	}
	c.TwoStep.Domains[domain] = from
	return nil
}

func setTimezone(to *TwoStep, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(s)
	if err != nil || s == "" {
		return fmt.Errorf(`%q is not a time zone: wants a name such as "Asia/Shanghai", or "Local"`, s)
	}
	to.Timezone, to.zone = s, zone
	return nil
}

// setCountries takes the countries whose numbering plan is known.
func setCountries(to *[]string, v value) error {
	names, err := v.asStrings()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return errors.New("is empty: nobody could bind a phone")
	}
	known := phonenumbers.GetSupportedRegions()
	seen := make(map[string]bool)
	for _, name := range names {
		if !known[name] {
			return fmt.Errorf(`%q is not a country: wants two capital letters such as "CN"`, name)
		}
		if seen[name] {
			return fmt.Errorf("names %s twice", name)
		}
		seen[name] = true
	}
	*to = names
	return nil
}
