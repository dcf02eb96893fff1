package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mileusna/useragent"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
)

// The records of devices list; kind tells them apart.
type (
	browserRecord struct {
		Kind string `json:"kind"` // "browser"
		accounts.BrowserDevice
	}
	programRecord struct {
		Kind string `json:"kind"` // "program"
		accounts.Program
	}
)

func (a *app) devicesList(q *question, args []string) error {
	all, err := q.DeviceList(q.ctx, args[0])
	if err != nil {
		return about(args[0], err)
	}
	if a.json {
		return a.devicesJSON(all)
	}
	if len(all.Browsers)+len(all.Programs) == 0 {
		fmt.Fprintf(a.out, "%s: no browser has signed in, and no mail program in the last 7 days\n", printable(args[0]))
		return nil
	}
	if len(all.Browsers) > 0 {
		fmt.Fprintln(a.out, "Browsers")
		a.printBrowsers(a.out, all.Browsers)
	}
	if len(all.Browsers) > 0 && len(all.Programs) > 0 {
		fmt.Fprintln(a.out)
	}
	if len(all.Programs) > 0 {
		fmt.Fprintln(a.out, "Mail programs of the last 7 days")
		a.printPrograms(a.out, all.Programs)
	}
	return nil
}

func (a *app) devicesJSON(all accounts.Devices) error {
	for _, b := range all.Browsers {
		if err := printJSON(a, browserRecord{"browser", b}); err != nil {
			return err
		}
	}
	for _, p := range all.Programs {
		if err := printJSON(a, programRecord{"program", p}); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printBrowsers(w io.Writer, all []accounts.BrowserDevice) {
	rows := make([][]string, 0, len(all))
	for _, b := range all {
		trusted := "no"
		if b.TrustedUntil.After(a.now()) {
			trusted = "until " + a.moment(b.TrustedUntil)
		}
		rows = append(rows, []string{b.ID.String(), trusted, a.moment(b.First), a.moment(b.Last), place(b.Addr), strconv.Itoa(b.Sessions), browserWords(b.UserAgent)})
	}
	table(w, "ID|TRUSTED|FIRST SEEN|LAST SEEN|FROM|SESSIONS|BROWSER", rows)
}

// tooOften is from how many refusals on a program is said to keep sending a
// refused password.
const tooOften = 3

func (a *app) printPrograms(w io.Writer, all []accounts.Program) {
	rows := make([][]string, 0, len(all))
	for _, p := range all {
		id := none
		if !p.AppPassword.IsZero() {
			id = p.AppPassword.String()
		}
		rows = append(rows, []string{id, a.programState(p), a.moment(p.Last), grouped(int(p.Count)), printable(p.Service), place(p.Addr), programWords(p)})
	}
	table(w, "APP PASSWORD|STATE|LAST TIME|TIMES|SERVICE|FROM|NAME AND PROGRAM", rows)
}

// programState is what its secret is, or why it was refused.
func (a *app) programState(p accounts.Program) string {
	switch {
	case p.Refused && p.Count >= tooOften:
		return "keeps being refused: " + words(p.Reason.String())
	case p.Refused:
		return "refused: " + words(p.Reason.String())
	case p.AppPassword.IsZero():
		return "main password"
	default:
		return p.State.String()
	}
}

// programWords is the name that its owner gave it, and what it calls itself.
func programWords(p accounts.Program) string {
	var parts []string
	if p.Name != "" {
		parts = append(parts, printable(p.Name))
	}
	if p.ClientID != "" {
		parts = append(parts, printable(p.ClientID))
	}
	if len(parts) == 0 {
		return none
	}
	return strings.Join(parts, ", ")
}

// browserWords is what a browser says of itself: "Firefox 140 on Windows". Its
// systems' versions are left out: browsers no longer tell the true ones.
func browserWords(userAgent string) string {
	u := useragent.Parse(userAgent)
	if u.Name == "" {
		return "unknown"
	}
	text := u.Name
	if major, _, _ := strings.Cut(u.Version, "."); major != "" {
		text += " " + major
	}
	switch {
	case u.Device != "" && u.OS != useragent.Android: // iPhone, iPad
		text += " on " + u.Device
	case u.OS != "":
		text += " on " + u.OS
	}
	return printable(text)
}
