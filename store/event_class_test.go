package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
)

const flooded = "u@example.org"

// ofClass is an event of an address, told apart by its Detail.
func ofClass(class eventClass, at time.Time, detail string) Event {
	e := Event{Time: at, Kind: EventLogin, Outcome: Rejected, Address: flooded, Detail: detail}
	switch class {
	case classChange:
		e.Kind, e.Outcome = EventPhoneBound, Undecided
	case classTried:
		e.Kind, e.Outcome = EventLoginRehearsed, Undecided
	case classAccepted:
		e.Outcome, e.Credential = Accepted, "main-0100000000000000"
	case classRefused:
		e.Credential = AppPasswordID{1}.String()
	}
	return e
}

func writeEvents(t testing.TB, s *Store, batch ...Event) {
	t.Helper()
	for part := range slices.Chunk(batch, maxMerged) {
		if err := s.WriteMerged(ctx, part, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// all reads an address's events in pages.
func all(t testing.TB, s *Store, address string) []Event {
	t.Helper()
	var list []Event
	q := EventQuery{Address: address, Limit: 7}
	for {
		page := events(t, s, q)
		if list = append(list, page...); len(page) < q.Limit {
			return list
		}
		q.After = page[len(page)-1].ID
	}
}

func TestEventClasses(t *testing.T) {
	for _, kind := range EventKinds() {
		for _, outcome := range []Outcome{Undecided, Rejected, Accepted} {
			for _, credential := range []string{"", "main-0100000000000000"} {
				e := Event{Kind: kind, Outcome: outcome, Credential: credential, Address: flooded}
				want := classChange
				switch verdict := kind == EventLogin || kind == EventLookup; {
				case kind == EventLoginRehearsed:
					want = classTried
				case verdict && outcome == Accepted:
					want = classAccepted
				case verdict && credential != "":
					want = classRefused
				case verdict:
					want = classGuess
				}
				payload := e.listing(ownerAddressPrefix(flooded))[headerLen:]
				if got, err := decodeListing(payload); got != want || err != nil {
					t.Errorf("%s %s %q: class %q, %v; want %q", kind, outcome, credential, got, err, want)
				}
				if n := len(e.listing(ownerUnknownPrefix())); n != headerLen {
					t.Errorf("a listing of unknown names has %d bytes", n)
				}
			}
		}
	}
	for _, payload := range []string{"x", "\x00", "cc"} {
		if _, err := decodeListing([]byte(payload)); err == nil {
			t.Errorf("listing %q is taken", payload)
		}
	}
}

// TestFloodOfGuesses: 5,000 wrong passwords from as many networks push out
// nothing but each other, with the caps that are in force.
func TestFloodOfGuesses(t *testing.T) {
	s := newStore(t)
	var before []Event
	for i := range 300 {
		at := t0.Add(time.Duration(i) * time.Minute)
		before = append(before, ofClass(classChange, at, fmt.Sprint("change ", i)),
			ofClass(classAccepted, at, fmt.Sprint("accepted ", i)), ofClass(classRefused, at, fmt.Sprint("refused ", i)))
	}
	writeEvents(t, s, before...)
	before = all(t, s, flooded)
	for i := range 5000 {
		e := ofClass(classGuess, t0.Add(time.Duration(300+i)*time.Minute), "")
		e.Network = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), 32)
		e.Service, e.Outcome = fmt.Sprint("service ", i), Outcome(i%2) // undecided ones, too
		writeEvents(t, s, e)
	}
	look := func(when string, least, most int) {
		t.Helper()
		list := all(t, s, flooded)
		guesses := len(list) - len(before)
		if guesses < least || guesses > most {
			t.Errorf("%s: %d events, %d of them guesses; want %d to %d", when, len(list), guesses, least, most)
			return
		}
		for i, want := range before {
			if got := list[guesses+i]; got != want {
				t.Fatalf("%s: %+v\nwant %+v", when, got, want)
			}
		}
	}
	look("after the flood", 1000, 1101)
	if _, err := s.PruneEvents(ctx, t0, nil); err != nil {
		t.Fatal(err)
	}
	look("after pruning", 1000, 1000)
}

// TestClassesModel writes events at random and compares with what a model keeps:
// the newest of each class.
func TestClassesModel(t *testing.T) {
	const limit = 40
	classes := []eventClass{classChange, classAccepted, classRefused, classTried, classGuess}
	s := openStore(t, memkv.New(), Options{EventsPerAccount: limit})
	random := rand.New(rand.NewPCG(1, 2))
	kept := make(map[eventClass][]string)
	for i := range 3000 {
		class := classes[min(random.IntN(10), 4)] // most are guesses
		e := ofClass(class, t0.Add(time.Duration(i)*time.Second), fmt.Sprintf("%06d%c", i, class))
		writeEvents(t, s, e)
		kept[class] = append(kept[class], e.Detail)
		if random.IntN(100) > 0 {
			continue
		}
		if _, err := s.PruneEvents(ctx, t0, nil); err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for class, details := range kept {
			kept[class] = details[max(0, len(details)-limit):]
			want = append(want, kept[class]...)
		}
		slices.Sort(want)
		slices.Reverse(want)
		for _, e := range all(t, s, flooded) {
			got = append(got, e.Detail)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("after %d events: %v\nwant %v", i+1, got, want)
		}
	}
}

// TestUntoldListings: what an earlier latchkey listed, without a class, is read,
// kept within the cap and removed with age, and new events do not push it out.
func TestUntoldListings(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{EventsPerAccount: 20})
	for i := range 15 {
		writeEvents(t, s, ofClass(classGuess, t0.Add(time.Duration(i)*time.Minute), fmt.Sprint(i)))
	}
	forgetClasses(t, s, e)
	for _, class := range []eventClass{classChange, classAccepted, classRefused, classGuess} {
		for i := range 100 {
			writeEvents(t, s, ofClass(class, t0.Add(time.Hour+time.Duration(i)*time.Second), "new"))
		}
	}
	prune := func(before time.Time) []Event {
		t.Helper()
		if _, err := s.PruneEvents(ctx, before, nil); err != nil {
			t.Fatal(err)
		}
		return all(t, s, flooded)
	}
	if list := prune(t0); len(list) != 4*20+15 || details(list[80:]) != "14 13 12 11 10 9 8 7 6 5 4 3 2 1 0" {
		t.Errorf("kept %d: %s", len(list), details(list))
	}
	forgetClasses(t, s, e) // 95 in one class: the newest stay
	if list := prune(t0); len(list) != 20 || list[19].Detail != "new" {
		t.Errorf("kept %d: %s", len(list), details(list))
	}
	if list := prune(t0.Add(2 * time.Hour)); len(list) != 0 || countKeys(t, e) != 2 { // schema and generation
		t.Errorf("%d events and %d keys are left", len(list), countKeys(t, e))
	}
}

