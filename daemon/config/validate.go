package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
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

// setAddress takes the address and port of a TCP socket. A name is refused: it
// would have to be looked up, and what it means could change.
func setAddress(to *netip.AddrPort, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	a, err := netip.ParseAddrPort(s)
	if err != nil || a.Addr().Zone() != "" {
		return errors.New(`wants an address and a port such as "127.0.0.1:12345" or "[::1]:12345", no name`)
	}
	if a.Port() == 0 {
		return errors.New("wants a port from 1 to 65535")
	}
	*to = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	return nil
}

// setFile takes the absolute path of a file, "" for none.
func setFile(to *string, v value) error {
	if s, err := v.asString(); err == nil && s == "" {
		*to = ""
		return nil
	}
	return setDir(to, v)
}

// setText takes one line of at most max characters for people to read.
func setText(to *string, v value, max int) error {
	s, err := v.asString()
	switch {
	case err != nil:
		return err
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("contains a line break or another character that is not printed")
	case utf8.RuneCountInString(s) > max:
		return fmt.Errorf("has %d characters: at most %d", utf8.RuneCountInString(s), max)
	case strings.TrimSpace(s) != s:
		return errors.New("begins or ends with a blank")
	}
	*to = s
	return nil
}

// setOneOf takes one of a few texts.
func setOneOf(to *string, v value, choices ...string) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	if !slices.Contains(choices, s) {
		return errors.New("wants " + alternatives(choices))
	}
	*to = s
	return nil
}

// alternatives reads `"a", "b" or "c"`.
func alternatives(choices []string) string {
	quoted := make([]string, len(choices))
	for i, one := range choices {
		quoted[i] = strconv.Quote(one)
	}
	return joined(quoted, "or")
}

// joined is a list as a sentence has it: "a, b and c".
func joined(list []string, word string) string {
	last := len(list) - 1
	if last < 1 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:last], ", ") + " " + word + " " + list[last]
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
func Mechanisms() []string {
	return []string{"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}
}

// bindsSuffix ends the names of mechanisms with channel binding, which are told
// only to listeners of a kind that can do it.
const bindsSuffix = "-PLUS"

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
	if !slices.ContainsFunc(names, func(name string) bool { return !strings.HasSuffix(name, bindsSuffix) }) {
		return errors.New("needs a mechanism without channel binding too: most mail servers are told of no other")
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

// setNot takes the opposite of what is written.
func setNot(to *bool, v value) error {
	b, err := v.asBool()
	if err == nil {
		*to = !b
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

func setKind(to *Kind, v value) error {
	s, err := v.asString()
	if err != nil {
		return err
	}
	if !slices.Contains(Kinds(), Kind(s)) {
		return errors.New("wants " + oneKind())
	}
	*to = Kind(s)
	return nil
}

// oneKind names the kinds of listener in a sentence.
func oneKind() string {
	var words []string
	for _, k := range Kinds() {
		words = append(words, strconv.Quote(string(k)))
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
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
