package accountfile

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// show writes an account in one line.
func show(p accounts.Portable) string {
	s := fmt.Sprintf("%s %q", p.Address, p.Password.Reveal())
	for _, f := range p.Userdb {
		s += fmt.Sprintf(" %s=%q", f.Key, f.Value)
	}
	if p.Phone != "" {
		s += " phone " + p.Phone
	}
	if len(p.Aliases) > 0 {
		s += fmt.Sprintf(" aliases %q", p.Aliases)
	}
	if p.Disabled {
		s += " disabled"
	}
	return s
}

// readAll returns what a Reader says of each line.
func readAll(t *testing.T, f Format, scheme, text string) []string {
	t.Helper()
	r, err := NewReader(strings.NewReader(text), f, scheme)
	if err != nil {
		return []string{err.Error()}
	}
	var got []string
	for {
		line, p, err := r.Next()
		var bad *LineError
		switch {
		case err == io.EOF:
			if r.Read() != int64(len(text)) {
				t.Errorf("read %d bytes of %d", r.Read(), len(text))
			}
			return got
		case errors.As(err, &bad):
			got = append(got, bad.Error())
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, fmt.Sprintf("%d %s", line, show(p)))
		}
	}
}

func TestRead(t *testing.T) {
	for _, test := range []struct {
		name   string
		format Format
		scheme string
		text   string
		want   []string
	}{
		{"passwd", Passwd, "", "\ufeff# c\n\na@b.org:{SHA}x:1:2:Some One:/h/%d:/bin/sh:userdb_mail=maildir:~/%n userdb_a=b=c\r\nshort\ncolon:x:\nlast:$1$y",
			[]string{`3 a@b.org "{SHA}x" uid="1" gid="2" home="/h/%%d" mail="maildir:~/%n" a="b=c"`, `4 short ""`, `5 colon "x"`, `6 last "$1$y"`}},
		{"passwd, what cannot be kept", Passwd, "", strings.Join([]string{
			"a:x:::::: nopassword", "a:x::::::allow_nets=10.0.0.0/8 userdb_x=y", "a:x::::::hunter2", "a:x::::::nologin=no", "a:x::::::nologin=y  userdb_x=y", "a::::::: nologin",
			":x", "a:x:1:::::userdb_uid=2", "a:x:::::: userdb_x=1 userdb_x=2", "a:x:::::: userdb_x", "a:x:::::: userdb_=y", "a:\xff", "a:\x00", strings.Repeat("a", MaxLine+1), strings.Repeat("a", 3*MaxLine), "b"}, "\n"),
			[]string{"line 1: the field nopassword cannot be kept", "line 2: the field allow_nets cannot be kept",
				"line 3: an extra field that is neither nologin nor begins with userdb_ cannot be kept", "line 4: the field nologin is not yes",
				`5 a "x" x="y" disabled`, `6 a "" disabled`, "line 7: there is no user name", `line 8: the field "uid" is given twice`, `line 9: the field "x" is given twice`,
				`10 a "x" x=""`, `11 a "x" ="y"`, "line 12: it is not text in UTF-8", "line 13: it contains a NUL character", "line 14: it is longer than 64 KiB", "line 15: it is longer than 64 KiB", `16 b ""`}},
		{"default scheme", Passwd, "MD5", "a:x\nb:{SHA}x\nc:\n", []string{`1 a "{MD5}x"`, `2 b "{SHA}x"`, `3 c ""`}},
		{"csv", CSV, "", "User,password,phone,Disabled,userdb_mail,home,uid\na@b.org,\"{PLAIN}a,\"\"b\",13812345678,yes,,/h,7\nb,,,no,x,,\nc,,,perhaps,,,\nd\n\"e\n",
			[]string{`2 a@b.org "{PLAIN}a,\"b" home="/h" uid="7" phone 13812345678 disabled`, `3 b "" mail="x"`, "line 4: disabled is neither yes nor no",
				"line 5: it has 1 values, and there are 7 columns", "line 6: it is not a line of comma-separated values"}},
		{"csv with aliases", CSV, "", "user,aliases\na,b c\nb,\n", []string{`2 a "" aliases ["b" "c"]`, `3 b ""`}},
		{"csv without user", CSV, "", "password\n", []string{"accountfile: the first line does not name the columns: there is no column user"}},
		{"csv two names", CSV, "", "address,User\na,b\n", []string{`accountfile: the first line does not name the columns: the columns "address" and "user" are the same`}},
		{"csv twice", CSV, "", "user,user\n", []string{`accountfile: the first line does not name the columns: the column "user" stands there twice`}},
		{"csv unknown", CSV, "", "user,pass\n", []string{`accountfile: the first line does not name the columns: there is no column "pass"`}},
		{"csv empty", CSV, "", "", []string{"accountfile: the first line does not name the columns"}},
		{"json", JSON, "", `{"user":"a@b.org","password":"{SHA}x","uid":7,"gid":"8","home":"/h%","userdb_home2":"%u","phone":null,"aliases":" x  y@b.org ","disabled":true}` + "\n" +
			strings.Join([]string{`{"address":"b"}`, `{"user":"c"} x`, `{"user":"c","user":"d"}`, `{"user":["c"]}`, `{"pass":"hunter2"}`, `["c"]`, `{"user":"c"`, `{"password":"hunter2"}`, `{"user":"c","uid":"1","userdb_uid":"2"}`, `x`, `{}`, `{"user":"c","address":"d"}`}, "\n"),
			[]string{`1 a@b.org "{SHA}x" uid="7" gid="8" home="/h%%" home2="%u" aliases ["x" "y@b.org"] disabled`, `2 b ""`, "line 3: there is something behind the JSON object",
				`line 4: the column "user" stands there twice`, "line 5: it is not a JSON object of texts, numbers, true and false", `line 6: there is no column "pass"`,
				"line 7: it is not a JSON object of texts, numbers, true and false", "line 8: it is not a JSON object of texts, numbers, true and false",
				"line 9: there is no user name", `line 10: the field "uid" is given twice`, "line 11: it is not a JSON object of texts, numbers, true and false", "line 12: there is no user name",
				`line 13: the columns "user" and "address" are the same`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, want := readAll(t, test.format, test.scheme, test.text), test.want
			for i := range max(len(got), len(want)) {
				g, w := "", ""
				if i < len(got) {
					g = got[i]
				}
				if i < len(want) {
					w = want[i]
				}
				if g != w {
					t.Errorf("got  %s\nwant %s", g, w)
				}
			}
		})
	}
}

