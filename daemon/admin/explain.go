package admin

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
)

// Explain asks what would be decided about a login, and why. With Password it
// rehearses one with that secret, which leaves an event.
type Explain struct {
	Address  string     `json:"address"`
	Service  string     `json:"service"`       // as a mail server says it: "imap"
	From     netip.Addr `json:"from,omitzero"` // of the person's machine: only refusals from its network are listed
	Password *Password  `json:"password,omitempty"`
}

// Explained is the answer. It holds no secret.
type Explained struct {
	Address   string        `json:"address"` // as the account is called
	Service   string        `json:"service"`
	Scope     string        `json:"scope"` // what an app password must be made for: "imap", or "all"
	From      netip.Addr    `json:"from,omitzero"`
	Account   AccountState  `json:"account"`
	Secrets   []Prospect    `json:"secrets"`
	Refusal   string        `json:"refusal"`             // what a refused mail program is told
	Refusals  []store.Event `json:"refusals"`            // the last few, newest first
	Rehearsal *Rehearsed    `json:"rehearsal,omitempty"` // if asked
}

// AccountState is what the answer depends on.
type AccountState struct {
	accounts.Summary
	Phone        string           `json:"phone,omitempty"` // masked
	Exception    *store.Exception `json:"exception,omitempty"`
	Required     bool             `json:"required"`               // two-step verification, of this account and now
	RequiredFrom time.Time        `json:"required_from,omitzero"` // of its domain; zero: from no day on
	Damaged      []string         `json:"damaged,omitempty"`
}

// SecretKind is what somebody may type into a mail program.
type SecretKind string

// The kinds of secrets.
const (
	SecretMain  SecretKind = "main-password"
	SecretApp   SecretKind = "app-password"
	SecretOther SecretKind = "any-other"
)

// Prospect is what one secret would get.
type Prospect struct {
	Secret      SecretKind            `json:"secret"`
	AppPassword *accounts.AppPassword `json:"app_password,omitempty"` // of SecretApp
	Outcome     store.Outcome         `json:"outcome"`
	Reason      store.Reason          `json:"reason"`
}

// Rehearsed is what the secret that was given got.
type Rehearsed struct {
	Matched    SecretKind    `json:"matched,omitempty"`    // "" if that was not found out
	Credential string        `json:"credential,omitempty"` // id of the app password, or main-<account id>
	Outcome    store.Outcome `json:"outcome"`
	Reason     store.Reason  `json:"reason"`
}

const (
	maxService    = 32 // bytes of a service's name; mail servers' longest has 10
	shownRefusals = 5
	rehearseFor   = 10 * time.Second // at most: a hash waits for its turn
)

func (h *Handler) explain(ctx context.Context, q Explain) (Explained, error) {
	switch {
	case h.Policy == nil:
		return Explained{}, errors.New("admin: nobody here decides about logins")
	case q.Service == "" || len(q.Service) > maxService || accounts.Printable(q.Service) != q.Service:
		return Explained{}, badRequest(`the service is a word such as "imap" or "smtp"`)
	case q.Password != nil && q.Password.IsZero():
		return Explained{}, badRequest("the password is empty")
	}
	q.From = q.From.Unmap().WithZone("")
	shown, err := h.accounts.Show(ctx, q.Address)
	if err != nil {
		return Explained{}, h.unknown(err)
	}
	stands, err := h.accounts.TwoStep(ctx, q.Address)
	if err != nil {
		return Explained{}, err
	}
	e := Explained{
		Address: shown.Address, Service: q.Service, Scope: scopeName(q.Service), From: q.From,
		Account: AccountState{
			Summary: shown.Summary, Phone: shown.Phone, Exception: shown.Exception,
			Required: stands.Required, RequiredFrom: stands.RequiredFrom, Damaged: append(shown.Damaged, stands.Damaged...),
		},
		Refusal: h.accounts.Config().Refusal(),
	}
	attempt := &policy.Attempt{Name: shown.Address, Facts: policy.Facts{
		Service: q.Service, Mechanism: "PLAIN", Addr: q.From, Secured: true, Queue: hasher.Portal,
	}}
	e.Secrets = prospects(h.Policy.Outlook(ctx, attempt), shown)
	if q.Password != nil {
		attempt.Secret = q.Password.Secret
		if e.Rehearsal, err = h.rehearse(ctx, attempt); err != nil {
			return Explained{}, err
		}
	}
	e.Refusals, err = h.refusals(ctx, shown.Address, q.From)
	return e, err
}

