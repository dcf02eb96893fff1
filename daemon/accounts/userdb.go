package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
)

// Userdb returns the account's own userdb fields, in the order of their keys.
func (s *Service) Userdb(ctx context.Context, typed string) ([]store.UserdbField, error) {
	name, err := s.address(typed)
	if err != nil {
		return nil, err
	}
	var fields []store.UserdbField
	err = s.Store.View(ctx, func(r *store.Reader) error {
		account, err := find(r, name)
		if err != nil {
			return err
		}
		fields, err = r.Userdb(account)
		return err
	})
	if errors.Is(err, store.ErrDamaged) {
		return nil, damagedUserdb(err)
	}
	return fields, explain(err)
}

// SetUserdb gives an account userdb fields of its own, beside those that it has.
// They stand in the place of what the configuration says for all accounts. A key
// may be written as a passdb would import it, with "userdb_" before it.
func (s *Service) SetUserdb(ctx context.Context, actor store.Actor, typed string, fields []store.UserdbField) error {
	given := make([]store.UserdbField, 0, len(fields))
	for _, f := range fields {
		f.Key = strings.TrimPrefix(f.Key, "userdb_")
		if err := config.CheckUserdbField(f.Key, f.Value); err != nil {
			return fieldError("%s %v", brief(f.Key), err)
		}
		if slices.ContainsFunc(given, func(g store.UserdbField) bool { return g.Key == f.Key }) {
			return fieldError("%s is given twice", brief(f.Key))
		}
		given = append(given, f)
	}
	return s.changeUserdb(ctx, actor, typed, store.EventUserdbSet, func(c *change, own []store.UserdbField) ([]store.UserdbField, error) {
		own = append(without(own, given), given...)
		slices.SortFunc(own, func(a, b store.UserdbField) int { return strings.Compare(a.Key, b.Key) })
		return own, fits(own, c.account.Address)
	})
}

// UnsetUserdb takes fields of its own from an account; those that it does not have
// are no error. Without keys it takes all, and then a damaged record, too.
func (s *Service) UnsetUserdb(ctx context.Context, actor store.Actor, typed string, keys []string) error {
	if len(keys) == 0 {
		return s.change(ctx, actor, typed, func(c *change) error {
			if !c.account.OwnUserdb {
				return nil
			}
			return errors.Join(c.PutUserdb(c.account, nil), c.event(store.EventUserdbUnset, "", "all"))
		})
	}
	gone := make([]store.UserdbField, len(keys))
	for i, key := range keys {
		gone[i].Key = strings.TrimPrefix(key, "userdb_")
	}
	return s.changeUserdb(ctx, actor, typed, store.EventUserdbUnset, func(_ *change, own []store.UserdbField) ([]store.UserdbField, error) {
		return without(own, gone), nil
	})
}

// changeUserdb writes what fn makes of the fields, if that is anything else. The
// event names the keys that changed.
func (s *Service) changeUserdb(ctx context.Context, actor store.Actor, typed string, kind store.EventKind,
	fn func(c *change, own []store.UserdbField) ([]store.UserdbField, error)) error {
	return s.change(ctx, actor, typed, func(c *change) error {
		before, err := c.Userdb(c.account)
		if errors.Is(err, store.ErrDamaged) {
			return damagedUserdb(err)
		} else if err != nil {
			return err
		}
		after, err := fn(c, slices.Clone(before))
		if err != nil || slices.Equal(before, after) {
			return err
		}
		return errors.Join(c.PutUserdb(c.account, after), c.event(kind, "", differing(before, after)))
	})
}

// without drops the fields whose keys are among others'.
func without(fields, others []store.UserdbField) []store.UserdbField {
	return slices.DeleteFunc(fields, func(f store.UserdbField) bool {
		return slices.ContainsFunc(others, func(o store.UserdbField) bool { return o.Key == f.Key })
	})
}

// differing lists the keys of the fields that are not in both.
func differing(before, after []store.UserdbField) string {
	var keys []string
	for _, f := range slices.Concat(after, before) {
		if (!slices.Contains(before, f) || !slices.Contains(after, f)) && !slices.Contains(keys, f.Key) {
			keys = append(keys, f.Key)
		}
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

// fits wants the fields to be within their bounds, filled in, too: an answer that
// is too long for the protocol would close the account's mailbox.
func fits(fields []store.UserdbField, address string) error {
	written, filled := 0, 0
	for _, f := range fields {
		written += len(f.Key) + len(f.Value)
		filled += len(f.Key) + len(config.Template(f.Value).Expand(address))
		if len(f.Key) > store.MaxUserdbKey || len(f.Value) > store.MaxUserdbValue {
			return fieldError("%s or its value is too long: at most %d and %d bytes", brief(f.Key), store.MaxUserdbKey, store.MaxUserdbValue)
		}
	}
	if len(fields) > store.MaxUserdbFields || max(written, filled) > store.MaxUserdbBytes {
		return fieldError("an account may have %d fields of its own, of %d bytes together", store.MaxUserdbFields, store.MaxUserdbBytes)
	}
	return nil
}

func fieldError(format string, args ...any) error {
	return &Error{Kind: ErrField, Sentence: fmt.Sprintf(format, args...)}
}

// brief is the beginning of a key from outside, fit for a sentence.
func brief(key string) string {
	const most = 64
	if len(key) > most {
		key = key[:most] + "…"
	}
	return fmt.Sprintf("%q", Printable(key))
}

// damagedUserdb says how this one is mended without a backup.
func damagedUserdb(cause error) error {
	return &Error{Kind: ErrDamaged, Sentence: "the account's own userdb fields are damaged",
		Hint: "restore the database from a backup, or unset them all and set them anew", Cause: cause}
}
