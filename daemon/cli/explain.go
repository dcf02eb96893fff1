package cli

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
)

const explainLong = `Say in words what would be decided about a login, and why: how the account stands,
what its main password and each of its app passwords would get at SERVICE (imap,
pop3, smtp, sieve, or whatever your mail server says), what a refused mail program
is told, and the last refusals.

With --password-stdin the secret on standard input is tried as well, by the same
rules as any login. It opens nothing and counts for nothing, but it leaves an event
that names you, and no more than 5 may be tried in a minute on one account or by
one person. Without a secret nothing is left behind.

Whether too many logins wait at the moment is not asked.`

// addrFlag reads an address of the network.
func addrFlag() *flagText {
	return &flagText{kind: "IP", check: func(s string) error {
		if _, err := netip.ParseAddr(s); err != nil {
			return errors.New("wants an address such as 192.0.2.7 or 2001:db8::1")
		}
		return nil
	}}
}

func (a *app) explain() *cobra.Command {
	from := addrFlag()
	var fromStdin bool
	cmd := &cobra.Command{
		Use:   "explain ADDRESS SERVICE",
		Short: "say what would be decided about a login, and why",
		Long:  explainLong,
		Example: `  latchkey explain alice@example.org imap
  latchkey explain alice@example.org smtp --from 192.0.2.7 --password-stdin`,
		Args: takes("ADDRESS", "SERVICE"),
	}
	cmd.Flags().Var(from, "from", "list only refusals from this address's network")
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "try the secret on standard input, one line")
	cmd.RunE = a.asking(func(q *question, args []string) error {
		ask := admin.Explain{Address: args[0], Service: args[1]}
		if from.text != "" {
			ask.From, _ = netip.ParseAddr(from.text) // checked when it was set
		}
		if fromStdin {
			typed, err := a.passwordLine(cmd)
			if err != nil {
				return err
			}
			ask.Password = &admin.Password{Secret: typed}
		}
		e, err := q.Explain(q.ctx, ask)
		if err != nil {
			return about(args[0], err)
		}
		return record(a, e, func(w io.Writer) { a.printExplained(w, &e) })
	})
	return cmd
}

func (a *app) printExplained(w io.Writer, e *admin.Explained) {
	fmt.Fprintf(w, "%s, %s\n", e.Address, printable(e.Service))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(key, text string) { fmt.Fprintf(t, "  %s\t%s\n", key, text) }
	a.accountLines(line, &e.Account)
	if e.Scope == store.ScopeAll.String() {
		line("needs", "an app password made for everything: latchkey does not know this service by name")
	} else {
		line("needs", "an app password made for "+e.Scope)
	}
	_ = t.Flush()

	fmt.Fprintln(w)
	rows := make([][]string, 0, len(e.Secrets))
	for i := range e.Secrets {
		s := &e.Secrets[i]
		rows = append(rows, []string{secretWords(s), outcomeWords(s.Outcome), a.because(s, e)})
	}
	table(w, "WITH|A LOGIN|BECAUSE", rows)

	fmt.Fprintf(w, "\na refused mail program is told:\n  %s\n", printable(e.Refusal))
	if e.Rehearsal != nil {
		fmt.Fprintf(w, "\nthe secret that was tried:\n  %s\n", rehearsedWords(e))
	}
	a.printRefusals(w, e)
}

func (a *app) accountLines(line func(key, text string), s *admin.AccountState) {
	if s.Disabled {
		line("account", "disabled: nobody can log in, mail is still delivered")
	} else {
		line("account", "active")
	}
	if s.Bound.IsZero() {
		line("phone", "none bound")
	} else {
		line("phone", s.Phone+", bound since "+a.moment(s.Bound))
	}
	switch {
	case s.RequiredFrom.IsZero() && !s.Required:
	case s.Required:
		line("two-step", "required since "+a.moment(s.RequiredFrom)+" of "+domainOf(s.Address))
	case s.RequiredFrom.After(a.now()):
		line("two-step", "required of "+domainOf(s.Address)+" from "+a.moment(s.RequiredFrom))
	default:
		line("two-step", "required of "+domainOf(s.Address)+" since "+a.moment(s.RequiredFrom)+", but not of this account")
	}
	if x := s.Exception; x != nil {
		over := ""
		if s.ExemptUntil.IsZero() {
			over = " (over)"
		}
		line("exception", fmt.Sprintf("until %s%s, by %s: %s", a.moment(x.Until), over, printable(string(x.By)), printable(x.Reason)))
	}
	if len(s.Damaged) > 0 {
		line("damaged", printable(strings.Join(s.Damaged, ", ")))
	}
}

func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return domain
}

func secretWords(s *admin.Prospect) string {
	switch s.Secret {
	case admin.SecretMain:
		return "main password"
	case admin.SecretApp:
		return "app password " + s.AppPassword.ID.String()
	default:
		return "anything else"
	}
}

func outcomeWords(o store.Outcome) string {
	switch o {
	case store.Accepted:
		return "passes"
	case store.Rejected:
		return "is refused"
	default:
		return "is put off"
	}
}

