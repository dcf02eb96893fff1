package accounts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// maxName bounds the name of an app password, in characters.
const maxName = 64

// NewAppPassword is what an app password is made from.
type NewAppPassword struct {
	Name    string       // 1 to 64 characters; blanks at the ends are cut off
	Scopes  store.Scopes // 0 = all
	Expires time.Time    // zero = never
	ByAdmin bool         // made for the owner, not by the owner

	// ID names it; zero: one is drawn. A form that is sent twice makes one app
	// password: the second time is ErrExists.
	ID store.AppPasswordID
}

// AddAppPassword makes an app password. Its letters are returned here and
// nowhere else: only a keyed tag of them is kept, and keys for SCRAM.
func (s *Service) AddAppPassword(ctx context.Context, actor store.Actor, typed string, spec NewAppPassword) (AppPassword, [16]byte, error) {
	made, letters, err := s.newAppPassword(&spec)
	if err != nil {
		return AppPassword{}, [16]byte{}, err
	}
	name, err := s.address(typed)
	if err != nil {
		return AppPassword{}, [16]byte{}, err
	}
	scram, err := s.deriveSCRAM(ctx, name, letters)
	if err != nil {
		return AppPassword{}, [16]byte{}, err
	}
	err = s.change(ctx, actor, typed, func(c *change) error { return s.addAppPassword(c, &made, letters, scram) })
	if err != nil {
		return AppPassword{}, [16]byte{}, err
	}
	return AppPassword{AppPassword: made}, letters, nil
}

// newAppPassword draws the letters of one, and its id.
func (s *Service) newAppPassword(spec *NewAppPassword) (store.AppPassword, [16]byte, error) {
	if err := s.checkNewAppPassword(spec); err != nil {
		return store.AppPassword{}, [16]byte{}, err
	}
	letters, err := secret.NewAppPassword(s.Rand)
	if err != nil {
		return store.AppPassword{}, [16]byte{}, fmt.Errorf("accounts: drawing an app password: %w", err)
	}
	id := spec.ID
	if id.IsZero() {
		if id, err = store.NewAppPasswordID(s.Rand); err != nil {
			return store.AppPassword{}, [16]byte{}, fmt.Errorf("accounts: %w", err)
		}
	}
	return store.AppPassword{ID: id, Name: spec.Name, ByAdmin: spec.ByAdmin, Scopes: spec.Scopes,
		Expires: spec.Expires, State: store.Live}, letters, nil
}

func (s *Service) checkNewAppPassword(spec *NewAppPassword) error {
	spec.Name = strings.TrimSpace(spec.Name)
	if !plainText(spec.Name, maxName) {
		return &Error{Kind: ErrName, Sentence: "an app password needs a name of 1 to 64 plain characters",
			Hint: "name the device it is for, such as \"Alice's phone\""}
	}
	if spec.Scopes == 0 {
		spec.Scopes = store.ScopeAll
	}
	if spec.Expires.IsZero() {
		return nil
	}
	spec.Expires = spec.Expires.Truncate(time.Second)
	return s.checkAhead(spec.Expires)
}

// addAppPassword adds the row to the account, and below it what belongs to it.
func (s *Service) addAppPassword(c *change, made *store.AppPassword, letters [16]byte, scram scramKeys) error {
	if slices.ContainsFunc(c.account.AppPasswords, func(r store.AppPasswordRow) bool { return r.ID == made.ID }) {
		return &Error{Kind: ErrExists, Sentence: "this app password was made already", Hint: "make another one"}
	}
	if err := c.buryExpired(); err != nil {
		return err
	}
	made.Made, made.MadeBy = c.now.Truncate(time.Second), c.actor
	live := 0
	for _, row := range c.account.AppPasswords {
		if row.Live(c.now) {
			live++
		}
	}
	if most := s.Config().AppPasswords.Max; live >= most {
		return &Error{Kind: ErrTooMany, Sentence: fmt.Sprintf("the account has %d app passwords, and no more are allowed", live),
			Hint: "revoke one that is not used any more"}
	}
	c.account.AppPasswords = append(c.account.AppPasswords, store.AppPasswordRow{
		ID: made.ID, Tag: s.Keys.AppPasswordTag(c.account.ID, letters), Scopes: made.Scopes, State: store.Live, Expires: made.Expires,
	})
	if err := c.PutAppPassword(c.account.ID, *made); err != nil {
		return err
	}
	if err := c.putSCRAM(made.ID, scram); err != nil {
		return err
	}
	return c.event(store.EventAppPasswordMade, made.ID.String(), made.Name)
}
