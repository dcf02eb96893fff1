package accounts

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// maxDevices is how many browsers an account has at most.
const maxDevices = 50

// recently is how long a device is remembered that is not trusted.
const recently = 7 * 24 * time.Hour

// arrival is a browser that comes in: the device that its cookie names, or a new
// one.
type arrival struct {
	cookie  string
	browser Browser
	id      store.DeviceID // of the new one
	token   secret.Token
}

func (s *Service) arrival(cookie string, b Browser) (arrival, error) {
	id, err := store.NewDeviceID(s.Rand)
	if err != nil {
		return arrival{}, fmt.Errorf("accounts: %w", err)
	}
	token, err := secret.NewToken(s.Rand)
	if err != nil {
		return arrival{}, fmt.Errorf("accounts: %w", err)
	}
	return arrival{cookie, b, id, token}, nil
}

// device is the one that the browser's cookie opens; false: none.
func (o *own) device(from arrival) (store.Device, bool, error) {
	id, t, ok := parseDeviceCookie(from.cookie)
	if !ok {
		return store.Device{}, false, nil
	}
	d, err := o.Device(o.account.ID, id)
	switch {
	case errors.Is(err, store.ErrNoDevice), errors.Is(err, store.ErrDamaged):
		return store.Device{}, false, nil
	case err != nil:
		return store.Device{}, false, err
	}
	return d, sameTag(d.Tag, o.s.Keys.DeviceTag(o.account.ID, t)), nil
}

// arrive notes on which device the session is. Trust in it begins if trust is
// set, with a new token; nothing else makes it last longer.
func (o *own) arrive(from arrival, trust bool) (*Cookie, error) {
	d, known, err := o.device(from)
	if err != nil {
		return nil, err
	}
	value := from.cookie
	if !known {
		d = store.Device{ID: from.id, Account: o.account.ID, First: o.now}
	}
	trustFor := time.Duration(o.s.Config().Portal.TrustFor)
	if trust = trust && trustFor > 0; trust {
		d.Trusted, d.TrustedUntil = o.now, o.now.Add(trustFor)
	}
	if trust || !known {
		d.Tag, value = o.s.Keys.DeviceTag(o.account.ID, from.token), deviceCookie(d.ID, from.token)
	}
	d.Last, d.Addr, d.UserAgent = o.now, from.browser.Addr, from.browser.UserAgent
	if err := o.PutDevice(d); err != nil {
		return nil, err
	}
	if trust {
		if err := o.event(store.EventDeviceTrusted, "", d.ID.String()); err != nil {
			return nil, err
		}
	}
	o.made, o.session.Device = true, d.ID
	until := o.now.Add(recently)
	if d.TrustedUntil.After(until) {
		until = d.TrustedUntil
	}
	return &Cookie{Value: value, Until: until}, o.dropDevices()
}

// dropDevices forgets browsers that were not seen for long, and keeps the others
// few: those without trust go first, the longest unseen before. The one that the
// session is on stays.
func (o *own) dropDevices() error {
	all, err := intact(o.Devices(o.account.ID))
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(d store.Device) bool { return d.ID == o.session.Device })
	slices.SortStableFunc(all, func(a, b store.Device) int {
		if at, bt := a.TrustedAt(o.now), b.TrustedAt(o.now); at != bt {
			if at {
				return 1
			}
			return -1
		}
		return a.Last.Compare(b.Last)
	})
	for i, d := range all {
		if len(all)-i < maxDevices && !forgotten(d, o.now) {
			continue
		}
		if err := o.dropDevice(d.ID); err != nil {
			return err
		}
	}
	return nil
}

// forgotten tells whether a browser is no device of the account any more.
func forgotten(d store.Device, now time.Time) bool {
	return !d.TrustedAt(now) && !now.Before(d.Last.Add(recently))
}

// dropDevice removes a browser with its sessions.
func (c *change) dropDevice(id store.DeviceID) error {
	sessions, err := intact(c.Sessions(c.account.ID))
	if err != nil {
		return err
	}
	for _, record := range sessions {
		if record.Device != id {
			continue
		}
		if err := c.DeleteSession(c.account.ID, record.ID); err != nil {
			return err
		}
	}
	c.made = true
	return c.DeleteDevice(c.account.ID, id)
}
