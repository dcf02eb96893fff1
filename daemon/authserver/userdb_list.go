package authserver

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/store"
)

const (
	// listPage is how many addresses a list reads at a time. Between two pages,
	// while the peer reads, nothing of the store is held.
	listPage = 1000
	// maxLists bounds the lists under way: one may last hours, as "doveadm -A" reads
	// the next name when it is done with the last, and holds a page meanwhile.
	maxLists = 16
)

var errLists = errors.New("authserver: too many lists at once")

// List names all accounts, disabled ones, too: they have mailboxes. Where another
// userdb is relayed its users are listed, so that the list has whom User finds.
func (s *Server) List(ctx context.Context, q *dovecot.ListQuery, yield func(user string) bool) error {
	select {
	case s.lists <- struct{}{}:
		defer func() { <-s.lists }()
	default:
		return errLists
	}
	if path := s.rules.Load().Userdb.Relay; path != "" {
		return s.relay.list(ctx, path, q, yield)
	}
	var damaged error
	for after, more := "", true; more; more = after != "" {
		page, next, err := s.accounts.Addresses(ctx, after, listPage)
		var one *store.DamagedAccountError
		switch {
		case errors.As(err, &one):
			damaged = err
		case err != nil:
			return fmt.Errorf("authserver: %w", err)
		}
		for _, address := range page {
			if !yield(address) {
				return nil
			}
		}
		after = next
	}
	return damaged
}
