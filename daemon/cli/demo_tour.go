package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// What may come of a step, among others.
const (
	demoDone     = "done"
	demoAccepted = "accepted"
	demoRefused  = "refused"
	demoSent     = "sent"
	demoFound    = "found"
	demoMissing  = "missing"
)

// A demoResult is what came of a step: a word, and what a person would see.
type demoResult struct{ word, shown string }

// A demoStep is one line of the tour.
type demoStep struct {
	title string
	want  demoResult // an empty shown allows any
	do    func(context.Context) (demoResult, error)
}

// met says whether a step came as expected.
func (s demoStep) met(got demoResult) bool {
	return got.word == s.want.word && (s.want.shown == "" || got.shown == s.want.shown)
}

const (
	demoAddress = "alice@example.org"
	demoNumber  = "+86 138 1234 5678"
	demoSubject = "hello from the demo"
)

// A demoTour is the story of one account.
type demoTour struct {
	*demoSite
	browser *demoBrowser
	main    string // alice's main password
	app     string // her app password, grouped as people see it
	id      store.AppPasswordID
	log     []store.Event // of all of it, oldest first
}

func newDemoTour(s *demoSite) (*demoTour, error) {
	browser, err := newDemoBrowser(s.cfg.Portal.URL)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return &demoTour{demoSite: s, browser: browser, main: demoPassword()}, nil
}

// demoPassword makes a main password that can be pasted into a shell and a URL.
func demoPassword() string { return "pw-" + strings.ToLower(rand.Text()[:10]) }

func (t *demoTour) steps() []demoStep {
	imapNo := demoResult{demoRefused, "NO [ALERT] " + t.cfg.Refusal()}
	smtpNo := demoResult{demoRefused, "535 5.7.8 " + t.cfg.Refusal()}
	ok := demoResult{word: demoAccepted}
	return []demoStep{
		{"alice gets an account", demoResult{word: demoDone}, t.addAccount},
		{"IMAP with the main password", ok, t.imapMain},
		{"SMTP with the main password", ok, t.smtpMain},
		{"alice signs in at the portal", ok, t.signIn},
		{"she names her phone and gets a code", demoResult{word: demoSent}, t.giveNumber},
		{"she enters the code: the phone is bound", demoResult{demoDone, "+86 138****5678"}, t.enterCode},
		{"IMAP with the main password", imapNo, t.imapMain},
		{"SMTP with the main password", smtpNo, t.smtpMain},
		{"she makes an app password at the portal", demoResult{word: demoDone}, t.makeAppPassword},
		{"IMAP with the app password", ok, t.imapApp},
		{"SMTP with the app password: send a mail", demoResult{word: demoSent}, func(ctx context.Context) (demoResult, error) {
			return t.send(ctx, demoAddress, t.app, demoSubject)
		}},
		{"IMAP with the app password: read it", demoResult{demoFound, "Subject: " + demoSubject}, func(ctx context.Context) (demoResult, error) {
			return t.read(ctx, demoAddress, t.app, demoSubject)
		}},
		{"she revokes the app password", demoResult{word: demoDone}, t.revokeAppPassword},
		{"IMAP with the app password", imapNo, t.imapApp},
		{"SMTP with the app password", smtpNo, func(ctx context.Context) (demoResult, error) {
			return t.smtpLogin(ctx, demoAddress, t.app, nil)
		}},
		{"the event log has all of it", demoResult{word: "complete"}, t.readEvents},
	}
}

func (t *demoTour) imapMain(ctx context.Context) (demoResult, error) {
	return t.imapLogin(ctx, demoAddress, t.main, nil)
}

func (t *demoTour) smtpMain(ctx context.Context) (demoResult, error) {
	return t.smtpLogin(ctx, demoAddress, t.main, nil)
}

func (t *demoTour) imapApp(ctx context.Context) (demoResult, error) {
	return t.imapLogin(ctx, demoAddress, t.app, nil)
}

func (t *demoTour) addAccount(ctx context.Context) (demoResult, error) {
	password := admin.Password{Secret: secret.New(t.main)}
	made, err := t.admin.AccountAdd(ctx, admin.AccountAdd{Address: demoAddress, Password: &password})
	if err != nil {
		return demoResult{}, err
	}
	return demoResult{demoDone, made.Address + ", main password " + t.main}, nil
}
