package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
)

// fullAccount makes an account with one record of every kind.
func fullAccount(t testing.TB, s *Store, address string) *Account {
	t.Helper()
	a := addAccount(t, s, address, 1)
	update(t, s, func(w *Writer) error {
		return errors.Join(
			w.PutPhone(a.ID, Phone{Number: "+8613812345678", Bound: t0, BoundBy: "root"}),
			w.PutException(a.ID, Exception{Until: t0, Made: t0}),
			w.PutSession(fullSession(a, 1)),
			w.PutDevice(fullDevice(a, 1)),
			w.PutChallenge(fullChallenge(a, 1, PurposeBind)),
			w.PutCodeState(a.ID, fullCodeState()),
			w.PutRecoveryCodes(a.ID, fullRecoveryCodes()),
			w.PutHelpdeskCode(a.ID, fullHelpdeskCode()),
			w.PutExpectedPhone(a.ID, fullExpectedPhone()),
			w.PutUserdb(a, fullUserdb()), w.PutAccount(a),
			w.PutSCRAMKeys(a.ID, fullSCRAMKeys()),
			w.AddAlias(a, fullAlias(a)),
			w.PutEvent(Event{Time: t0, Kind: EventLogin, Address: address, AccountID: a.ID}))
	})
	use := Use{Address: address, AccountID: a.ID, Credential: MainCredential(a.ID), LastUse: LastUse{Time: t0}}
	if err := s.WriteMerged(ctx, nil, []Use{use}); err != nil {
		t.Fatal(err)
	}
	return a
}

// fullAlias is another name of the account, which holds its address.
func fullAlias(a *Account) Alias {
	return Alias{Name: "alias." + a.Address, Made: t0, By: "root"}
}

// readFull reads every record of the account and returns the first error.
func readFull(s *Store, a *Account) error {
	return s.View(ctx, func(r *Reader) error {
		_, err := r.Account(a.Address)
		_, err10 := r.Userdb(a)
		_, err2 := r.AppPassword(a.ID, a.AppPasswords[0].ID)
		_, err3 := r.AppPasswords(a.ID)
		_, err4 := r.Phone(a.ID)
		_, err5 := r.Exception(a.ID)
		_, err6 := r.LastUses(a.ID)
		events, err7 := r.Events(EventQuery{Address: a.Address})
		if err7 == nil && (len(events) != 1 || events[0].Kind == EventDamaged) {
			err7 = ErrDamaged
		}
		_, err8 := r.Named(fullAlias(a).Name)
		_, err9 := r.Aliases(a.ID)
		return errors.Join(err, err2, err3, err4, err5, err6, err7, err8, err9, err10, readPortal(r, a.ID))
	})
}

// readPortal reads what fullAccount made of the portal's records. It is an error
// if one is missing from a list, too.
func readPortal(r *Reader, acct AccountID) error {
	_, err := r.Session(acct, SessionID{1})
	sessions, err2 := r.Sessions(acct)
	_, err3 := r.Device(acct, DeviceID{1})
	devices, err4 := r.Devices(acct)
	if err == nil && err3 == nil && (len(sessions) != 1 || len(devices) != 1) {
		return fmt.Errorf("%d sessions, %d devices", len(sessions), len(devices))
	}
	_, err5 := r.Challenge(acct, SessionID{1}, PurposeBind)
	_, err6 := r.CodeState(acct)
	_, err7 := r.RecoveryCodes(acct)
	_, err8 := r.HelpdeskCode(acct)
	_, err9 := r.ExpectedPhone(acct)
	_, err10 := r.SCRAMKeys(acct)
	return errors.Join(err, err2, err3, err4, err5, err6, err7, err8, err9, err10)
}

