package accounts

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Bounds of a main password: the first in characters, the second in bytes.
const (
	MinPassword = 8
	MaxPassword = 1024
)

// SetPassword gives an account a new main password, as an administrator
// does. revoke also ends all its live app passwords; it returns those.
func (s *Service) SetPassword(ctx context.Context, actor store.Actor, typed string, password secret.Secret, revoke bool) ([]store.AppPasswordID, error) {
	if password.IsZero() {
		return nil, &Error{Kind: ErrPassword, Sentence: "the password is empty"}
	}
	name, err := s.address(typed)
	if err != nil {
		return nil, err
	}
	exists := func(r *store.Reader) error { _, err := find(r, name); return err }
	if err := s.Store.View(ctx, exists); err != nil { // before the slow hash
		return nil, explain(err)
	}
	hash, err := s.newHash(ctx, password)
	if err != nil {
		return nil, err
	}
	var ended []store.AppPasswordID
	err = s.change(ctx, actor, typed, func(c *change) error {
		if revoke {
			c.cut = cutAll
		}
		var err error
		ended, err = c.setPassword(hash, revoke, store.SessionID{})
		return err
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// setPassword sets it, and ends what that ends but one session.
func (c *change) setPassword(hash string, revoke bool, but store.SessionID) ([]store.AppPasswordID, error) {
	c.account.MainHash = hash
	if err := c.endAtPortal(but); err != nil {
		return nil, err
	}
	if err := c.event(store.EventPasswordSet, "", ""); err != nil || !revoke {
		return nil, err
	}
	return c.endAllAppPasswords()
}

// newHash checks a new main password and makes its stored form. The zero Secret
// has none.
func (s *Service) newHash(ctx context.Context, password secret.Secret) (string, error) {
	if password.IsZero() {
		return "", nil
	}
	if err := checkPassword(password.Reveal()); err != nil {
		return "", err
	}
	hash, err := s.Hash(ctx, password)
	if err != nil {
		return "", fmt.Errorf("accounts: hashing the password: %w", err)
	}
	return hash, nil
}

func checkPassword(p string) error {
	bad := func(sentence string) error { return &Error{Kind: ErrPassword, Sentence: sentence} }
	switch {
	case len(p) > MaxPassword:
		return bad("the password is longer than 1024 bytes")
	case !utf8.ValidString(p):
		return bad("the password is not valid UTF-8")
	case strings.IndexByte(p, 0) >= 0:
		return bad("the password contains a NUL character")
	case utf8.RuneCountInString(p) < MinPassword:
		return bad("the password is shorter than 8 characters")
	}
	// What looks like an app password is looked up as one and never hashed.
	if _, ok := secret.FoldAppPassword(p); ok {
		return &Error{Kind: ErrLooksLikeAppPassword, Sentence: "this password has the form of an app password (16 letters)",
			Hint: "add a digit or a sign, or make it longer"}
	}
	return nil
}
