package accounts

import (
	"context"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// SchemePage says how the main passwords of a page of accounts are kept.
type SchemePage struct {
	Schemes   map[string]int `json:"schemes"`             // accounts by secret.SchemeOf
	Addresses []string       `json:"addresses,omitempty"` // those of the scheme that was asked for
	Damaged   []string       `json:"damaged,omitempty"`   // addresses whose record cannot be read
	Next      string         `json:"next,omitempty"`      // the page behind starts after it; "": this is the last one
}

// Schemes looks at the accounts whose addresses stand strictly behind after, at
// most MaxPage of them. scheme, unless "", is one whose addresses are wanted, too.
func (s *Service) Schemes(ctx context.Context, after, scheme string) (SchemePage, error) {
	cost := s.hashCost()
	page := SchemePage{Schemes: make(map[string]int)}
	var found []*store.Account
	err := s.Store.View(ctx, func(r *store.Reader) (err error) {
		found, err = r.Accounts(after, MaxPage)
		page.Damaged, err = damagedAddresses(err)
		return err
	})
	if err != nil {
		return SchemePage{}, explain(err)
	}
	for _, account := range found {
		kept := secret.SchemeOf(account.MainHash, cost)
		page.Schemes[kept]++
		if kept == scheme {
			page.Addresses = append(page.Addresses, account.Address)
		}
	}
	page.Next = nextPage(found, page.Damaged, MaxPage)
	return page, nil
}

// hashCost is what new hashes cost.
func (s *Service) hashCost() secret.Cost {
	if s.Cost == (secret.Cost{}) {
		return secret.DefaultCost()
	}
	return s.Cost
}
