package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

func sampleAccounts() []*Account {
	return []*Account{
		{ID: AccountID{1}},
		{ID: AccountID{0xff, 1}, Disabled: true, MainHash: "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA",
			Bound: t0, ExemptUntil: t0.Add(time.Hour)},
		{ID: AccountID{2}, AppPasswords: []AppPasswordRow{
			{ID: AppPasswordID{1}, Tag: [16]byte{1, 2, 3}, Scopes: ScopeAll, State: Live},
			{ID: AppPasswordID{2}, Tag: [16]byte{0xff}, Scopes: ScopeIMAP | ScopeSieve, State: MadeBeforeBinding, Expires: t0},
		}},
	}
}

func TestAccountCodec(t *testing.T) {
	for _, want := range sampleAccounts() {
		payload := appendAccount([]byte("kept"), want)[4:]
		got, err := decodeAccount("", payload)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("decoded %+v, %v\nwant %+v", got, err, want)
		}
		for i := range payload {
			if a, err := decodeAccount("", payload[:i]); !errors.Is(err, ErrDamaged) {
				t.Errorf("cut to %d of %d bytes: %+v, %v", i, len(payload), a, err)
			}
		}
		if a, err := decodeAccount("", append(payload, 0)); !errors.Is(err, ErrDamaged) {
			t.Errorf("one byte too many: %+v, %v", a, err)
		}
	}
	row := len(appendAccount(nil, sampleAccounts()[2])) - len(appendAccount(nil, &Account{}))
	if row != 2*34 {
		t.Errorf("two rows take %d bytes, not 68", row)
	}
}

// TestAccountCodecFrozen holds version 1 still, byte for byte.
func TestAccountCodecFrozen(t *testing.T) {
	const want = "\x01\x01" + "\xff\x01\x00\x00\x00\x00\x00\x00" + // version, disabled, id
		"\x00\x00\x00\x00\x6a\xb6\x99\xa0" + "\x00\x00\x00\x00\x00\x00\x00\x00" + // bound, exempt until
		"\x00\x03hsh" + "\x00\x01" + // main hash, one row
		"\x09\x00\x00\x00\x00\x00\x00\x00" + "\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x05\x02" + "\x00\x00\x00\x00\x00\x00\x00\x2a" // imap and smtp, revoked, expires
	a := &Account{ID: AccountID{0xff, 1}, Disabled: true, MainHash: "hsh", Bound: time.Unix(0x6ab699a0, 0),
		AppPasswords: []AppPasswordRow{{ID: AppPasswordID{9}, Tag: [16]byte{7}, Scopes: ScopeIMAP | ScopeSMTP,
			State: Revoked, Expires: time.Unix(42, 0)}}}
	if got := string(appendAccount(nil, a)); got != want {
		t.Errorf("encoded %q\nwant    %q", got, want)
	}
}

func TestDecodeAllocatesLittle(t *testing.T) {
	payload := appendAccount(nil, &Account{ID: AccountID{1}, MainHash: "hash", AppPasswords: make([]AppPasswordRow, 20)})
	if n := testing.AllocsPerRun(100, func() { _, _ = decodeAccount("u@example.org", payload) }); n > 3 {
		t.Errorf("decoding allocates %v times: want the account, its rows, its hash", n)
	}
}

func FuzzDecodeAccount(f *testing.F) {
	for _, a := range sampleAccounts() {
		f.Add(appendAccount(nil, a))
	}
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{1}, 30))
	f.Fuzz(func(t *testing.T, payload []byte) {
		a, err := decodeAccount("u@example.org", payload)
		if err != nil {
			if !errors.Is(err, ErrDamaged) || a != nil {
				t.Errorf("decodeAccount = %v, %v", a, err)
			}
			return
		}
		if again := appendAccount(nil, a); !bytes.Equal(again, payload) {
			t.Errorf("%x decodes and encodes as %x", payload, again)
		}
	})
}