// TestAppend writes what a Reader takes back, or says that it cannot.
func TestAppend(t *testing.T) {
	for _, test := range []struct {
		p      accounts.Portable
		passwd string // "": cannot be kept
	}{
		{accounts.Portable{Address: "a@b.org"}, "a@b.org:::::::\n"},
		{accounts.Portable{Address: "a@b.org", Password: secret.New("{SHA}x"), Disabled: true}, "a@b.org:{SHA}x::::::nologin\n"},
		{accounts.Portable{Address: "a@b.org", Userdb: []store.UserdbField{{Key: "gid", Value: "2"}, {Key: "home", Value: "/h 100%%"}, {Key: "mail", Value: "maildir:~/%n"}, {Key: "uid", Value: "1"}}},
			"a@b.org::1:2::/h 100%::userdb_mail=maildir:~/%n\n"},
		{accounts.Portable{Address: "a@b.org", Userdb: []store.UserdbField{{Key: "home", Value: "/h/%d"}}}, "a@b.org:::::::userdb_home=/h/%d\n"},
		{accounts.Portable{Address: "a@b.org", Userdb: []store.UserdbField{{Key: "home", Value: "/h:1%%"}}, Disabled: true}, "a@b.org:::::::userdb_home=/h:1%% nologin\n"},
		{accounts.Portable{Address: "a@b.org", Userdb: []store.UserdbField{{Key: "home", Value: "/h: 1"}}}, ""},
		{accounts.Portable{Address: "a@b.org", Userdb: []store.UserdbField{{Key: "x", Value: "a b"}}}, ""},
		{accounts.Portable{Address: "a@b.org", Phone: "+8613812345678"}, "a@b.org:::::::\n"},
		{accounts.Portable{Address: "a@b.org", Aliases: []string{"c@b.org", "d@b.org"}}, "a@b.org:::::::\n"},
	} {
		for _, f := range []Format{JSON, Passwd} {
			line, err := Append(nil, f, test.p)
			if f == Passwd && (test.passwd == "") != errors.Is(err, ErrCannotKeep) || f == JSON && err != nil {
				t.Errorf("%s: %s: %v", f, show(test.p), err)
				continue
			} else if err != nil {
				if len(line) > 0 {
					t.Errorf("%q stands there beside an error", line)
				}
				continue
			}
			if f == Passwd && string(line) != test.passwd {
				t.Errorf("got %q, want %q", line, test.passwd)
			}
			back := readAll(t, f, "", string(line))
			if f == Passwd {
				test.p.Aliases, test.p.Phone = nil, "" // it has none
			}
			if want := "1 " + show(test.p); len(back) != 1 || sortedText(back[0]) != sortedText(want) {
				t.Errorf("%s\nreads as %v\nwant %s", line, back, want)
			}
		}
	}
}

