package accounts

import (
	"context"
	"errors"
	"strings"

	"github.com/latchkey-mail/latchkey/store"
)

// MaxPage is how many accounts or events one question returns at most: no read
// of the store stays open for longer.
const MaxPage = 1000

// Page is a page of accounts by address.
type Page struct {
	Accounts []Summary `json:"accounts"`
	Damaged  []string  `json:"damaged,omitempty"` // addresses whose record cannot be read
	Next     string    `json:"next,omitempty"`    // the page behind starts after it; "": this is the last one
}

// List looks at accounts whose addresses stand strictly behind after, at most
// limit of them, damaged ones too; 0 means MaxPage. The page holds those whose
// address has search in it, in whatever case; of many it may hold none, and others
// follow all the same.
func (s *Service) List(ctx context.Context, after string, limit int, search string) (Page, error) {
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	now, search := s.Now(), strings.ToLower(search)
	var page Page
	err := s.Store.View(ctx, func(r *store.Reader) error {
		found, err := r.Accounts(after, limit)
		page = Page{Accounts: []Summary{}}
		if page.Damaged, err = damagedAddresses(err); err != nil {
			return err
		}
		for _, account := range found {
			if !strings.Contains(account.Address, search) {
				continue
			}
			sum := s.summarize(account, now)
			if err := sum.aliasNames(r); err != nil {
				return err
			}
			page.Accounts = append(page.Accounts, sum)
		}
		page.Next = nextPage(found, page.Damaged, limit)
		return nil
	})
	if err != nil {
		return Page{}, explain(err)
	}
	return page, nil
}

// nextPage is the last address of a full page, "" if it is not full and so the
// last.
func nextPage(found []*store.Account, damaged []string, limit int) string {
	if len(found)+len(damaged) < limit {
		return ""
	}
	next := ""
	if n := len(found); n > 0 {
		next = found[n-1].Address
	}
	if n := len(damaged); n > 0 {
		next = max(next, damaged[n-1])
	}
	return next
}

// damagedAddresses takes apart what Reader.Accounts joins: the addresses of the
// accounts that are damaged, or an error that is something else.
func damagedAddresses(err error) ([]string, error) {
	if err == nil {
		return nil, nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil, err
	}
	var damaged []string
	for _, one := range joined.Unwrap() {
		var account *store.DamagedAccountError
		if !errors.As(one, &account) {
			return nil, err
		}
		damaged = append(damaged, account.Address)
	}
	return damaged, nil
}