// TestEveryFlippedByteOfARecord flips each byte of each value of one account, and
// cuts and lengthens it: that record is damaged and everything else is not.
func TestEveryFlippedByteOfARecord(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a, other := fullAccount(t, s, "u@example.org"), fullAccount(t, s, "v@example.org")
	values := map[string][]byte{}
	err := e.View(ctx, func(r kv.Reader) error {
		return r.Scan(nil, nil, func(key, value []byte) error {
			mine := bytes.Contains(key, []byte(a.Address)) || bytes.HasPrefix(key, belowPrefix(a.ID))
			if mine && key[0] != keyOwner { // whose values are not read
				values[string(key)] = bytes.Clone(value)
			}
			return nil
		})
	})
	if err != nil || len(values) != 16 {
		t.Fatalf("%d records, %v", len(values), err)
	}
	try := func(key string, value []byte, what string) {
		t.Helper()
		replaceValue(t, e, key, value)
		if err := readFull(s, a); !errors.Is(err, ErrDamaged) || !errors.Is(err, kv.ErrDamaged) {
			t.Errorf("record %q, %s: %v; want ErrDamaged", key, what, err)
		}
		if err := readFull(s, other); err != nil {
			t.Errorf("record %q, %s: another account: %v", key, what, err)
		}
	}
	for key, value := range values {
		for i := range value {
			bad := bytes.Clone(value)
			bad[i] ^= 0x40
			try(key, bad, fmt.Sprintf("byte %d flipped", i))
		}
		try(key, value[:len(value)-1], "cut")
		try(key, append(bytes.Clone(value), 0), "lengthened")
		try(key, nil, "emptied")
		replaceValue(t, e, key, value)
	}
	if err := readFull(s, a); err != nil {
		t.Errorf("put right again: %v", err)
	}
}

func replaceValue(t testing.TB, e kv.Engine, key string, value []byte) {
	t.Helper()
	err := e.Update(ctx, func(w kv.Writer) error { return w.Put([]byte(key), value) })
	if err != nil {
		t.Fatal(err)
	}
}