// scopeName is what an app password has to be made for to open a service.
func scopeName(service string) string {
	if name := store.ScopeOf(service).String(); name != "" {
		return name
	}
	return store.ScopeAll.String()
}

// unknown adds to "no such account" what its mail program would be told.
func (h *Handler) unknown(err error) error {
	var told *accounts.Error
	if !errors.As(err, &told) || !errors.Is(err, accounts.ErrNoAccount) || told.Hint != "" {
		return err
	}
	with := *told
	with.Hint = "a mail program is told the same as for a wrong password: " + h.accounts.Config().Refusal()
	return &with
}

// prospects joins what policy says with what people know the secrets by.
func prospects(o policy.Outlook, shown *accounts.Account) []Prospect {
	all := []Prospect{{Secret: SecretMain, Outcome: o.Main.Outcome, Reason: o.Main.Reason}}
	if o.Account != nil {
		known := make(map[store.AppPasswordID]*accounts.AppPassword)
		for i := range shown.AppPasswords {
			known[shown.AppPasswords[i].ID] = &shown.AppPasswords[i]
		}
		for i, row := range o.Account.AppPasswords {
			p := known[row.ID]
			if p == nil { // made since
				p = &accounts.AppPassword{AppPassword: store.AppPassword{ID: row.ID, Scopes: row.Scopes, State: row.State, Expires: row.Expires}}
			}
			v := o.AppPasswords[i]
			all = append(all, Prospect{Secret: SecretApp, AppPassword: p, Outcome: v.Outcome, Reason: v.Reason})
		}
	}
	return append(all, Prospect{Secret: SecretOther, Outcome: o.Other.Outcome, Reason: o.Other.Reason})
}

// rehearse tries a secret. The event is there before, and holds what came of it
// before anybody is told, even somebody who has hung up.
func (h *Handler) rehearse(ctx context.Context, a *policy.Attempt) (*Rehearsed, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rehearseFor)
	defer cancel()
	about := a.Service
	if a.Addr.IsValid() {
		about += " from " + a.Addr.String()
	}
	noted, err := h.accounts.BeginRehearsal(ctx, identity(ctx).Actor, a.Name, about)
	if err != nil {
		return nil, err
	}
	v := h.Policy.Rehearse(ctx, a)
	r := &Rehearsed{Outcome: v.Outcome, Reason: v.Reason}
	switch {
	case v.Login.AppPassword != (store.AppPasswordID{}):
		r.Matched, r.Credential = SecretApp, v.Login.Credential()
	case v.Outcome == store.Accepted:
		r.Matched, r.Credential = SecretMain, v.Login.Credential()
	case v.Reason == store.ReasonWrongSecret:
		r.Matched = SecretOther
	}
	h.log.Info("login rehearsed", "account", a.Name, "actor", identity(ctx).Actor, "outcome", v.Outcome, "reason", v.Reason)
	return r, noted.End(context.WithoutCancel(ctx), v.Outcome.String()+", "+v.Reason.String(), r.Credential)
}

// refusals are the last few of an account, from one network if an address is
// given, among its latest events.
func (h *Handler) refusals(ctx context.Context, address string, from netip.Addr) ([]store.Event, error) {
	list := []store.Event{}
	page, err := h.accounts.Events(ctx, accounts.EventQuery{Address: address})
	for _, e := range page {
		if e.Kind.HasOutcome() && e.Outcome != store.Accepted && len(list) < shownRefusals &&
			(!from.IsValid() || policy.Network(from) == policy.Network(e.Addr)) {
			list = append(list, e)
		}
	}
	return list, err
}