// sortedText has the words of a line in order: the columns have another than the
// fields.
func sortedText(s string) string {
	words := strings.Split(s, " ")
	for i := range words {
		for j := i + 1; j < len(words); j++ {
			if words[j] < words[i] {
				words[i], words[j] = words[j], words[i]
			}
		}
	}
	return strings.Join(words, " ")
}

// FuzzRead wants any file to be read to its end, in bounded memory, and what is
// read to be written as the same.
func FuzzRead(f *testing.F) {
	f.Add(byte(0), "a@b.org:{SHA}x:1:2:g:/h/%d::userdb_mail=maildir:~/%n nologin\n#\n\nb:x::::::host=h")
	f.Add(byte(1), "user,password,userdb_x,disabled\na,\"x,y\",z,no\n")
	f.Add(byte(2), `{"user":"a","uid":7,"disabled":true,"userdb_x":"y","aliases":"b c@d"}`)
	f.Fuzz(func(t *testing.T, kind byte, text string) {
		format := []Format{Passwd, CSV, JSON}[kind%3]
		r, err := NewReader(strings.NewReader(text), format, "")
		if err != nil {
			return
		}
		last := 0
		for {
			line, p, err := r.Next()
			var bad *LineError
			if err == io.EOF {
				return
			} else if errors.As(err, &bad) {
				line = bad.Line
			} else if err != nil {
				t.Fatal(err)
			}
			if line <= last {
				t.Fatalf("line %d after line %d", line, last)
			}
			last = line
			if bad != nil {
				if strings.ContainsAny(bad.Cause, "\n\r\x1b") {
					t.Errorf("the cause %q has controls", bad.Cause)
				}
				continue
			}
			for _, field := range p.Userdb {
				if field.Key == "" || field.Value == "" || strings.ContainsAny(field.Key, "\t\r\n =:") {
					return // refused by accounts
				}
			}
			if strings.ContainsAny(p.Address, ":#\r\n") || strings.ContainsAny(p.Password.Reveal(), "\r\n") || len(text) > MaxLine/8 {
				return
			}
			for _, out := range []Format{JSON, Passwd} {
				written, err := Append(nil, out, p)
				if errors.Is(err, ErrCannotKeep) {
					continue
				} else if err != nil {
					t.Fatal(err)
				}
				back := readAll(t, out, "", string(written))
				if out == Passwd {
					p.Aliases, p.Phone = nil, "" // it has none
				}
				if len(back) != 1 || sortedText(back[0]) != sortedText("1 "+show(p)) {
					t.Errorf("%s: %q reads as %q, want %q", out, written, back, show(p))
				}
			}
		}
	})
}
