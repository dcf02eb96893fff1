package config

import (
	"fmt"
	"strings"
)

// Template is a text with the variables %u (the whole user name), %n (its part
// before the @), %d (its part behind the @) and %% (a percent sign), as in
// Dovecot's own mail_location.
type Template string

// Expand fills in a prepared user name. A user name without a domain has an
// empty %d. The name is put in once: a % inside it means nothing.
func (t Template) Expand(user string) string {
	if strings.IndexByte(string(t), '%') < 0 {
		return string(t)
	}
	local, domain, _ := strings.Cut(user, "@")
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		if t[i] != '%' || i+1 == len(t) {
			b.WriteByte(t[i])
			continue
		}
		i++
		switch t[i] {
		case 'u':
			b.WriteString(user)
		case 'n':
			b.WriteString(local)
		case 'd':
			b.WriteString(domain)
		case '%':
			b.WriteByte('%')
		default: // check lets none through
			b.WriteByte('%')
			b.WriteByte(t[i])
		}
	}
	return b.String()
}

// check names the first variable that does not exist, or a byte that a line of
// the Dovecot auth protocol could not carry without an escape.
func (t Template) check() error {
	for i := 0; i < len(t); i++ {
		if t[i] < 0x20 || t[i] == 0x7f {
			return fmt.Errorf("contains a control character")
		}
		if t[i] != '%' {
			continue
		}
		i++
		if i == len(t) {
			return fmt.Errorf("ends with a lone %% (write %%%% for a percent sign)")
		}
		if strings.IndexByte("und%", t[i]) < 0 {
			return fmt.Errorf("has the unknown variable %q (there are %%u, %%n, %%d and %%%%)", "%"+runeAt(string(t), i))
		}
	}
	return nil
}

// runeAt is the whole character that begins at byte i.
func runeAt(s string, i int) string {
	for _, r := range s[i:] {
		return string(r)
	}
	return ""
}
