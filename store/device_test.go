package store

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store/memkv"
)

// fullDevice fills every field; it is trusted.
func fullDevice(a *Account, n byte) Device {
	return Device{ID: DeviceID{n}, Account: a.ID, Tag: [16]byte{n}, UserAgent: "Mozilla/5.0", First: t0.Add(time.Duration(n) * time.Minute),
		Last: t0.Add(time.Hour), Addr: netip.MustParseAddr("2001:db8::1"), Trusted: t0, TrustedUntil: t0.Add(7 * 24 * time.Hour)}
}

func TestDevices(t *testing.T) {
	s := newStore(t)
	a, other := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
	second, first := fullDevice(a, 2), Device{ID: DeviceID{7}, Account: a.ID, Tag: [16]byte{1}, First: t0, Last: t0}
	allSet(t, second)
	update(t, s, func(w *Writer) error {
		return errors.Join(w.PutDevice(second), w.PutDevice(first), w.PutDevice(fullDevice(other, 3)))
	})
	view(t, s, func(r *Reader) error {
		if got, err := r.Device(a.ID, second.ID); err != nil || got != second {
			t.Errorf("Device = %+v, %v\nwant %+v", got, err, second)
		}
		if got, err := r.Devices(a.ID); err != nil || !reflect.DeepEqual(got, []Device{first, second}) {
			t.Errorf("Devices = %+v, %v; want both, the older first", got, err)
		}
		if got, err := r.Device(other.ID, second.ID); !errors.Is(err, ErrNoDevice) {
			t.Errorf("another account's device: %+v, %v", got, err)
		}
		return nil
	})
	update(t, s, func(w *Writer) error {
		return errors.Join(w.DeleteDevice(a.ID, first.ID), w.DeleteDevice(a.ID, first.ID))
	})
	view(t, s, func(r *Reader) error {
		if got, err := r.Devices(a.ID); err != nil || len(got) != 1 {
			t.Errorf("after DeleteDevice: %v, %v", got, err)
		}
		return nil
	})
	for name, change := range map[string]func(*Device){
		"no id":      func(d *Device) { d.ID = DeviceID{} },
		"no account": func(d *Device) { d.Account = AccountID{} },
		"no tag":     func(d *Device) { d.Tag = [16]byte{} },
		"no begin":   func(d *Device) { d.Trusted = time.Time{} },
		"no end":     func(d *Device) { d.TrustedUntil = time.Time{} },
	} {
		d := fullDevice(a, 1)
		change(&d)
		if err := s.Update(ctx, func(w *Writer) error { return w.PutDevice(d) }); !errors.Is(err, ErrInvalidRecord) {
			t.Errorf("%s: PutDevice = %v; want ErrInvalidRecord", name, err)
		}
	}
}

func TestTrustedAt(t *testing.T) {
	d := Device{Trusted: t0, TrustedUntil: t0.Add(time.Hour)}
	for at, want := range map[time.Duration]bool{0: true, time.Hour - time.Second: true, time.Hour: false, 2 * time.Hour: false} {
		if d.TrustedAt(t0.Add(at)) != want {
			t.Errorf("%v after the making: trusted is not %v", at, want)
		}
	}
	if (Device{}).TrustedAt(t0) {
		t.Error("a device is trusted that never was")
	}
}

func TestEndTrust(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a, other := addAccount(t, s, "u@example.org", 0), addAccount(t, s, "v@example.org", 0)
	plain := fullDevice(a, 4)
	plain.Trusted, plain.TrustedUntil = time.Time{}, time.Time{}
	update(t, s, func(w *Writer) error {
		return errors.Join(w.PutDevice(fullDevice(a, 1)), w.PutDevice(fullDevice(a, 2)), w.PutDevice(fullDevice(a, 3)),
			w.PutDevice(plain), w.PutDevice(fullDevice(other, 1)))
	})
	replaceValue(t, e, string(deviceKey(a.ID, DeviceID{2})), []byte("damaged"))
	for _, want := range []int{3, 0} { // two that were trusted and one of which nobody can tell
		update(t, s, func(w *Writer) error {
			if n, err := w.EndTrust(a.ID); n != want || err != nil {
				t.Errorf("EndTrust = %d, %v; want %d", n, err, want)
			}
			return nil
		})
	}
	first, third := fullDevice(a, 1), fullDevice(a, 3)
	first.Trusted, first.TrustedUntil, third.Trusted, third.TrustedUntil = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	view(t, s, func(r *Reader) error {
		if got, err := r.Devices(a.ID); err != nil || !reflect.DeepEqual(got, []Device{first, third, plain}) {
			t.Errorf("after EndTrust: %+v, %v", got, err)
		}
		if got, err := r.Device(other.ID, DeviceID{1}); err != nil || !got.TrustedAt(t0) {
			t.Errorf("another account's trust: %+v, %v", got, err)
		}
		return nil
	})
}
