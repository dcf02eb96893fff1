package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/pelletier/go-toml/v2/unstable"
)

// maxSocketPath leaves room for the NUL of sun_path (108 bytes on Linux) and
// for the ".new" under which a socket is bound before it is renamed.
const maxSocketPath = 107 - len(".new")

func setDir(to *string, v value) error {
	s, err := v.asString()
	switch {
	case err != nil:
		return err
	case !filepath.IsAbs(s):
		return errors.New("wants an absolute path")
	case strings.ContainsFunc(s, isControl):
		return errors.New("contains a control character")
	}
	*to = filepath.Clean(s)
	return nil
}

func setRunDir(to *string, v value) error {
	if err := setDir(to, v); err != nil {
		return err
	}
	if room := maxSocketPath - len("/auth-userdb"); len(*to) > room {
		return fmt.Errorf("is too long for the sockets in it: at most %d bytes", room)
	}
	return nil
}

func setSocket(to *string, v value) error {
	if err := setDir(to, v); err != nil {
		return err
	}
	if len(*to) > maxSocketPath {
		return fmt.Errorf("is too long for a socket: at most %d bytes", maxSocketPath)
	}
	return nil
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

func setLevel(to *slog.Level, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[s]
	if !ok {
		return errors.New(`wants "debug", "info", "warn" or "error"`)
	}
	*to = level
	return nil
}

// Mechanisms are the SASL mechanisms that may be offered, by the names of
// their registry (RFC 4422 section 7.1).
func Mechanisms() []string { return []string{"PLAIN", "LOGIN"} }

func setMechanisms(to *[]string, v value) error {
	names, err := v.asStrings()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return errors.New("is empty: nobody could log in")
	}
	seen := make(map[string]bool)
	for i, name := range names {
		names[i] = strings.ToUpper(name)
		if !slices.Contains(Mechanisms(), names[i]) {
			return fmt.Errorf("unknown mechanism %q (there are %s)", name, strings.Join(Mechanisms(), ", "))
		}
		if seen[names[i]] {
			return fmt.Errorf("names %s twice", names[i])
		}
		seen[names[i]] = true
	}
	*to = names
	return nil
}

func setDomain(to *string, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	if s != "" {
		if s, err = domainName(s); err != nil {
			return err
		}
	}
	*to = s
	return nil
}

// domainName is the lower-case A-label form of a domain (RFC 5890).
func domainName(s string) (string, error) {
	ascii, err := idna.Lookup.ToASCII(s)
	if err != nil || ascii == "" || len(ascii) > 253 || strings.ContainsAny(ascii, "@/% ") {
		return "", fmt.Errorf("%q is not a domain name", s)
	}
	return ascii, nil
}

func setSpan(to *Duration, v value, low, high Duration) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	d, err := ParseDuration(s)
	if err != nil {
		return err
	}
	if d < low || d > high {
		return fmt.Errorf("is %s: wants %s to %s", d, low, high)
	}
	*to = d
	return nil
}

func setRefusal(to *string, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		return errors.New("wants printable ASCII only: login processes write it into the protocol as it is")
	}
	if len(s) > maxRefusal {
		return fmt.Errorf("has %d characters: at most %d", len(s), maxRefusal)
	}
	if strings.HasPrefix(s, "[") {
		return errors.New("must not begin with '[': mail programs would read a response code")
	}
	*to = s
	return nil
}

func setBool(to *bool, v value) error {
	b, err := v.asBool()
	if err == nil {
		*to = b
	}
	return err
}

func setInt(to *int, v value, low, high int64) error {
	n, err := v.asInt(low, high)
	if err == nil {
		*to = int(n)
	}
	return err
}

func setEnforceFrom(c *Config, v value) error {
	d, err := v.asDate()
	if err == nil {
		c.TwoStep.EnforceFrom = &d
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

func setID(to **uint32, v value) error {
	n, err := v.asInt(0, math.MaxUint32-1) // 2^32-1 means "unchanged" to chown(2)
	if err != nil {
		return err
	}
	if n == 0 {
		return errors.New("must not be 0: mail would be handled as root")
	}
	id := uint32(n)
	*to = &id
	return nil
}

func setHome(to *Template, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	if s != "" && !filepath.IsAbs(s) {
		return errors.New("wants an absolute path")
	}
	*to = Template(s)
	return Template(s).check()
}

func setFields(to *[]UserdbField, v value) error {
	list, err := v.asStrings()
	if err != nil {
		return err
	}
	reserved := []string{"user", "uid", "gid", "home", "user_apw"}
	var fields []UserdbField
	for _, item := range list {
		key, text, found := strings.Cut(item, "=")
		switch {
		case !found || key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= 0x20 || r > 0x7e }):
			return fmt.Errorf(`%q is not of the form "key=value"`, item)
		case slices.Contains(reserved, key):
			return fmt.Errorf("%q is set by latchkey itself", key)
		}
		if err := Template(text).check(); err != nil {
			return fmt.Errorf("%q %w", key, err)
		}
		fields = append(fields, UserdbField{key, Template(text)})
	}
	*to = fields
	return nil
}

// maxURL keeps the sentence that names the portal within maxRefusal.
const maxURL = 200

func setURL(to *string, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	if s == "" {
		*to = ""
		return nil
	}
	u, err := url.Parse(s)
	plain := !strings.ContainsFunc(s, func(r rune) bool { return r <= 0x20 || r > 0x7e })
	if err != nil || !plain || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return errors.New(`wants an address such as "https://mail.example.org/latchkey", in ASCII`)
	}
	if len(s) > maxURL {
		return fmt.Errorf("has %d characters: at most %d", len(s), maxURL)
	}
	*to = s
	return nil
}

func setKind(to *Kind, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	if !slices.Contains([]Kind{KindClient, KindMaster, KindUserdb}, Kind(s)) {
		return errors.New(`wants "client", "master" or "userdb"`)
	}
	*to = Kind(s)
	return nil
}

func setOwner(to *string, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= 0x20 || r > 0x7e || r == ':' || r == '/' }) {
		return errors.New("is not a name of a user or group")
	}
	*to = s
	return nil
}

func setMode(to *os.FileMode, v value) error {
	s, err := v.asString()
	if err != nil {
		return errors.New(`wants octal digits in quotes such as "0660"`)
	}
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o777 {
		return errors.New(`wants octal digits in quotes such as "0660"`)
	}
	if n&0o600 != 0o600 {
		return errors.New("must let the owner read and write (0600)")
	}
	*to = os.FileMode(n)
	return nil
}