// FuzzColdRecords gives every CBOR record foreign bytes under a MAC that is right:
// an error or a record, never a panic.
func FuzzColdRecords(f *testing.F) {
	s := newStore(f)
	for _, record := range []any{
		fullEventRecord(), AppPassword{Name: "n", Made: t0, State: Live}.record(),
		phoneRecord{Number: "+8613812345678", Bound: 1}, exceptionRecord{Until: 1}, lastUseRecord{Time: 1, Addr: []byte{1, 2, 3, 4}},
		sessionRecord{Address: "u@example.org", Tag: make([]byte, 16), Stage: 1, Device: make([]byte, 8), Addr: []byte{1, 2, 3, 4}},
		deviceRecord{Tag: make([]byte, 16), First: 1, Trusted: 1, TrustedUntil: 2}, challengeRecord{ID: make([]byte, 16), Number: "+8613812345678"},
		codeStateRecord{Wrong: 1, Numbers: make([]byte, 32)}, helpdeskCodeRecord{Tag: make([]byte, 16), Until: 1},
		recoveryCodesRecord{Made: 1, Codes: []recoveryCodeRecord{{Tag: make([]byte, 16)}, {}}}, expectedPhoneRecord{Number: "+8613812345678"},
		aliasRecord{Made: 1, By: "root"},
		userdbRecord{Fields: []userdbFieldRecord{{"home", "/srv/%n"}, {"uid", "5001"}}},
	} {
		payload, err := s.enc.Marshal(record)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	f.Add(appendAliasOf(nil, aliasOf{AccountID{1}, "u@example.org"}))
	scram := fullSCRAMKeys()
	f.Add(appendSCRAMKeys(nil, &scram))
	f.Fuzz(func(t *testing.T, payload []byte) {
		_, _ = decode[appPasswordRecord](s, payload)
		_, _ = decode[phoneRecord](s, payload)
		_, _ = decode[exceptionRecord](s, payload)
		_, _ = decode[lastUseRecord](s, payload)
		_, _ = s.decodeAlias("a@example.org", payload)
		if of, err := decodeAliasOf(payload); err == nil && !bytes.Equal(appendAliasOf(nil, of), payload) {
			t.Errorf("%x is read as %+v", payload, of)
		}
		fuzzPortal(t, s, payload)
		r, err := decode[eventRecord](s, payload)
		if err != nil {
			return
		}
		if e, err := r.event(EventID{1}); err == nil {
			e.owners()
			e.record()
		}
	})
}

// fuzzPortal does so with the portal's records: what is read could be written.
func fuzzPortal(t *testing.T, s *Store, payload []byte) {
	acct := AccountID{1}
	if x, err := s.decodeSession(acct, "12345678", payload); err == nil && x.check() != nil {
		t.Errorf("a session is read that cannot be: %+v", x)
	}
	if d, err := s.decodeDevice(acct, "12345678", payload); err == nil && d.check() != nil {
		t.Errorf("a device is read that cannot be: %+v", d)
	}
	key := challengeKey(acct, SessionID{1}, PurposeBind)
	sealed, err := s.keys.Seal(s.rand, key, payload)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.openChallenge(key, sealed); err == nil && c.check() != nil {
		t.Errorf("a challenge is read that cannot be: %+v", c)
	}
	_, _ = s.openExpectedPhone(key, sealed)
	if fields, err := s.decodeUserdb(payload); err == nil && (len(fields) == 0 || checkUserdb(fields) != nil) {
		t.Errorf("userdb fields are read that cannot be: %+v", fields)
	}
	if k, err := decodeSCRAMKeys(payload); err == nil && (k.check() != nil || !bytes.Equal(appendSCRAMKeys(nil, &k), payload)) {
		t.Errorf("%x is read as SCRAM keys that cannot be, or not written so", payload)
	}
	_, _ = s.decodeRecoveryCodes(payload)
	_, _ = s.decodeHelpdeskCode(payload)
	_, _ = s.decodeCodeState(payload)
	if ids, err := decodeAccountIDs(payload); err == nil && !bytes.Equal(appendAccountIDs(nil, ids), payload) {
		t.Errorf("%x is read as %v", payload, ids)
	}
}

func fullEventRecord() eventRecord {
	e := fullEvent()
	return e.record()
}

// TestUnknownFieldsAreRefused: a field from a later version must not be dropped
// when the record is rewritten.
func TestUnknownFieldsAreRefused(t *testing.T) {
	s := newStore(t)
	type later struct {
		lastUseRecord
		New string `cbor:"99,keyasint"`
	}
	for name, record := range map[string]any{
		"unknown field": later{New: "x"}, "text key": map[string]int{"Time": 1},
		"wrong type": map[int]string{1: "x"}, "not a map": []int{1},
	} {
		payload, err := s.enc.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decode[lastUseRecord](s, payload); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %+v, %v; want ErrDamaged", name, got, err)
		}
	}
	twice := []byte{0xa2, 0x01, 0x01, 0x01, 0x02} // {1: 1, 1: 2}
	if got, err := decode[lastUseRecord](s, twice); !errors.Is(err, ErrDamaged) {
		t.Errorf("a doubled field: %+v, %v", got, err)
	}
	indefinite := []byte{0xbf, 0x01, 0x01, 0xff}
	if got, err := decode[lastUseRecord](s, indefinite); !errors.Is(err, ErrDamaged) {
		t.Errorf("an indefinite map: %+v, %v", got, err)
	}
}

