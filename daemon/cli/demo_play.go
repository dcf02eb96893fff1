package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/daemon/harness"
	"github.com/latchkey-mail/latchkey/daemon/sms"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

const demoOther = "bob@example.org"

// A demoPlay is what a person finds after the tour: alice with her phone bound
// and a new app password, and bob without a phone.
type demoPlay struct {
	*demoTour
	app   string // alice's, without blanks
	other string // bob's main password
}

func newDemoPlay(ctx context.Context, t *demoTour) (*demoPlay, error) {
	play := &demoPlay{demoTour: t, other: demoPassword()}
	made, err := t.admin.AppPasswordAdd(ctx, admin.AppPasswordAdd{Address: demoAddress, Name: "to play with"})
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	play.app = made.Secret.Reveal()
	password := admin.Password{Secret: secret.New(play.other)}
	if _, err := t.admin.AccountAdd(ctx, admin.AccountAdd{Address: demoOther, Password: &password}); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return play, nil
}

// play prints where everything is and what to try.
func (p demoPrinter) play(play *demoPlay) {
	p.printf("\n%sEvery step came as expected. Now it is yours, until Ctrl-C.%s\n\n", p.style.bold, p.style.off)
	a := play.mail.Addrs()
	table(p.w, "IN A BROWSER|ADDRESS", [][]string{
		{"the portal", play.cfg.Portal.URL},
		{"everybody's phone", play.phone.url()},
	})
	p.printf("\n")
	table(p.w, "SERVER|ADDRESS|ENCRYPTION", [][]string{
		{"IMAP", a.IMAP.String(), "STARTTLS"},
		{"IMAP", a.IMAPS.String(), "TLS"},
		{"submission", a.Submission.String(), "STARTTLS"},
		{"submission", a.Submissions.String(), "TLS"},
	})
	p.printf("\n")
	table(p.w, "ACCOUNT|MAIN PASSWORD|APP PASSWORD|PHONE", [][]string{
		{demoAddress, play.main, play.app, "bound"},
		{demoOther, play.other, none, none},
	})
	p.printf("\n")
	table(p.w, "WHAT|WHERE", [][]string{
		{"configuration", play.configFile},
		{"log", play.logFile},
		{"certificate", play.certFile},
		{"socket for mail servers", play.cfg.SocketPaths().Client},
	})
	for _, g := range demoCommands(play, a) {
		p.printf("\n%s# %s%s\n", p.style.dim, g.about, p.style.off)
		for _, line := range g.lines {
			p.printf("%s\n", line)
		}
	}
	p.printf("\n%sBob has not bound a phone: sign in at the portal as bob@example.org and bind any number of a\nChinese mobile, such as %s; the code appears here and on the phone's page.%s\n", p.style.dim, demoNumber, p.style.off)
	p.printf("\n%sCtrl-C ends the demo and removes %s.%s\n", p.style.dim, play.dir, p.style.off)
}

// message prints a text message that has come.
func (p demoPrinter) message(m sms.Message) {
	p.printf("\n%sphone %s:%s %s\n", p.style.bold, store.MaskNumber(m.To), p.style.off, m.Text())
}

// A demoGroup is a few commands to paste.
type demoGroup struct {
	about string
	lines []string
}

// demoCommands are what to paste into a shell.
func demoCommands(d *demoPlay, a harness.Addrs) []demoGroup {
	curl := "curl --silent --show-error --cacert " + shellWord(d.certFile)
	mail := fmt.Sprintf("printf 'From: %[1]s\\nTo: %[2]s\\nSubject: hi\\n\\nHello.\\n'", demoAddress, demoOther)
	openssl := fmt.Sprintf("openssl s_client -quiet -crlf -verify_quiet -servername localhost -CAfile %s -connect %s", shellWord(d.certFile), a.IMAPS)
	swaks := fmt.Sprintf("swaks --server %s --port %d --tls --auth LOGIN --from %s --to %s --auth-user %s --auth-password ",
		a.Submission.IP, a.Submission.Port, demoAddress, demoOther, demoAddress)
	latchkey := shellWord(demoProgram()) + " --config " + shellWord(d.configFile)
	return []demoGroup{
		{"alice's INBOX: with her app password, and refused with her main password", []string{
			fmt.Sprintf("%s --user %s:%s 'imaps://%s/INBOX;MAILINDEX=1'", curl, demoAddress, d.app, a.IMAPS),
			fmt.Sprintf("%s --verbose --user %s:%s 'imaps://%s/INBOX;MAILINDEX=1'", curl, demoAddress, d.main, a.IMAPS),
		}},
		{"alice writes to bob, who has no phone and still uses his main password", []string{
			fmt.Sprintf("%s | %s --user %s:%s --mail-from %s --mail-rcpt %s --upload-file - smtps://%s",
				mail, curl, demoAddress, d.app, demoAddress, demoOther, a.Submissions),
			fmt.Sprintf("%s --user %s:%s 'imaps://%s/INBOX;MAILINDEX=1'", curl, demoOther, d.other, a.IMAPS),
		}},
		{"the same with swaks: sent, and refused", []string{swaks + d.app, swaks + d.main}},
		{"IMAP by hand; the second waits for what you type", []string{
			fmt.Sprintf("{ echo 'a LOGIN %s %s'; sleep 2; echo 'b LOGOUT'; } | %s", demoAddress, d.main, openssl),
			openssl,
		}},
		{"be the administrator", []string{
			latchkey + " account show " + demoAddress,
			latchkey + " app-password add " + demoOther + " --name laptop --scope imap,smtp",
			latchkey + " phone bind " + demoOther + " " + shellWord(demoNumber),
			latchkey + " app-password list " + demoOther,
			latchkey + " events",
		}},
	}
}

// shellWord quotes what a shell would not take as one word.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@+,=%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
