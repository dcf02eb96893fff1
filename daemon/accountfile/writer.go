package accountfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/config"
)

// ErrCannotKeep means that a passwd-file has no way to write what an account has.
var ErrCannotKeep = errors.New("accountfile: a passwd-file cannot keep this")

// Append appends the account as a line of a file of that format, which a Reader
// takes back as it was. A passwd-file has neither aliases, as Dovecot looks for no
// account by another name, nor the expected phone, which nobody there asks for.
// ErrCannotKeep is for a passwd-file: a userdb field with a blank in it.
func Append(dst []byte, f Format, p accounts.Portable) ([]byte, error) {
	c := columnsOf(p)
	if f == JSON {
		return c.appendJSON(dst)
	}
	return c.appendPasswd(dst, p)
}

// pair is a column with its value.
type pair struct{ column, value string }

// written are the columns of an account: the fixed ones, and its userdb fields.
type written struct {
	uid, gid, home string
	userdb         []pair
	rest           []pair // user, password, phone, aliases: the last two not in a passwd-file
	disabled       bool
}

// columnsOf writes a home that is a folder as it is, and one that is a template
// among the userdb fields, which Dovecot fills in.
func columnsOf(p accounts.Portable) written {
	w := written{disabled: p.Disabled, rest: []pair{{"user", p.Address}, {"password", p.Password.Reveal()}, {"phone", p.Phone},
		{"aliases", strings.Join(p.Aliases, " ")}}}
	for _, f := range p.Userdb {
		switch literal := config.Template(f.Value).Expand(""); {
		case f.Key == "uid":
			w.uid = f.Value
		case f.Key == "gid":
			w.gid = f.Value
		case f.Key == "home" && strings.ReplaceAll(literal, "%", "%%") == f.Value:
			w.home = literal
		default:
			w.userdb = append(w.userdb, pair{"userdb_" + f.Key, f.Value})
		}
	}
	return w
}

func (w *written) appendJSON(dst []byte) ([]byte, error) {
	pairs := append(w.rest, pair{"uid", w.uid}, pair{"gid", w.gid}, pair{"home", w.home})
	sep := byte('{')
	for _, p := range append(pairs, w.userdb...) {
		if p.value == "" {
			continue
		}
		value, err := text(p.value)
		if err != nil {
			return dst, err
		}
		key, err := text(p.column)
		if err != nil {
			return dst, err
		}
		dst = append(dst, sep)
		dst = append(append(append(dst, key...), ':'), value...)
		sep = ','
	}
	if w.disabled {
		dst = append(dst, `,"disabled":true`...)
	}
	return append(dst, "}\n"...), nil
}

func text(s string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return nil, fmt.Errorf("accountfile: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (w *written) appendPasswd(dst []byte, p accounts.Portable) ([]byte, error) {
	home, userdb := w.home, w.userdb
	if strings.Contains(home, ":") { // no blank: checked below
		home, userdb = "", append([]pair{{"userdb_home", strings.ReplaceAll(home, "%", "%%")}}, userdb...)
	}
	password := p.Password.Reveal()
	if strings.Contains(password, ":") {
		return dst, ErrCannotKeep
	}
	line := strings.Join([]string{p.Address, password, w.uid, w.gid, "", home, ""}, ":") + ":"
	sep := ""
	for _, f := range userdb {
		if strings.ContainsAny(f.value, " ") {
			return dst, ErrCannotKeep
		}
		line += sep + f.column + "=" + f.value
		sep = " "
	}
	if w.disabled {
		line += sep + "nologin"
	}
	if strings.ContainsAny(line, "\n\r") || len(line) > MaxLine {
		return dst, ErrCannotKeep
	}
	return append(append(dst, line...), '\n'), nil
}
