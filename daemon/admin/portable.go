package admin

import (
	"context"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// Portable is an account that comes from another system or goes to one.
type Portable struct {
	Address  string              `json:"address"`
	Password *Password           `json:"password,omitempty"` // stored, with its scheme
	Userdb   []store.UserdbField `json:"userdb,omitempty"`
	Phone    string              `json:"phone,omitempty"`
	Aliases  []string            `json:"aliases,omitempty"`
	Disabled bool                `json:"disabled,omitempty"`
}

// Import brings a page of accounts, at most accounts.MaxImport.
type Import struct {
	Accounts []Portable `json:"accounts"`
	DryRun   bool       `json:"dry_run,omitempty"`
	SkipBad  bool       `json:"skip_bad,omitempty"`
}

// maxBody is that of an import: a page of accounts with all their fields full is
// larger, and has to be sent in smaller ones.
func (Import) maxBody() int64 { return 16 << 20 }

func (h *Handler) importAccounts(ctx context.Context, q Import) (accounts.Imported, error) {
	if len(q.Accounts) > accounts.MaxImport {
		return accounts.Imported{}, badRequest("there are more than 5,000 accounts in one page")
	}
	in := accounts.Import{Rows: make([]accounts.Portable, len(q.Accounts)), DryRun: q.DryRun, SkipBad: q.SkipBad}
	for i, p := range q.Accounts {
		in.Rows[i] = accounts.Portable{Address: p.Address, Userdb: p.Userdb, Phone: p.Phone, Aliases: p.Aliases, Disabled: p.Disabled}
		if p.Password != nil {
			in.Rows[i].Password = p.Password.Secret
		}
	}
	who := identity(ctx).Actor
	done, err := h.accounts.Import(ctx, who, in)
	if err == nil && done.Added > 0 && !q.DryRun {
		h.log.Info("changed", "what", "account/import", "accounts", done.Added, "actor", who)
	}
	return done, err
}

// Export asks for a page of accounts.
type Export struct {
	After       string `json:"after,omitempty"` // Next of the page before
	WithSecrets bool   `json:"with_secrets,omitempty"`
}

// Exported is the answer.
type Exported struct {
	Accounts []Portable `json:"accounts"`
	Damaged  []string   `json:"damaged,omitempty"` // addresses
	Next     string     `json:"next,omitempty"`    // "": this is the last page
}

func (h *Handler) exportAccounts(ctx context.Context, q Export) (Exported, error) {
	who := identity(ctx).Actor
	page, err := h.accounts.Export(ctx, who, q.After, q.WithSecrets)
	if err != nil {
		return Exported{}, err
	}
	if q.WithSecrets && q.After == "" {
		h.log.Info("changed", "what", "account/export", "secrets", true, "actor", who)
	}
	answer := Exported{Accounts: make([]Portable, len(page.Accounts)), Damaged: page.Damaged, Next: page.Next}
	for i, p := range page.Accounts {
		answer.Accounts[i] = Portable{Address: p.Address, Userdb: p.Userdb, Phone: p.Phone, Aliases: p.Aliases, Disabled: p.Disabled}
		if !p.Password.IsZero() {
			answer.Accounts[i].Password = &Password{p.Password}
		}
	}
	return answer, nil
}
