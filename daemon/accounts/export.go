package accounts

import (
	"context"
	"errors"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// ExportPage is a page of accounts by address.
type ExportPage struct {
	Accounts []Portable
	Damaged  []string // addresses of which something cannot be read; they are left out
	Next     string   // the page behind starts after it; "": this is the last one
}

// Export is the page of accounts whose addresses stand strictly behind after. Only
// with secrets has it stored passwords and whole phone numbers; the first page of
// those leaves an event.
func (s *Service) Export(ctx context.Context, actor store.Actor, after string, secrets bool) (ExportPage, error) {
	if secrets && after == "" {
		now := s.Now().UTC()
		err := s.Store.Update(ctx, func(w *store.Writer) error {
			return w.PutEvent(store.Event{Time: now, Last: now, Count: 1, Kind: store.EventAccountsExported, Actor: actor, Detail: "with secrets"})
		})
		if err != nil {
			return ExportPage{}, explain(err)
		}
	}
	var page ExportPage
	err := s.Store.View(ctx, func(r *store.Reader) error {
		found, err := r.Accounts(after, MaxPage)
		page = ExportPage{Accounts: make([]Portable, 0, len(found))}
		if page.Damaged, err = damagedAddresses(err); err != nil {
			return err
		}
		page.Next = nextPage(found, page.Damaged, MaxPage)
		for _, account := range found {
			p, err := pack(r, account, secrets)
			if errors.Is(err, store.ErrDamaged) {
				page.Damaged = append(page.Damaged, account.Address)
				continue
			} else if err != nil {
				return err
			}
			page.Accounts = append(page.Accounts, p)
		}
		return nil
	})
	if err != nil {
		return ExportPage{}, explain(err)
	}
	return page, nil
}

func pack(r *store.Reader, account *store.Account, secrets bool) (Portable, error) {
	p := Portable{Address: account.Address, Disabled: account.Disabled}
	aliases, err := r.Aliases(account.ID)
	if err != nil {
		return p, err
	}
	for _, x := range aliases {
		p.Aliases = append(p.Aliases, x.Name)
	}
	if p.Userdb, err = r.Userdb(account); err != nil || !secrets {
		return p, err
	}
	p.Password = secret.New(account.MainHash)
	expected, err := r.ExpectedPhone(account.ID)
	if errors.Is(err, store.ErrNoExpectedPhone) {
		return p, nil
	}
	p.Phone = expected.Number
	return p, err
}