// flipClasses makes the listings of some classes tell another one, as a flipped byte
// may, so that they fail their check.
func flipClasses(t *testing.T, e kv.Engine, to eventClass, from ...eventClass) {
	t.Helper()
	err := e.Update(ctx, func(w kv.Writer) error {
		flipped := make(map[string][]byte)
		err := w.Scan([]byte{keyOwner}, nil, func(key, value []byte) error {
			if slices.Contains(from, eventClass(value[headerLen])) {
				value = bytes.Clone(value)
				value[headerLen] = byte(to)
				flipped[string(key)] = value
			}
			return nil
		})
		for key, value := range flipped {
			err = errors.Join(err, w.Put([]byte(key), value))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamagedListingsArePruned: one that tells a class and fails its check competes
// with those that tell none, and not in that class.
func TestDamagedListingsArePruned(t *testing.T) {
	const limit = 20
	e := memkv.New()
	s := openStore(t, e, Options{EventsPerAccount: limit})
	for i := range limit {
		at := t0.Add(time.Duration(i) * time.Second)
		writeEvents(t, s, ofClass(classGuess, at, "damaged"), ofClass(classRefused, at, "damaged"))
		writeEvents(t, s, ofClass(classChange, t0.Add(time.Duration(limit+i)*time.Second), "change"))
	}
	flipClasses(t, e, classChange, classGuess, classRefused)
	if n, err := s.PruneEvents(ctx, t0, nil); n != limit || err != nil {
		t.Errorf("PruneEvents = %d, %v; want %d", n, err, limit)
	}
	kept := make(map[string]int)
	for _, e := range all(t, s, flooded) {
		kept[e.Detail]++
	}
	if kept["change"] != limit || kept["damaged"] != limit {
		t.Errorf("kept %v", kept)
	}
}

// forgetClasses makes all listings as earlier versions wrote them.
func forgetClasses(t *testing.T, s *Store, e kv.Engine) {
	t.Helper()
	err := e.Update(ctx, func(w kv.Writer) error {
		var keys [][]byte
		err := w.Scan([]byte{keyOwner}, nil, func(key, _ []byte) error {
			keys = append(keys, bytes.Clone(key))
			return nil
		})
		for _, key := range keys {
			if err == nil {
				err = w.Put(key, s.seal(key, make([]byte, headerLen)))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFrozenEventsArePruned: the listings of versions 1 and 2 tell no class.
func TestFrozenEventsArePruned(t *testing.T) {
	for _, name := range []string{frozenVersion1, frozenVersion2} {
		s, err := Open(ctx, openFrozen(t, name), frozenKeys(t), Options{MigrateOK: true, EventsPerAccount: 5})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			writeEvents(t, s, ofClass(classGuess, t0.Add(time.Duration(1+i)*time.Hour), "new"))
		}
		if n, err := s.PruneEvents(ctx, t0, nil); err != nil {
			t.Errorf("%s: PruneEvents = %d, %v", name, n, err)
		}
		if list := all(t, s, flooded); len(list) != 6 || list[5].Detail != "detail" {
			t.Errorf("%s: %d events: %s", name, len(list), details(list))
		}
		if _, err := s.PruneEvents(ctx, t0.Add(time.Minute), nil); err != nil {
			t.Fatal(err)
		}
		if list := all(t, s, flooded); len(list) != 5 {
			t.Errorf("%s: %d events after their age: %s", name, len(list), details(list))
		}
	}
}

// TestLogins reads no change and no more guesses than it is to, and never leaves
// out what a listing does not tell, or cannot be believed about.
func TestLogins(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	for i, class := range []eventClass{classGuess, classAccepted, classGuess, classChange, classRefused, classGuess, classChange} {
		writeEvents(t, s, ofClass(class, t0.Add(time.Duration(i)*time.Minute), fmt.Sprintf("%c%d", class, i)))
	}
	logins := func(guesses int) string {
		t.Helper()
		var list []Event
		err := s.View(ctx, func(r *Reader) error {
			return r.Logins(EventQuery{Address: flooded}, guesses, func(e *Event) { list = append(list, *e) })
		})
		if err != nil {
			t.Fatal(err)
		}
		return details(list)
	}
	for guesses, want := range []string{"r4 a1", "g5 r4 a1", "g5 r4 g2 a1", "g5 r4 g2 a1 g0", "g5 r4 g2 a1 g0"} {
		if got := logins(guesses); got != want {
			t.Errorf("with %d guesses: %s, want %s", guesses, got, want)
		}
	}
	for _, class := range []eventClass{classChange, classGuess} { // as a flipped byte may have it
		flipClasses(t, e, class, classAccepted, classChange)
		if got := logins(0); got != "r4 a1" {
			t.Errorf("damaged listings: %s", got)
		}
	}
	forgetClasses(t, s, e)
	if got := logins(0); got != "g5 r4 g2 a1 g0" {
		t.Errorf("listings without a class: %s", got)
	}
}
