package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// Summary is one line of a list of accounts.
type Summary struct {
	Address      string          `json:"address"`
	ID           store.AccountID `json:"id"`
	Disabled     bool            `json:"disabled"`
	Bound        time.Time       `json:"bound,omitzero"`        // since when a phone is
	ExemptUntil  time.Time       `json:"exempt_until,omitzero"` // zero: no exception in force
	OwnUserdb    bool            `json:"own_userdb,omitempty"`  // has userdb fields of its own
	MainPassword MainPassword    `json:"main_password"`
	Live         int             `json:"app_passwords_live"`
	Aliases      []string        `json:"aliases,omitempty"`

	AliasesDamaged bool `json:"aliases_damaged,omitempty"` // others of them cannot be read
}

// MainPassword says what an account's main password opens in mail programs.
type MainPassword string

// What the main password opens.
const (
	MainOpens    MainPassword = "opens"       // mail programs
	MainNone     MainPassword = "none"        // there is no main password
	MainDisabled MainPassword = "disabled"    // nothing: the account is disabled
	MainBound    MainPassword = "phone-bound" // only the portal
	MainEnforced MainPassword = "enforced"    // only the portal, where a phone has to be bound
)

// Account is an account as an administrator sees it.
type Account struct {
	Summary
	Phone        string           `json:"phone,omitempty"` // masked
	Exception    *store.Exception `json:"exception,omitempty"`
	MainLastUse  *store.LastUse   `json:"main_last_use,omitempty"`
	AppPasswords []AppPassword    `json:"app_passwords"`     // in the order of store.Account
	Damaged      []string         `json:"damaged,omitempty"` // what cannot be read: "phone", "exception", "aliases", "last use"
}

// AppPassword is an app password as people see it. Its state is that of the
// moment of asking.
type AppPassword struct {
	store.AppPassword
	LastUse *store.LastUse `json:"last_use,omitempty"`
	Damaged bool           `json:"damaged,omitempty"` // its name, and who made and ended it, cannot be read
}

// Show is everything about one account but its secrets and its whole phone
// number.
func (s *Service) Show(ctx context.Context, typed string) (*Account, error) {
	name, err := s.address(typed)
	if err != nil {
		return nil, err
	}
	if err := s.flush(ctx, name); err != nil {
		return nil, explain(err)
	}
	var shown *Account
	err = s.Store.View(ctx, func(r *store.Reader) error {
		account, err := find(r, name)
		if err != nil {
			return err
		}
		shown, err = s.show(r, account)
		return err
	})
	if err != nil {
		return nil, explain(err)
	}
	return shown, nil
}

func (s *Service) show(r *store.Reader, a *store.Account) (*Account, error) {
	now := s.Now()
	shown := &Account{Summary: s.summarize(a, now), AppPasswords: []AppPassword{}}
	if !a.Bound.IsZero() {
		p, err := r.Phone(a.ID)
		if err = shown.damage("phone", err); err != nil && !errors.Is(err, store.ErrNoPhone) {
			return nil, err
		}
		shown.Phone = store.MaskNumber(p.Number)
	}
	if !a.ExemptUntil.IsZero() {
		e, err := r.Exception(a.ID)
		if err == nil {
			shown.Exception = &e
		}
		if err = shown.damage("exception", err); err != nil && !errors.Is(err, store.ErrNoException) {
			return nil, err
		}
	}
	if err := shown.aliasNames(r); err != nil {
		return nil, err
	}
	if shown.AliasesDamaged {
		shown.Damaged = append(shown.Damaged, "aliases")
	}
	uses, err := r.LastUses(a.ID)
	if err = shown.damage("last use", err); err != nil {
		return nil, err
	}
	if use, ok := uses[store.MainCredential(a.ID)]; ok {
		shown.MainLastUse = &use
	}
	shown.AppPasswords, err = appPasswords(r, a, uses, now)
	return shown, err
}

// damage notes that a record is damaged, which is no reason not to show the
// others; other errors come back.
func (a *Account) damage(record string, err error) error {
	if !errors.Is(err, store.ErrDamaged) {
		return err
	}
	a.Damaged = append(a.Damaged, record)
	return nil
}

// appPasswords describes the rows of an account.
func appPasswords(r *store.Reader, a *store.Account, uses map[string]store.LastUse, now time.Time) ([]AppPassword, error) {
	all := make([]AppPassword, 0, len(a.AppPasswords))
	for _, row := range a.AppPasswords {
		p, damaged, err := description(r, a.ID, row)
		if err != nil {
			return nil, err
		}
		if row.State == store.Live && !row.Live(now) { // no headstone is written yet
			p.State, p.Ended = store.Expired, row.Expires
		}
		shown := AppPassword{AppPassword: p, Damaged: damaged}
		if use, ok := uses[row.ID.String()]; ok {
			shown.LastUse = &use
		}
		all = append(all, shown)
	}
	return all, nil
}

func (s *Service) summarize(a *store.Account, now time.Time) Summary {
	sum := Summary{Address: a.Address, ID: a.ID, Disabled: a.Disabled, Bound: a.Bound, OwnUserdb: a.OwnUserdb, MainPassword: s.mainPassword(a, now)}
	if a.ExemptUntil.After(now) {
		sum.ExemptUntil = a.ExemptUntil
	}
	for _, row := range a.AppPasswords {
		if row.Live(now) {
			sum.Live++
		}
	}
	return sum
}

// mainPassword tells a person what the main password opens.
func (s *Service) mainPassword(a *store.Account, now time.Time) MainPassword {
	switch a.MainClosed(s.enforced(a, now), now) {
	case store.ReasonDisabled:
		return MainDisabled
	case store.ReasonPhoneBound:
		return MainBound
	case store.ReasonEnforced:
		return MainEnforced
	case store.ReasonNoMainPassword:
		return MainNone
	default:
		return MainOpens
	}
}