// TestSwappedRecords exchanges the values of two accounts: each was made for the
// other's key.
func TestSwappedRecords(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a, b := fullAccount(t, s, "u@example.org"), fullAccount(t, s, "v@example.org")
	for name, keys := range map[string][2][]byte{
		"account":   {appendAccountKey(nil, a.Address), appendAccountKey(nil, b.Address)},
		"phone":     {belowKey(a.ID, belowPhone, ""), belowKey(b.ID, belowPhone, "")},
		"exception": {belowKey(a.ID, belowException, ""), belowKey(b.ID, belowException, "")},
		"session":   {sessionKey(a.ID, SessionID{1}), sessionKey(b.ID, SessionID{1})},
		"device":    {deviceKey(a.ID, DeviceID{1}), deviceKey(b.ID, DeviceID{1})},
		"recovery":  {belowKey(a.ID, belowRecoveryCodes, ""), belowKey(b.ID, belowRecoveryCodes, "")},
		"alias":     {appendAliasKey(nil, fullAlias(a).Name), appendAliasKey(nil, fullAlias(b).Name)},
		"userdb":    {belowKey(a.ID, belowUserdb, ""), belowKey(b.ID, belowUserdb, "")},
		"helpdesk":  {belowKey(a.ID, belowHelpdeskCode, ""), belowKey(b.ID, belowHelpdeskCode, "")},
	} {
		swap := func() {
			err := e.Update(ctx, func(w kv.Writer) error {
				first, err := w.Get(keys[0])
				second, err2 := w.Get(keys[1])
				first, second = bytes.Clone(first), bytes.Clone(second)
				return errors.Join(err, err2, w.Put(keys[0], second), w.Put(keys[1], first))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		swap()
		for _, account := range []*Account{a, b} {
			if err := readFull(s, account); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s of %s: %v; want ErrDamaged", name, account.Address, err)
			}
		}
		swap()
	}
}

// TestSwappedSealedRecords exchanges the sealed part below valid MACs: the seal
// itself is bound to its record, of another account or of another kind.
func TestSwappedSealedRecords(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	a, b := fullAccount(t, s, "u@example.org"), fullAccount(t, s, "v@example.org")
	sealed := func(acct AccountID) map[string][]byte {
		return map[string][]byte{
			"phone":     belowKey(acct, belowPhone, ""),
			"challenge": challengeKey(acct, SessionID{1}, PurposeBind),
			"expected":  belowKey(acct, belowExpectedPhone, ""),
			"SCRAM":     belowKey(acct, belowSCRAMKeys, ""),
		}
	}
	read := func(acct AccountID, name string) error {
		return s.View(ctx, func(r *Reader) (err error) {
			switch name {
			case "phone":
				_, err = r.Phone(acct)
			case "challenge":
				_, err = r.Challenge(acct, SessionID{1}, PurposeBind)
			case "SCRAM":
				_, err = r.SCRAMKeys(acct)
			default:
				_, err = r.ExpectedPhone(acct)
			}
			return err
		})
	}
	for fromName, from := range sealed(a.ID) {
		for toName, to := range sealed(b.ID) {
			var before []byte
			err := e.Update(ctx, func(w kv.Writer) error {
				value, err := w.Get(from)
				old, err2 := w.Get(to)
				before = bytes.Clone(old)
				return errors.Join(err, err2, w.Put(to, s.seal(to, bytes.Clone(value))))
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := read(b.ID, toName); !errors.Is(err, ErrDamaged) {
				t.Errorf("another account's %s opens as %s: %v", fromName, toName, err)
			}
			replaceValue(t, e, string(to), before)
			if err := errors.Join(read(b.ID, toName), read(a.ID, fromName)); err != nil {
				t.Errorf("put right again: %v", err)
			}
		}
	}
}

// TestNumbersAreSealed looks for the number in all that is on disk.
func TestNumbersAreSealed(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	fullAccount(t, s, "u@example.org")
	err := e.View(ctx, func(r kv.Reader) error {
		return r.Scan(nil, nil, func(key, value []byte) error {
			if bytes.Contains(key, []byte("13812345678")) || bytes.Contains(value, []byte("13812345678")) {
				t.Errorf("the number stands open in record %q", key)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamagedAccountInPage lists accounts around a damaged one.
func TestDamagedAccountInPage(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	for _, address := range []string{"a@example.org", "b@example.org", "c@example.org"} {
		addAccount(t, s, address, 0)
	}
	replaceValue(t, e, "ab@example.org", []byte("damaged"))
	view(t, s, func(r *Reader) error {
		page, err := r.Accounts("", 10)
		var damaged *DamagedAccountError
		if !errors.As(err, &damaged) || damaged.Address != "b@example.org" || !errors.Is(err, ErrDamaged) {
			t.Errorf("Accounts = %v; want b@example.org damaged", err)
		}
		if len(page) != 2 || page[0].Address != "a@example.org" || page[1].Address != "c@example.org" {
			t.Errorf("page %v", page)
		}
		return nil
	})
	for _, limit := range []int{1, 2, 10} {
		var all []string
		broken := 0
		for after, more := "", true; more; more = after != "" {
			page, next, err := s.Addresses(ctx, after, limit)
			var damaged *DamagedAccountError
			if errors.As(err, &damaged) && damaged.Address == "b@example.org" {
				broken++
			} else if err != nil {
				t.Fatal(err)
			}
			if len(page) > limit {
				t.Errorf("a page of %d, limit %d", len(page), limit)
			}
			all, after = append(all, page...), next
		}
		if !slices.Equal(all, []string{"a@example.org", "c@example.org"}) || broken != 1 {
			t.Errorf("pages of %d: %q, %d damaged", limit, all, broken)
		}
	}
}

// TestEveryFlippedByteOfTheFile flips each byte of a small bbolt file while the
// store has it open. Whatever is read then is right or an error that says
// "damaged": never a wrong record, and never "no such account", which would
// bounce mail for good, but for the few bytes that isBlindSpot names. Nobody
// crashes, but where mayCircle says so.
func TestEveryFlippedByteOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	e, err := boltkv.Open(path, boltkv.Options{PageSize: 1024, NoSync: true, MmapSize: 16 << 30}) // a wild offset stays within
	if err != nil {
		t.Fatal(err)
	}
	s := openStore(t, e, Options{})
	var accounts []*Account
	for i := range 30 {
		a := addAccount(t, s, fmt.Sprintf("u%02d@example.org", i), 1)
		accounts = append(accounts, a)
		if i%5 == 0 {
			alias(t, s, a, "alias."+a.Address)
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blind := 0
	for at := range usedBytes(file) {
		for _, flip := range []byte{0x01, 0x80} {
			if mayCircle(file, at, flip) {
				continue
			}
			writeByte(t, f, at, file[at]^flip)
			look := func(name string, want *Account) {
				got, err := s.Account(ctx, name)
				switch {
				case err == nil && reflect.DeepEqual(got, want):
				case err == nil:
					t.Fatalf("byte %d: a wrong record", at)
				case errors.Is(err, ErrNoAccount) && isBlindSpot(file, at):
					blind++
				case !errors.Is(err, kv.ErrDamaged):
					t.Errorf("byte %d (%d of its page) ^ %#x: Account(%s) = %v", at, at%1024, flip, name, err)
				}
			}
			for i := 0; i < len(accounts); i += 3 {
				look(accounts[i].Address, accounts[i])
				if i%5 == 0 {
					look("alias."+accounts[i].Address, accounts[i])
				}
			}
			writeByte(t, f, at, file[at])
		}
	}
	t.Logf("%d bytes flipped twice, %d answers wrong in a blind spot", usedBytes(file), blind)
	for _, a := range accounts {
		if got, err := s.Account(ctx, a.Address); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("put right again: %v, %v", got, err)
		}
	}
}

// usedBytes returns the length of the file without the pages that were never
// used: the high water mark of its newer meta page.
func usedBytes(file []byte) int {
	pages := max(binary.NativeEndian.Uint64(file[16+40:]), binary.NativeEndian.Uint64(file[1024+16+40:]))
	return int(pages) * 1024
}

// isBlindSpot reports whether the byte is where damage cannot be told from keys
// that never were: a page's count of keys (bytes 10 and 11), or a page number,
// which may lead to an older copy of the page.
func isBlindSpot(file []byte, at int) bool {
	_, inNumber := pageNumberAt(file, at)
	return at%1024 == 10 || at%1024 == 11 || inNumber
}

// mayCircle reports whether the flip makes a page number lead to a branch page,
// and so perhaps back to where it stands: bbolt then recurses until the stack
// limit ends the process (package boltkv, Caveats).
func mayCircle(file []byte, at int, flip byte) bool {
	start, inNumber := pageNumberAt(file, at)
	if !inNumber {
		return false
	}
	number := [8]byte(file[start:])
	number[at-start] ^= flip
	page := binary.NativeEndian.Uint64(number[:])
	return page < uint64(usedBytes(file)/1024) && file[page*1024+8] == 1
}

// pageNumberAt returns where the page number begins that the byte is part of, if
// it is: in a branch page (flag 1) the last 8 bytes of an element of 16, and the
// bucket's root, after its name.
func pageNumberAt(file []byte, at int) (start int, ok bool) {
	page, offset := file[at/1024*1024:][:1024], at%1024
	count := int(binary.NativeEndian.Uint16(page[10:]))
	if page[8] == 1 && offset >= 16 && offset < 16+16*count && offset%16 >= 8 {
		return at &^ 7, true
	}
	if name := bytes.Index(page, []byte("latchkey")); name > 0 && offset >= name+8 && offset < name+16 {
		return at - offset + name + 8, true
	}
	return 0, false
}

func writeByte(t testing.TB, f *os.File, at int, b byte) {
	t.Helper()
	if _, err := f.WriteAt([]byte{b}, int64(at)); err != nil {
		t.Fatal(err)
	}
}
