package secret

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"sync"
	"testing"
)

func sequence() (b [32]byte) {
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func newKeys(t testing.TB, master [32]byte) *Keys {
	t.Helper()
	k, err := NewKeys(master)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestKnownAnswers freezes every derivation: a change of any of these makes all
// databases unreadable. The values were computed apart from this code, with
// Python's hmac module: see testdata/known_answers.py.
func TestKnownAnswers(t *testing.T) {
	k := newKeys(t, sequence())
	account, letters := [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, [16]byte([]byte("abcdefghjkmnpqrs"))
	tag := k.AppPasswordTag(account, letters)
	mac := k.RecordMAC([]byte("akey"), []byte("payload"))
	token, code := Token{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, RecoveryCode([]byte("abcdefghjkmn"))
	session, device := k.SessionTag(account, token), k.DeviceTag(account, token)
	recovery, helpdesk := k.RecoveryTag(account, code), k.HelpdeskTag(account, code)
	number, salt := k.NumberTag("+8613812345678"), k.SCRAMSalt("u@example.org")
	for name, got := range map[string]string{
		"generation": k.Generation(),
		"tag":        hex.EncodeToString(tag[:]),
		"mac":        hex.EncodeToString(mac[:]),
		"session":    hex.EncodeToString(session[:]),
		"device":     hex.EncodeToString(device[:]),
		"recovery":   hex.EncodeToString(recovery[:]),
		"helpdesk":   hex.EncodeToString(helpdesk[:]),
		"number":     hex.EncodeToString(number[:]),
		"salt":       hex.EncodeToString(salt[:]),
	} {
		if want := knownAnswers[name]; got != want {
			t.Errorf("%s is %s, not %s", name, got, want)
		}
	}
	sealed, _ := hex.DecodeString(knownSealed)
	plain, err := k.Open([]byte("akey"), sealed)
	if err != nil || string(plain) != "+8613812345678" {
		t.Errorf("a value sealed by version 1 opens as %q, %v", plain, err)
	}
}

func TestTagsDiffer(t *testing.T) {
	k, other := newKeys(t, [32]byte{1}), newKeys(t, [32]byte{2})
	letters := [16]byte([]byte("abcdefghjkmnpqrs"))
	tags := map[[16]byte]string{}
	for name, tag := range map[string][16]byte{
		"tag":             k.AppPasswordTag([8]byte{1}, letters),
		"other account":   k.AppPasswordTag([8]byte{2}, letters),
		"other letters":   k.AppPasswordTag([8]byte{1}, [16]byte([]byte("abcdefghjkmnpqrt"))),
		"other key":       other.AppPasswordTag([8]byte{1}, letters),
		"mac":             k.RecordMAC([]byte("key"), []byte("payload")),
		"mac, shifted":    k.RecordMAC([]byte("keyp"), []byte("ayload")),
		"mac, no key":     k.RecordMAC(nil, []byte("keypayload")),
		"mac, other key":  other.RecordMAC([]byte("key"), []byte("payload")),
		"mac like a tag":  k.RecordMAC([]byte{1, 0, 0, 0, 0, 0, 0, 0}, append([]byte{0}, letters[:]...)),
		"mac, no payload": k.RecordMAC([]byte("key"), nil),
		"session":         k.SessionTag([8]byte{1}, Token(letters)),
		"session, other":  k.SessionTag([8]byte{2}, Token(letters)),
		"session, key":    other.SessionTag([8]byte{1}, Token(letters)),
		"device":          k.DeviceTag([8]byte{1}, Token(letters)),
		"device, other":   k.DeviceTag([8]byte{2}, Token(letters)),
		"recovery":        k.RecoveryTag([8]byte{1}, RecoveryCode(letters[:12])),
		"recovery, other": k.RecoveryTag([8]byte{2}, RecoveryCode(letters[:12])),
		"helpdesk":        k.HelpdeskTag([8]byte{1}, RecoveryCode(letters[:12])),
		"helpdesk, other": k.HelpdeskTag([8]byte{2}, RecoveryCode(letters[:12])),
		"number":          k.NumberTag("+8613812345678"),
		"number, other":   k.NumberTag("+8613812345679"),
		"number, key":     other.NumberTag("+8613812345678"),
		"salt":            k.SCRAMSalt("+8613812345678"),
		"salt, other":     k.SCRAMSalt("+8613812345679"),
		"salt, key":       other.SCRAMSalt("+8613812345678"),
		"number like tag": k.NumberTag(string(append(make([]byte, 9), letters[:]...))),
	} {
		if same, ok := tags[tag]; ok {
			t.Errorf("%s and %s are the same", name, same)
		}
		tags[tag] = name
	}
	if k.Generation() == other.Generation() || len(k.Generation()) != 8 {
		t.Errorf("generations %s and %s", k.Generation(), other.Generation())
	}
}

// TestTagsOfEachPurpose gives every purpose the same bytes: a tag made for one is
// valid for no other, because each has a key of its own.
func TestTagsOfEachPurpose(t *testing.T) {
	k := newKeys(t, [32]byte{1})
	same := func(pool *macPool) [16]byte {
		m := pool.get()
		m.h.Write([]byte("the same bytes"))
		return pool.finish(m)
	}
	tags := map[[16]byte]string{}
	for name, pool := range map[string]*macPool{
		"app password": &k.appPassword, "record": &k.recordMAC, "session": &k.session, "device": &k.device,
		"recovery": &k.recovery, "helpdesk": &k.helpdesk, "number": &k.number, "code": &k.code, "SCRAM salt": &k.scramSalt,
	} {
		if other, ok := tags[same(pool)]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		tags[same(pool)] = name
	}
	if pools := reflect.TypeFor[macPool](); len(tags) != countFields(reflect.TypeFor[Keys](), pools) {
		t.Errorf("%d purposes are compared, and Keys has others", len(tags))
	}
}

func countFields(of, want reflect.Type) int {
	n := 0
	for i := range of.NumField() {
		if of.Field(i).Type == want {
			n++
		}
	}
	return n
}

// TestPooledStates runs both MACs from many goroutines: a state that was not
// reset, or shared, gives another answer.
func TestPooledStates(t *testing.T) {
	k := newKeys(t, [32]byte{1})
	letters := [16]byte([]byte("abcdefghjkmnpqrs"))
	tag, mac := k.AppPasswordTag([8]byte{1}, letters), k.RecordMAC([]byte("key"), []byte("payload"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				if k.AppPasswordTag([8]byte{1}, letters) != tag || k.RecordMAC([]byte("key"), []byte("payload")) != mac {
					t.Error("a pooled state gave another answer")
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestSeal(t *testing.T) {
	k := newKeys(t, [32]byte{1})
	random := bytes.NewReader(bytes.Repeat([]byte{9}, 24))
	sealed, err := k.Seal(random, []byte("record"), []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := k.Open([]byte("record"), sealed); err != nil || string(plain) != "plain" {
		t.Errorf("Open = %q, %v", plain, err)
	}
	if _, err := k.Open([]byte("another"), sealed); !errors.Is(err, ErrSealDamaged) {
		t.Errorf("under another record's key: %v; want ErrSealDamaged", err)
	}
	if _, err := newKeys(t, [32]byte{2}).Open([]byte("record"), sealed); !errors.Is(err, ErrSealGeneration) {
		t.Errorf("with another key file: %v; want ErrSealGeneration", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if plain, err := k.Open([]byte("record"), bad); err == nil {
			t.Errorf("byte %d flipped: opens as %q", i, plain)
		}
		if plain, err := k.Open([]byte("record"), sealed[:i]); err == nil {
			t.Errorf("cut to %d bytes: opens as %q", i, plain)
		}
	}
	if _, err := k.Seal(bytes.NewReader(nil), nil, nil); err == nil {
		t.Error("sealed without randomness")
	}
}

func BenchmarkAppPasswordTag(b *testing.B) {
	k := newKeys(b, [32]byte{1})
	letters := [16]byte([]byte("abcdefghjkmnpqrs"))
	b.ReportAllocs()
	for b.Loop() {
		k.AppPasswordTag([8]byte{1}, letters)
	}
}

func BenchmarkRecordMAC(b *testing.B) {
	k := newKeys(b, [32]byte{1})
	key, payload := []byte("auser@example.org"), make([]byte, 250)
	b.ReportAllocs()
	for b.Loop() {
		k.RecordMAC(key, payload)
	}
}

var knownAnswers = map[string]string{
	"generation": "6608a54a",
	"tag":        "b21e74e5fcff8c799ce96d16ce092f5b",
	"mac":        "de6068307635db8b2413e1fe90f46a22",
	"session":    "fe60a4e3fb356a7274736c7c7d0d26ab",
	"device":     "24cc5e78e2e78bbbdabac58b2e3a54cf",
	"recovery":   "8ebef2828d4a75fab1c12fbe289c9a99",
	"helpdesk":   "092c1fbf9c9148e9b6ac9648107282d9",
	"number":     "8e97f99eb95f0d0c61ef09196e8a2652",
	"salt":       "dc189270b3efafd931ff109ffc901f3c",
}

// knownSealed was made by Seal of version 1 with a nonce of nines.
const knownSealed = "6608a54a0909090909090909090909090909090909090909090909092b621b84f1076affebf6c60560ef684e73eea788a42e47403539a4bbe8ca"
