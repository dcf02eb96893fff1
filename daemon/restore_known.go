package daemon

import (
	"context"
	"errors"

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
	userdb   []store.UserdbField
	aliases  []string
	listed   bool // userdb and aliases are all that there is
}

func (r *Restore) lookUp(ctx context.Context, old *present, page []*store.Account) ([]known, error) {
	list := make([]known, len(page))
	if old.store == nil {
		return list, nil
	}
	for i, b := range page {
		err := old.store.View(ctx, func(rd *store.Reader) error {
			list[i] = look(rd, b, old.sure)
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
	k.userdb, err = rd.Userdb(a)
	aliases, err2 := rd.Aliases(a.ID)
	for _, x := range aliases {
		k.aliases = append(k.aliases, x.Name)
	}
	if k.listed = err == nil && err2 == nil; !k.listed {
		k.unknown = true
	}
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