// TestRecordsOfWrongShape: records of the portal whose fields cannot be, under a
// MAC that is right, are damaged.
func TestRecordsOfWrongShape(t *testing.T) {
	s := newStore(t)
	acct, tag := AccountID{1}, [16]byte{1}
	key := challengeKey(acct, SessionID{1}, PurposeBind)
	session := func(payload []byte) error { _, err := s.decodeSession(acct, "12345678", payload); return err }
	device := func(payload []byte) error { _, err := s.decodeDevice(acct, "12345678", payload); return err }
	challenge := func(payload []byte) error {
		sealed, err := s.keys.Seal(s.rand, key, payload)
		if err == nil {
			_, err = s.openChallenge(key, sealed)
		}
		return err
	}
	for name, test := range map[string]struct {
		read   func([]byte) error
		record any
		good   bool
	}{
		"session":               {session, sessionRecord{Address: "u@x", Tag: tag[:], Stage: 1}, true},
		"session, short tag":    {session, sessionRecord{Address: "u@x", Tag: tag[:15], Stage: 1}, false},
		"session, no tag":       {session, sessionRecord{Address: "u@x", Tag: make([]byte, 16), Stage: 1}, false},
		"session, no stage":     {session, sessionRecord{Address: "u@x", Tag: tag[:]}, false},
		"session, stage 4":      {session, sessionRecord{Address: "u@x", Tag: tag[:], Stage: 4}, false},
		"session, no address":   {session, sessionRecord{Tag: tag[:], Stage: 1}, false},
		"session, long device":  {session, sessionRecord{Address: "u@x", Tag: tag[:], Stage: 1, Device: tag[:9]}, false},
		"device":                {device, deviceRecord{Tag: tag[:]}, true},
		"device, long tag":      {device, deviceRecord{Tag: append(tag[:], 1)}, false},
		"device, endless trust": {device, deviceRecord{Tag: tag[:], Trusted: 1}, false},
		"challenge":             {challenge, challengeRecord{ID: tag[:], Number: "+1"}, true},
		"challenge, short id":   {challenge, challengeRecord{ID: tag[:8], Number: "+1"}, false},
		"challenge, no number":  {challenge, challengeRecord{ID: tag[:]}, false},
		"state of codes": {func(b []byte) error { _, err := s.decodeCodeState(b); return err },
			codeStateRecord{Numbers: append(tag[:], 1)}, false},
		"recovery codes": {func(b []byte) error { _, err := s.decodeRecoveryCodes(b); return err },
			recoveryCodesRecord{Codes: []recoveryCodeRecord{{Tag: tag[:1]}}}, false},
		"helpdesk's code": {func(b []byte) error { _, err := s.decodeHelpdeskCode(b); return err },
			helpdeskCodeRecord{Tag: tag[:1]}, false},
	} {
		payload, err := s.enc.Marshal(test.record)
		if err != nil {
			t.Fatal(err)
		}
		if err := test.read(payload); test.good != (err == nil) || !test.good && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v; good: %v", name, err, test.good)
		}
	}
}

func TestScopes(t *testing.T) {
	for service, want := range map[string]Scopes{
		"imap": ScopeIMAP, "IMAP": ScopeIMAP, "pop3": ScopePOP3, "smtp": ScopeSMTP, "Submission": ScopeSMTP,
		"sieve": ScopeSieve, "managesieve": ScopeSieve, "": scopeOther, "xmpp": scopeOther, "imaps": scopeOther,
	} {
		if got := ScopeOf(service); got != want {
			t.Errorf("ScopeOf(%q) = %#x", service, uint8(got))
		}
		if !ScopeAll.Covers(want) || (ScopeIMAP|ScopePOP3|ScopeSMTP|ScopeSieve).Covers(want) != (want != scopeOther) {
			t.Errorf("Covers is wrong for %q", service)
		}
	}
	if ScopeAll.Covers(0) || ScopeIMAP.Covers(ScopeIMAP|ScopeSMTP) {
		t.Error("Covers takes too little for enough")
	}
	for list, want := range map[string]Scopes{"all": ScopeAll, "imap": ScopeIMAP, "smtp, imap": ScopeIMAP | ScopeSMTP, "sieve,pop3,imap": ScopeSieve | ScopePOP3 | ScopeIMAP} {
		got, err := ParseScopes(list)
		if got != want || err != nil {
			t.Errorf("ParseScopes(%q) = %v, %v", list, got, err)
		}
		if back, err := ParseScopes(got.String()); back != got || err != nil {
			t.Errorf("%q prints as %q", list, got)
		}
	}
	for _, list := range []string{"", ",", "imap,", "all,imap", "IMAP", "xmpp"} {
		if got, err := ParseScopes(list); !errors.Is(err, ErrUnknownScope) || got != 0 {
			t.Errorf("ParseScopes(%q) = %v, %v", list, got, err)
		}
	}
}

