package authserver

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/store"
)

// oneAccount is a site with one.
type oneAccount struct{}

func (oneAccount) AccountUserdb(context.Context, string) (*store.Account, []store.UserdbField, error) {
	return nil, nil, store.ErrNoAccount
}

func (oneAccount) Addresses(context.Context, string, int) ([]string, string, error) {
	return []string{"u@example.org"}, "", nil
}

// TestManyLists: readers who take their time are bounded in number, and make room
// when they are done.
func TestManyLists(t *testing.T) {
	s := New(t.Context(), nil, oneAccount{}, nil, Rules{}, time.Now, slog.New(slog.DiscardHandler))
	q := &dovecot.ListQuery{}
	reading, done, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	for range maxLists {
		go func() {
			ended <- s.List(t.Context(), q, func(string) bool {
				reading <- struct{}{}
				<-done
				return true
			})
		}()
	}
	for range maxLists {
		<-reading
	}
	more := func(string) bool { return true }
	if err := s.List(t.Context(), q, more); !errors.Is(err, errLists) {
		t.Errorf("one list more: %v", err)
	}
	close(done)
	for range maxLists {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if err := s.List(t.Context(), q, more); err != nil {
		t.Errorf("when they are done: %v", err)
	}
}
