package daemon

import (
	"context"
	"errors"
	"slices"

	"github.com/latchkey-mail/latchkey/store"
)

// known is what the present database tells of one account of the backup.
type known struct {
	account  *store.Account // nil: there is none, or it is not known
	deleted  bool
	unknown  bool // something cannot be read
	phone    *store.Phone
	apps     map[store.AppPasswordID]store.AppPassword
	except   *store.Exception
	expected *store.ExpectedPhone
	codes    *store.RecoveryCodes
	state    store.CodeState
	userdb   *[]store.UserdbField
	taken    []string // aliases of the backup that are nobody's or somebody else's at present
	added    []string // aliases that it has at present, and not in the backup
}

func (r *Restore) lookUp(ctx context.Context, backup *store.Reader, old *present, page []*store.Account) ([]known, error) {
	list := make([]known, len(page))
	if old.store == nil {
		return list, nil
	}
	for i, b := range page {
		had, err := backup.Aliases(b.ID)
		if err != nil {
			return nil, err
		}
		err = old.store.View(ctx, func(rd *store.Reader) error {
			list[i] = look(rd, b, old.sure)
			list[i].lookAliases(rd, b, had, old.sure)
			return nil
		})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			list[i] = known{unknown: true}
		}
	}
	return list, nil
}

// look reads all that decides about one account. What cannot be read is left out
// and makes the account an unknown one.
func look(rd *store.Reader, b *store.Account, sure bool) known {
	a, err := rd.Account(b.Address)
	switch {
	case err == nil && a.ID != b.ID: // another one has its address
		return known{deleted: true}
	case errors.Is(err, store.ErrNoAccount):
		return known{deleted: sure, unknown: !sure}
	case err != nil:
		return known{unknown: true}
	}
	k := known{account: a, apps: map[store.AppPasswordID]store.AppPassword{}}
	k.phone = takeRecord(&k, a.ID, rd.Phone, store.ErrNoPhone)
	k.except = takeRecord(&k, a.ID, rd.Exception, store.ErrNoException)
	k.expected = takeRecord(&k, a.ID, rd.ExpectedPhone, store.ErrNoExpectedPhone)
	k.codes = takeRecord(&k, a.ID, rd.RecoveryCodes, store.ErrNoRecoveryCodes)
	if state := takeRecord(&k, a.ID, rd.CodeState, nil); state != nil {
		k.state = *state
	}
	k.userdb = takeRecord(&k, a.ID, func(store.AccountID) ([]store.UserdbField, error) { return rd.Userdb(a) }, nil)
	for _, row := range a.AppPasswords {
		if row.State == store.Live {
			continue
		}
		if p, err := rd.AppPassword(a.ID, row.ID); err == nil {
			k.apps[row.ID] = p
		} // else the row has the last word, and it says that it ended
	}
	return k
}

// lookAliases looks where the names lead at present that the account had. That of an
// account that is not there stays its own, unless somebody else has it.
func (k *known) lookAliases(rd *store.Reader, b *store.Account, had []store.Alias, sure bool) {
	for _, x := range had {
		a, err := rd.Named(x.Name)
		switch {
		case err == nil && a.ID != b.ID, errors.Is(err, store.ErrNoAccount) && k.account != nil && sure:
			k.taken = append(k.taken, x.Name)
		case err != nil && !errors.Is(err, store.ErrNoAccount):
			k.unknown = true
		}
	}
	if k.account == nil {
		return
	}
	has, err := rd.Aliases(k.account.ID)
	if err != nil {
		k.unknown = true
	}
	for _, x := range has {
		if !slices.ContainsFunc(had, func(y store.Alias) bool { return y.Name == x.Name }) {
			k.added = append(k.added, x.Name)
		}
	}
}

// takeRecord reads one record; nil: there is none (the error is none), or it cannot
// be read.
func takeRecord[T any](k *known, id store.AccountID, read func(store.AccountID) (T, error), none error) *T {
	record, err := read(id)
	if err == nil {
		return &record
	}
	if none == nil || !errors.Is(err, none) {
		k.unknown = true
	}
	return nil
}
