package portal

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// maxShownName bounds what a refused sign-in shows again in the address field.
const maxShownName = 320

// signInRoutes are the first step. The form has no token: there is no session
// yet that it could hang on.
func (s *Server) signInRoutes() []route {
	return []route{
		{method: http.MethodGet, path: pathSignIn, who: stranger, handle: s.showSignIn},
		{method: http.MethodPost, path: pathSignIn, who: anyone, fields: []string{"address", "password"}, tokenless: true, handle: s.saveSignIn},
	}
}

// signInView is what the sign-in page shows.
type signInView struct {
	Address string // as it was typed
}

func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request, _ *visit) {
	s.render(w, r, http.StatusOK, "sign_in", signInView{})
}

// saveSignIn asks whether the main password is right. Unknown, disabled and
// wrong are one page at one age, so that nobody learns which accounts exist; and
// "could not tell" is of that age, too.
func (s *Server) saveSignIn(w http.ResponseWriter, r *http.Request, v *visit) {
	leave, room := s.room.enter(v.browser.Network)
	if !room {
		s.errorPage(w, r, http.StatusServiceUnavailable, "error.try_again")
		return
	}
	verdict := s.checkPassword(r.Context(), v, v.form["address"], v.form["password"])
	if verdict.Outcome == store.Accepted {
		leave() // what follows may wait for a message to be sent
		s.begin(w, r, v, verdict)
		return
	}
	defer leave()
	s.refuseSignIn(w, r, v, verdict)
}

// begin lets in who gave the right password.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, v *visit, verdict policy.Verdict) {
	err := s.startSession(w, r, v, verdict)
	switch {
	case err == nil:
		return
	case errors.Is(err, accounts.ErrSignedOut): // the account changed since
		verdict.Outcome = store.Rejected
	default:
		s.Log.Error("portal: failed", "path", logPath(r), "error", err)
		verdict.Outcome = store.Undecided
	}
	s.refuseSignIn(w, r, v, verdict)
}

// refuseSignIn shows the sign-in page again, once it is as old as all such pages.
func (s *Server) refuseSignIn(w http.ResponseWriter, r *http.Request, v *visit, verdict policy.Verdict) {
	if s.age(r.Context(), v.arrived) {
		status := v.refuse(verdict, "failure.sign_in")
		s.render(w, r, status, "sign_in", signInView{Address: echoed(v.form["address"])})
	}
}

// refuse puts above the page what came of a password that did not pass; what
// was not decided is never told as "wrong".
func (v *visit) refuse(verdict policy.Verdict, key string) int {
	if verdict.Outcome == store.Undecided {
		v.tell(message{Key: "error.try_again"})
		return http.StatusServiceUnavailable
	}
	v.tell(message{Key: key})
	return http.StatusForbidden
}

// echoed is what was typed, if it can have been an address.
func echoed(typed string) string {
	if len(typed) > maxShownName {
		return ""
	}
	return typed
}

// checkPassword brings the attempt to policy and its verdict on record.
func (s *Server) checkPassword(ctx context.Context, v *visit, typed, password string) policy.Verdict {
	auth := s.Config().Auth
	name, _ := sasl.PrepareName(typed, auth.DefaultDomain) // what cannot be prepared is nobody's name
	a := &policy.Attempt{Name: name, Secret: secret.New(password), Facts: policy.Facts{
		Service:   store.ServicePortal,
		Mechanism: "PASSWORD",
		Addr:      v.browser.Addr,
		Secured:   true, // [portal] takes plain HTTP from this machine and named proxies only
		Queue:     hasher.Portal,
	}}
	within := v.arrived.Add(policy.HashWithin(time.Duration(auth.FailureDelay)))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within.Sub(s.Now()))
	defer cancel()
	verdict := s.Policy.SignIn(ctx, a)
	s.Audit.Login(policy.Event(&a.Facts, &verdict, v.arrived))
	return verdict
}

// startSession begins the session. Where a code is wanted it is sent at once: this is
// a POST, and the password was right.
func (s *Server) startSession(w http.ResponseWriter, r *http.Request, v *visit, verdict policy.Verdict) error {
	e, err := s.Accounts.StartSession(r.Context(), accounts.SignIn{
		Address:     verdict.Login.Address,
		Account:     verdict.Login.Account,
		Fingerprint: verdict.Login.Fingerprint(),
		Browser:     v.browser,
		Device:      s.readCookie(r, deviceName(verdict.Login.Account)),
		Old:         s.readCookie(r, sessionCookie),
	})
	if err != nil {
		return err
	}
	s.entered(w, v, e)
	if v.stands() == atCode {
		s.sendFirst(w, r, v, store.PurposeSignIn)
	}
	s.redirect(w, r, v.stands().home())
	return nil
}

// sendFirst sends a code and leaves it to the next page to say what came of it.
func (s *Server) sendFirst(w http.ResponseWriter, r *http.Request, v *visit, purpose store.Purpose) {
	_, err := s.Accounts.SendCode(r.Context(), *v.session, purpose, "", v.browser)
	if err == nil {
		return
	}
	_, m, known := told(err)
	if !known {
		s.Log.Error("portal: failed", "path", logPath(r), "error", err)
		m = message{Key: "error.try_again"}
	}
	s.tellNext(w, m)
}