// because is why a secret gets its outcome, and by what its owner knows it.
func (a *app) because(s *admin.Prospect, e *admin.Explained) string {
	text := reasonWords(s.Reason)
	p := s.AppPassword
	if p == nil {
		return text
	}
	switch s.Reason {
	case store.ReasonAppPassword:
		text = "it is made for " + scopesWords(p.Scopes)
		if !p.Expires.IsZero() {
			text += ", until " + a.moment(p.Expires)
		}
	case store.ReasonScope:
		text = "it is made for " + scopesWords(p.Scopes) + ", not for " + printable(e.Service)
	case store.ReasonRevoked, store.ReasonExpired:
		text += " on " + a.moment(p.Ended)
		if p.EndedBy != "" {
			text += " by " + printable(string(p.EndedBy))
		}
		text += ": it is recognised, and does not count as a guess"
	}
	if p.Name != "" {
		text += " (" + printable(p.Name) + ")"
	}
	return text
}

func scopesWords(s store.Scopes) string {
	if s == store.ScopeAll {
		return "everything"
	}
	return strings.ReplaceAll(s.String(), ",", ", ")
}

// reasonWords is a reason in words that follow "because". The list is that of
// store.Reasons.
func reasonWords(r store.Reason) string {
	switch r {
	case store.ReasonAppPassword:
		return "it is an app password, and live"
	case store.ReasonMainPassword:
		return "no phone is bound, and two-step verification is not required of this account"
	case store.ReasonCode:
		return "the code was right"
	case store.ReasonRecoveryCode:
		return "the recovery code was right"
	case store.ReasonHelpdeskCode:
		return "the helpdesk's one-time code was right"
	case store.ReasonTrustedDevice:
		return "the browser is trusted"
	case store.ReasonWrongSecret:
		return "it is no secret of this account"
	case store.ReasonUnknownAccount:
		return "there is no such account"
	case store.ReasonDisabled:
		return "the account is disabled"
	case store.ReasonPhoneBound:
		return "a phone is bound: mail programs need an app password"
	case store.ReasonEnforced:
		return "two-step verification is required: mail programs need an app password, after a phone is bound at the portal"
	case store.ReasonNoMainPassword:
		return "the account has no main password"
	case store.ReasonRevoked:
		return "it was revoked"
	case store.ReasonExpired:
		return "it expired"
	case store.ReasonScope:
		return "it is not made for this service"
	case store.ReasonMalformed:
		return "the mail program did not keep to the mechanism's grammar"
	case store.ReasonUnsecured:
		return "the password came unencrypted to the mail server, and require_secured is set"
	case store.ReasonAuthz:
		return "somebody wanted to act as somebody else"
	case store.ReasonCredentialGone:
		return "what it had logged in with had ended a moment later"
	case store.ReasonWrongCode:
		return "the code was wrong"
	case store.ReasonCodeExpired:
		return "the code was too old"
	case store.ReasonCodeClosed:
		return "there had been too many wrong codes in a row"
	case store.ReasonThrottled:
		return "too many tries had failed before"
	case store.ReasonBusy:
		return "too many passwords waited to be hashed"
	case store.ReasonStoreUnavailable:
		return "the database could not be read"
	case store.ReasonDamaged:
		return "a record of the account is damaged: latchkey check names it"
	default:
		return words(r.String())
	}
}

// rehearsedWords says what was tried and what came of it.
func rehearsedWords(e *admin.Explained) string {
	r := e.Rehearsal
	what, why := "", reasonWords(r.Reason)
	switch r.Matched {
	case admin.SecretMain:
		what = "is the main password, and"
	case admin.SecretApp:
		what = "is app password " + printable(r.Credential) + ", and"
		if name := appPasswordName(e, r.Credential); name != "" {
			what = fmt.Sprintf("is app password %s (%s), and", printable(r.Credential), printable(name))
		}
	case admin.SecretOther:
		return "is no secret of this account: a login with it is refused"
	default:
		if r.Outcome == store.Rejected {
			what, why = "is no app password of this account, and", why+"; so it was not compared with the main password"
		}
	}
	switch r.Outcome {
	case store.Accepted:
		return what + " passes"
	case store.Rejected:
		return what + " is refused: " + why
	default:
		return "could not be decided on: " + why + "; a mail program is told to try again later, and keeps its password"
	}
}

func appPasswordName(e *admin.Explained, id string) string {
	for _, s := range e.Secrets {
		if s.AppPassword != nil && s.AppPassword.ID.String() == id {
			return s.AppPassword.Name
		}
	}
	return ""
}

func (a *app) printRefusals(w io.Writer, e *admin.Explained) {
	where := ""
	if e.From.IsValid() {
		where = " from the network of " + e.From.String()
	}
	if len(e.Refusals) == 0 {
		fmt.Fprintf(w, "\nno login was refused lately%s\n", where)
		return
	}
	fmt.Fprintf(w, "\nrefused lately%s:\n", where)
	rows := make([][]string, 0, len(e.Refusals))
	for i := range e.Refusals {
		r := &e.Refusals[i]
		rows = append(rows, []string{"  " + a.moment(r.Last), printable(r.Service), place(r.Addr), refusalWords(r)})
	}
	table(w, "  TIME|SERVICE|FROM|BECAUSE", rows)
}

func refusalWords(e *store.Event) string {
	text := reasonWords(e.Reason)
	if e.Outcome == store.Undecided {
		text = "(put off) " + text
	}
	if e.Credential != "" && !strings.HasPrefix(e.Credential, "main-") {
		text += ", app password " + printable(e.Credential)
	}
	if e.ClientID != "" {
		text += ", program " + printable(e.ClientID)
	}
	if e.Count > 1 {
		text += fmt.Sprintf(", %d times", e.Count)
	}
	return text
}