func TestIDs(t *testing.T) {
	id, err := NewAppPasswordID(rand.NewChaCha8([32]byte{}))
	if err != nil || id.IsZero() {
		t.Fatalf("NewAppPasswordID = %v, %v", id, err)
	}
	if back, err := ParseAppPasswordID(id.String()); err != nil || back != id {
		t.Errorf("%v reads back as %v, %v", id, back, err)
	}
	zeroFirst := bytes.NewReader(append(make([]byte, 8), 1, 2, 3, 4, 5, 6, 7, 8))
	if id, err := newAccountID(zeroFirst); err != nil || id != (AccountID{1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Errorf("after a zero id: %v, %v", id, err)
	}
	for _, bad := range []string{"", "0102", "01020304050607zz", "0A02030405060708", "010203040506070809", " 102030405060708"} {
		if id, err := ParseAppPasswordID(bad); !errors.Is(err, ErrMalformedID) || !id.IsZero() {
			t.Errorf("ParseAppPasswordID(%q) = %v, %v", bad, id, err)
		}
	}
	type ids struct {
		Account AccountID
		App     AppPasswordID
		Event   EventID
		Session SessionID
		Device  DeviceID
	}
	want := ids{AccountID{1}, AppPasswordID{2}, makeEventID(t0, 1, 2), SessionID{3}, DeviceID{4}}
	text, err := json.Marshal(want)
	var got ids
	if err2 := json.Unmarshal(text, &got); err != nil || err2 != nil || got != want {
		t.Errorf("%s reads back as %v: %v, %v", text, got, err, err2)
	}
}

func TestNewIDs(t *testing.T) {
	random := func() *bytes.Reader {
		return bytes.NewReader(append(make([]byte, 16), 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8))
	}
	session, err := NewSessionID(random())
	device, err2 := NewDeviceID(random())
	challenge, err3 := NewChallengeID(random())
	want := [8]byte{1, 2, 3, 4, 5, 6, 7, 8}
	if err := errors.Join(err, err2, err3); err != nil || session != want || device != want || [8]byte(challenge[8:]) != want {
		t.Errorf("%v, %v, %v, %v; none may be zero", session, device, challenge, err)
	}
	if session.IsZero() || device.IsZero() || challenge.IsZero() || !(ChallengeID{}).IsZero() {
		t.Error("IsZero is wrong")
	}
	if _, err := NewChallengeID(bytes.NewReader(nil)); err == nil {
		t.Error("an id without randomness")
	}
}

// FuzzParseIDs: the ids in cookies and paths have one spelling each.
func FuzzParseIDs(f *testing.F) {
	for _, s := range []string{"0102030405060708", "0A02030405060708", "0000000000000000", "", "010203040506070", "zz02030405060708", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		session, err := ParseSessionID(s)
		device, err2 := ParseDeviceID(s)
		account, err3 := ParseAccountID(s)
		if (err == nil) != (err2 == nil) || (err == nil) != (err3 == nil) {
			t.Fatalf("%q: %v, %v, %v", s, err, err2, err3)
		}
		switch {
		case err != nil && (!errors.Is(err, ErrMalformedID) || !session.IsZero() || !device.IsZero() || !account.IsZero()):
			t.Errorf("%q: %v, %v, %v, %v", s, session, device, account, err)
		case err == nil && (session.String() != s || device.String() != s || account.String() != s):
			t.Errorf("%q has other spellings: %v, %v, %v", s, session, device, account)
		}
		if credential := SessionCredential(session); err == nil && credential != "session-"+s {
			t.Errorf("credential %q", credential)
		}
	})
}

func TestPhonePrintsMasked(t *testing.T) {
	p := Phone{Number: "+8613812345678", Bound: t0}
	encoded, err := json.Marshal(map[string]Phone{"phone": p})
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprintf("%v %+v %#v %s %q", p, p, p, p, p), fmt.Sprint([]Phone{p}), string(encoded)} {
		if strings.Contains(printed, "1234") || !strings.Contains(printed, "+86 138****5678") {
			t.Errorf("a phone prints as %s", printed)
		}
	}
}

func TestMaskNumber(t *testing.T) {
	for number, want := range map[string]string{
		"+8613812345678":    "+86 138****5678",
		"+14155552671":      "+1 41****671", // ten digits: half of them
		"+85251234567":      "+852 51****67",
		"+442071838750":     "+44 20****750",
		"+491711234567890":  "+49 171****7890",
		"+2901234":          "+290 1****4",
		"8613812345678":     "****",
		"+86138x2345678":    "****",
		"+12345":            "****",
		"+1234567890123456": "****",
		"":                  "****",
		"+":                 "****",
	} {
		got := MaskNumber(number)
		if got != want {
			t.Errorf("MaskNumber(%q) = %q; want %q", number, got, want)
		}
	}
}
