package cli

import (
	"context"
	"fmt"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// The steps of the tour that alice does herself, with a browser at the portal.

func (t *demoTour) signIn(ctx context.Context) (demoResult, error) {
	if err := t.browser.open(ctx, "/"); err != nil {
		return demoResult{}, err
	}
	err := t.browser.submit(ctx, "/sign-in", map[string]string{"address": demoAddress, "password": t.main})
	if err != nil {
		return demoResult{}, err
	}
	return demoResult{demoAccepted, t.browser.at.String()}, nil
}

// giveNumber asks for a code; what arrives on the phone is shown.
func (t *demoTour) giveNumber(ctx context.Context) (demoResult, error) {
	if err := t.browser.open(ctx, "/phone/bind"); err != nil {
		return demoResult{}, err
	}
	if err := t.browser.submit(ctx, "/phone/bind", map[string]string{"number": demoNumber}); err != nil {
		return demoResult{}, err
	}
	messages := t.phone.Messages()
	if len(messages) != 1 {
		return demoResult{demoMissing, t.browser.text("main")}, nil
	}
	return demoResult{demoSent, messages[0].Text()}, nil
}

func (t *demoTour) enterCode(ctx context.Context) (demoResult, error) {
	code, err := t.phone.code(ctx)
	if err != nil {
		return demoResult{}, err
	}
	if err := t.browser.submit(ctx, "/phone/bind/code", map[string]string{"code": code}); err != nil {
		return demoResult{}, err
	}
	shown, err := t.admin.PhoneShow(ctx, demoAddress)
	if err != nil {
		return demoResult{}, err
	}
	return demoResult{demoDone, shown.Number}, nil
}

// makeAppPassword reads the letters off the page, the only place that has them.
func (t *demoTour) makeAppPassword(ctx context.Context) (demoResult, error) {
	if err := t.browser.open(ctx, "/app-passwords/new"); err != nil {
		return demoResult{}, err
	}
	if err := t.browser.submit(ctx, "/app-passwords/new", map[string]string{"name": "phone", "expires": "0"}); err != nil {
		return demoResult{}, err
	}
	letters, ok := secret.FoldAppPassword(t.browser.text("letters"))
	if !ok {
		return demoResult{demoMissing, t.browser.text("main")}, nil
	}
	list, err := t.admin.AppPasswordList(ctx, demoAddress)
	if err != nil {
		return demoResult{}, err
	}
	for _, p := range list.AppPasswords {
		if p.State == store.Live {
			t.id = p.ID
		}
	}
	t.app = secret.GroupAppPassword(letters)
	return demoResult{demoDone, t.app}, nil
}

func (t *demoTour) revokeAppPassword(ctx context.Context) (demoResult, error) {
	path := fmt.Sprintf("/app-passwords/%s/revoke", t.id)
	if err := t.browser.open(ctx, path); err != nil {
		return demoResult{}, err
	}
	if err := t.browser.submit(ctx, path, nil); err != nil {
		return demoResult{}, err
	}
	return demoResult{word: demoDone}, nil
}

// demoURL is where browsers find the portal: plain HTTP, which they allow on this
// machine only.
func demoURL(port string) string { return "http://127.0.0.1:" + port + "/" }
