package accounts

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// Devices are what an account was used from in the last 7 days, and the browsers
// that are trusted.
type Devices struct {
	Browsers []BrowserDevice `json:"browsers"` // the last seen first
	Programs []Program       `json:"programs"` // the last seen first
}

// BrowserDevice is a browser that signed in at the portal.
type BrowserDevice struct {
	ID           store.DeviceID `json:"id"`
	UserAgent    string         `json:"user_agent,omitempty"`
	First        time.Time      `json:"first"`
	Last         time.Time      `json:"last"` // sign-in
	Addr         netip.Addr     `json:"addr,omitzero"`
	Trusted      time.Time      `json:"trusted,omitzero"` // zero: is not
	TrustedUntil time.Time      `json:"trusted_until,omitzero"`
	Current      bool           `json:"current,omitempty"` // the one that asks
	Sessions     int            `json:"sessions"`          // that are open
}

// OwnDevices are the owner's devices, as of the last Refresh.
func (s *Service) OwnDevices(ctx context.Context, in Session) (Devices, error) {
	var list Devices
	err := s.look(ctx, in, func(r *store.Reader, o *own) error {
		if err := o.inside(); err != nil {
			return err
		}
		var err error
		list, err = s.devices(r, o.account, o.session.Device)
		return err
	})
	if err != nil {
		return Devices{}, err
	}
	return list, nil
}

// ListDevices are the devices of an account, for the helpdesk.
func (s *Service) ListDevices(ctx context.Context, typed string) (Devices, error) {
	name, err := s.address(typed)
	if err != nil {
		return Devices{}, err
	}
	if err := s.flush(ctx, name); err != nil {
		return Devices{}, explain(err)
	}
	var list Devices
	err = s.Store.View(ctx, func(r *store.Reader) error {
		account, err := find(r, name)
		if err != nil {
			return err
		}
		list, err = s.devices(r, account, store.DeviceID{})
		return err
	})
	if err != nil {
		return Devices{}, explain(err)
	}
	return list, nil
}

func (s *Service) devices(r *store.Reader, a *store.Account, current store.DeviceID) (Devices, error) {
	now := s.Now().UTC()
	browsers, err := s.browsers(r, a, current, now)
	if err != nil {
		return Devices{}, err
	}
	programs, err := programs(r, a, browsers, now)
	return Devices{Browsers: browsers, Programs: programs}, err
}

// browsers are those of the last 7 days and those that are trusted.
func (s *Service) browsers(r *store.Reader, a *store.Account, current store.DeviceID, now time.Time) ([]BrowserDevice, error) {
	sessions, err := intact(r.Sessions(a.ID))
	if err != nil {
		return nil, err
	}
	open := make(map[store.DeviceID]int)
	for _, record := range sessions {
		if !s.over(record, now) && !waits(record) {
			open[record.Device]++
		}
	}
	all, err := intact(r.Devices(a.ID))
	if err != nil {
		return nil, err
	}
	list := make([]BrowserDevice, 0, len(all))
	for _, d := range all {
		if forgotten(d, now) {
			continue
		}
		if !d.TrustedAt(now) {
			d.Trusted, d.TrustedUntil = time.Time{}, time.Time{}
		}
		list = append(list, BrowserDevice{ID: d.ID, UserAgent: d.UserAgent, First: d.First, Last: d.Last, Addr: d.Addr,
			Trusted: d.Trusted, TrustedUntil: d.TrustedUntil, Current: !current.IsZero() && d.ID == current, Sessions: open[d.ID]})
	}
	slices.SortStableFunc(list, func(a, b BrowserDevice) int { return b.Last.Compare(a.Last) })
	return list, nil
}
