package accounts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// scramKeys are one new app password's keys for SCRAM, and what they are derived
// with. Without a salt there are none.
type scramKeys struct {
	salt       []byte
	iterations int
	keys       []byte
}

// deriveSCRAM makes the keys of an app password's letters, for both forms in which
// a person may type them: SCRAM compares to the letter. It takes a few
// milliseconds, so it is done outside of the transaction that adds them.
//
// Where the account's keys are damaged, it makes none: the app password works
// without SCRAM all the same, and what is there is left for a backup to mend. That
// there is no such account is for the transaction to say.
func (s *Service) deriveSCRAM(ctx context.Context, address string, letters [16]byte) (scramKeys, error) {
	account, have, err := s.Store.SCRAM(ctx, address)
	switch {
	case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrNoAccount):
		return scramKeys{}, nil
	case err != nil:
		return scramKeys{}, explain(err)
	}
	k := scramKeys{salt: have.Salt, iterations: int(have.Iterations)}
	if k.salt == nil {
		salt := s.Keys.SCRAMSalt(account.Address)
		k.salt, k.iterations = salt[:], sasl.SCRAMIterations
	}
	for _, form := range [...]string{string(letters[:]), secret.GroupAppPassword(letters)} {
		key, err := sasl.DeriveSCRAM(form, k.salt, k.iterations)
		if err != nil {
			return scramKeys{}, fmt.Errorf("accounts: %w", err)
		}
		k.keys = append(k.keys, key[:]...)
	}
	return k, nil
}

// putSCRAM adds the keys of a new app password to the account's.
func (c *change) putSCRAM(id store.AppPasswordID, k scramKeys) error {
	if k.salt == nil {
		return nil
	}
	all, err := c.SCRAMKeys(c.account.ID)
	switch {
	case errors.Is(err, store.ErrDamaged):
		return nil // as deriveSCRAM
	case errors.Is(err, store.ErrNoSCRAMKeys):
		all = store.SCRAMKeys{Salt: k.salt, Iterations: uint32(k.iterations)}
	case err != nil:
		return err
	case !bytes.Equal(all.Salt, k.salt) || int(all.Iterations) != k.iterations:
		return errors.New("the account was made anew meanwhile") // nothing else changes its salt
	}
	// Of what the account has no row of any more, nothing stays.
	all.Rows = slices.DeleteFunc(all.Rows, func(r store.SCRAMRow) bool {
		return !slices.ContainsFunc(c.account.AppPasswords, func(row store.AppPasswordRow) bool { return row.ID == r.ID })
	})
	all.Rows = append(all.Rows, store.SCRAMRow{ID: id, Keys: k.keys})
	return c.PutSCRAMKeys(c.account.ID, all)
}
