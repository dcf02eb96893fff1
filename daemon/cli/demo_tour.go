package cli

import (
	"context"
	"crypto/rand"
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
	main string // alice's main password
	app  string // her app password, grouped as people see it
	id   store.AppPasswordID
	log  []store.Event // of all of it, oldest first
}

func newDemoTour(s *demoSite) *demoTour { return &demoTour{demoSite: s, main: demoPassword()} }

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
		{"alice gets an app password", demoResult{word: demoDone}, t.addAppPassword},
		{"alice binds her phone", demoResult{demoDone, "+86 138****5678"}, t.bindPhone},
		{"IMAP with the main password", imapNo, t.imapMain},
		{"SMTP with the main password", smtpNo, t.smtpMain},
		{"IMAP with the app password", ok, t.imapApp},
		{"SMTP with the app password: send a mail", demoResult{word: demoSent}, func(ctx context.Context) (demoResult, error) {
			return t.send(ctx, demoAddress, t.app, demoSubject)
		}},
		{"IMAP with the app password: read it", demoResult{demoFound, "Subject: " + demoSubject}, func(ctx context.Context) (demoResult, error) {
			return t.read(ctx, demoAddress, t.app, demoSubject)
		}},
		{"the app password is revoked", demoResult{word: demoDone}, t.revoke},
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

func (t *demoTour) addAppPassword(ctx context.Context) (demoResult, error) {
	made, err := t.admin.AppPasswordAdd(ctx, admin.AppPasswordAdd{Address: demoAddress, Name: "phone"})
	if err != nil {
		return demoResult{}, err
	}
	t.id, t.app = made.ID, demoGroups(made.Secret.Secret)
	return demoResult{demoDone, t.app}, nil
}

// demoGroups writes the 16 letters as people see them.
func demoGroups(s secret.Secret) string {
	letters, _ := secret.FoldAppPassword(s.Reveal())
	return secret.GroupAppPassword(letters)
}

func (t *demoTour) bindPhone(ctx context.Context) (demoResult, error) {
	bound, err := t.admin.PhoneBind(ctx, admin.PhoneBind{Address: demoAddress, Number: demoNumber})
	if err != nil {
		return demoResult{}, err
	}
	return demoResult{demoDone, bound.Phone}, nil
}

func (t *demoTour) revoke(ctx context.Context) (demoResult, error) {
	_, err := t.admin.AppPasswordRevoke(ctx, admin.AppPasswordRevoke{Address: demoAddress, ID: t.id})
	if err != nil {
		return demoResult{}, err
	}
	return demoResult{word: demoDone}, nil
}
