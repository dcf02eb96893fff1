package store

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Device is a browser that signed in at the portal. While it is trusted, it
// signs in without a code. Times are kept in seconds.
type Device struct {
	ID           DeviceID
	Account      AccountID
	Tag          [16]byte // secret.Keys.DeviceTag of its cookie
	UserAgent    string   // clipped to 256 bytes
	First        time.Time
	Last         time.Time
	Addr         netip.Addr
	Trusted      time.Time // since when; zero: not trusted
	TrustedUntil time.Time
}

// TrustedAt reports whether the device signs in without a code at now.
func (d Device) TrustedAt(now time.Time) bool { return now.Before(d.TrustedUntil) }

// maxUserAgent bounds, in bytes, what a browser calls itself.
const maxUserAgent = 256

// deviceRecord is Device on disk.
type deviceRecord struct {
	Tag          []byte `cbor:"1,keyasint"`
	UserAgent    string `cbor:"2,keyasint,omitempty"`
	First        int64  `cbor:"3,keyasint"`
	Last         int64  `cbor:"4,keyasint"`
	Addr         []byte `cbor:"5,keyasint,omitempty"`
	Trusted      int64  `cbor:"6,keyasint,omitempty"`
	TrustedUntil int64  `cbor:"7,keyasint,omitempty"`
}

func (d *Device) record() deviceRecord {
	return deviceRecord{Tag: d.Tag[:], UserAgent: clipTo(d.UserAgent, maxUserAgent), First: seconds(d.First),
		Last: seconds(d.Last), Addr: d.Addr.WithZone("").AsSlice(), Trusted: seconds(d.Trusted),
		TrustedUntil: seconds(d.TrustedUntil)}
}

func (s *Store) decodeDevice(acct AccountID, rest string, payload []byte) (Device, error) {
	r, err := decode[deviceRecord](s, payload)
	if err != nil {
		return Device{}, err
	}
	d := Device{Account: acct, UserAgent: r.UserAgent, First: fromSeconds(r.First), Last: fromSeconds(r.Last),
		Trusted: fromSeconds(r.Trusted), TrustedUntil: fromSeconds(r.TrustedUntil)}
	d.Addr, _ = netip.AddrFromSlice(r.Addr)
	err = errors.Join(fill(d.ID[:], []byte(rest)), fill(d.Tag[:], r.Tag))
	if err == nil {
		err = damagedIf(d.check())
	}
	return d, err
}

// check returns ErrInvalidRecord for a device that must not be written.
func (d *Device) check() error {
	switch {
	case d.Account.IsZero() || d.ID.IsZero() || d.Tag == [16]byte{}:
		return fmt.Errorf("%w: device without account, id or tag", ErrInvalidRecord)
	case d.Trusted.IsZero() != d.TrustedUntil.IsZero():
		return fmt.Errorf("%w: trust without begin or end", ErrInvalidRecord)
	}
	return nil
}

func deviceKey(acct AccountID, id DeviceID) []byte {
	return belowKey(acct, belowDevice, string(id[:]))
}

// Device returns one device of the account, or ErrNoDevice.
func (r *Reader) Device(acct AccountID, id DeviceID) (Device, error) {
	payload, err := r.payload(deviceKey(acct, id), ErrNoDevice)
	if err != nil {
		return Device{}, err
	}
	return r.s.decodeDevice(acct, string(id[:]), payload)
}

// Devices returns the account's devices, oldest first. Damaged ones are left out
// and joined into an error beside the list, which is good without them.
func (r *Reader) Devices(acct AccountID) ([]Device, error) {
	list, err := listBelow(r, acct, belowDevice, r.s.decodeDevice)
	slices.SortStableFunc(list, func(a, b Device) int { return a.First.Compare(b.First) })
	return list, err
}

// PutDevice writes a device.
func (w *Writer) PutDevice(d Device) error {
	if err := d.check(); err != nil {
		return err
	}
	return putCold(w, deviceKey(d.Account, d.ID), d.record())
}

// DeleteDevice removes a device, if it is there. Its sessions are the caller's
// to end.
func (w *Writer) DeleteDevice(acct AccountID, id DeviceID) error {
	return w.kv.Delete(deviceKey(acct, id))
}

// EndTrust takes the trust from all devices of the account; the devices stay.
// Damaged ones are removed: whether they are trusted cannot be told. It returns
// how many had a trust or were removed.
func (w *Writer) EndTrust(acct AccountID) (int, error) {
	keys, err := w.keysBelow(acct, belowDevice, "")
	if err != nil {
		return 0, err
	}
	n := 0
	for _, key := range keys {
		ended, err := w.endTrust(acct, key)
		if err != nil {
			return n, err
		}
		if ended {
			n++
		}
	}
	return n, nil
}

func (w *Writer) endTrust(acct AccountID, key []byte) (bool, error) {
	payload, err := w.payload(key, ErrNoDevice)
	var d Device
	if err == nil {
		d, err = w.s.decodeDevice(acct, string(key[len(belowKey(acct, belowDevice, "")):]), payload)
	}
	switch {
	case errors.Is(err, ErrDamaged):
		return true, w.kv.Delete(key)
	case err != nil:
		return false, err
	case d.TrustedUntil.IsZero():
		return false, nil
	}
	d.Trusted, d.TrustedUntil = time.Time{}, time.Time{}
	return true, w.PutDevice(d)
}
