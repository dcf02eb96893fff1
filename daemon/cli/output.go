package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf16"

	"golang.org/x/term"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/admin"
)

// output is standard output. It remembers that a write failed: what was to be
// read there, a new app password or one-time code above all, is shown only once.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

func (o *output) failure() error {
	if o.err == nil {
		return nil
	}
	return &failure{status: exitFailed, sentence: "not all of the answer could be written: " + o.err.Error(),
		hint: "what was asked for was done all the same; revoke a new app password that nobody saw, or make another one-time code", cause: o.err}
}

// terminal reports whether people read the output.
func (a *app) terminal() bool {
	w := a.out
	if o, ok := w.(*output); ok {
		w = o.w
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// question is one run of a verb that asks the admin handler.
type question struct {
	*admin.Client
	ctx context.Context
}

// none stands where there is nothing.
const none = "–"

// record prints one record: as JSON, or as people prints it.
func record[R any](a *app, r R, people func(w io.Writer)) error {
	if a.json {
		return printJSON(a, r)
	}
	people(a.out)
	return nil
}

func printJSON[R any](a *app, r R) error {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return err
	}
	_, err := io.WriteString(a.out, printableJSON(strings.TrimSuffix(line.String(), "\n"))+"\n")
	return err
}

// printableJSON is the same JSON fit for a terminal: what Encoder leaves as it is
// (DEL, C1 controls, turned writing direction) can only stand in a string, where
// an escape means the same.
func printableJSON(text string) string {
	if accounts.Printable(text) == text {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch high, low := utf16.EncodeRune(r); {
		case accounts.IsPrintable(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// result is the record of a verb that changes an account and returns nothing.
type result struct {
	Address string `json:"address"`
	Result  string `json:"result"` // "disabled", "deleted", …
}

// done prints that an account is now so.
func (a *app) done(address, is string) error {
	return record(a, result{address, is}, func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", printable(address), is) })
}

// table prints rows in columns. The last column is as wide as it likes: names
// belong there, whose width on a terminal is not their number of characters.
func table(w io.Writer, header string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.ReplaceAll(header, "|", "\t"))
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush() // output remembers
}

// moment is a time for people, "–" for none.
func (a *app) moment(t time.Time) string {
	if t.IsZero() {
		return none
	}
	return t.In(a.zone).Format("2006-01-02 15:04")
}

// place is an address of the network, "–" for none.
func place(addr netip.Addr) string {
	if !addr.IsValid() {
		return none
	}
	return addr.String()
}

// printable makes a text from outside fit for one line of a terminal.
func printable(s string) string { return accounts.Printable(s) }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
