package store

import (
	"slices"
	"sync"
)

// eventClass says which of an address's events compete for room: each class has
// the address's cap to itself. Anybody can send wrong passwords, from ever new
// networks; were there one cap for all, they would push out what the account's
// owner did.
//
// The class stands in the listing, not in its key: the list stays one, in the
// order of time, so that reading it needs no merging, and pruning counts by class
// as it walks. The byte is on disk.
type eventClass byte

const (
	classUntold   eventClass = 0   // listed before listings told; nothing new pushes it out, only age
	classChange   eventClass = 'c' // whatever is no verdict and no rehearsal
	classAccepted eventClass = 'a'
	classRefused  eventClass = 'r' // or undecided, of a credential that is the account's
	classGuess    eventClass = 'g' // or undecided, of none: what a stranger can make
	classTried    eventClass = 't' // a rehearsal: a helpdesk could push out what it changed
)

func (e *Event) class() eventClass {
	switch {
	case e.Kind == EventLoginRehearsed:
		return classTried
	case !e.Kind.HasOutcome():
		return classChange
	case e.Outcome == Accepted:
		return classAccepted
	case e.Credential != "":
		return classRefused
	}
	return classGuess
}

// listing returns, after headerLen free bytes, what stands at the event's key in
// the owner's list: its class, which only the lists of addresses tell.
func (e *Event) listing(owner []byte) []byte {
	value := make([]byte, headerLen, headerLen+1)
	if owner[1] == ownerAddress {
		value = append(value, byte(e.class()))
	}
	return value
}

// decodeListing reads the payload of a listing.
func decodeListing(payload []byte) (eventClass, error) {
	if len(payload) == 0 {
		return classUntold, nil
	}
	known := []eventClass{classChange, classAccepted, classRefused, classGuess, classTried}
	if c := eventClass(payload[0]); len(payload) == 1 && slices.Contains(known, c) {
		return c, nil
	}
	return classUntold, ErrDamaged
}

// claimedClass is the class that the value of an owner's key says, unchecked.
func claimedClass(value []byte) eventClass {
	class, _ := decodeListing(value[min(headerLen, len(value)):])
	return class
}

// listed is the class that the value of an owner's key tells. A damaged one tells
// none, and is pruned like those that never did.
func (s *Store) listed(key, value []byte) eventClass {
	if len(value) == headerLen {
		return classUntold
	}
	payload, err := s.unseal(key, value)
	if err != nil {
		return classUntold
	}
	class, _ := decodeListing(payload)
	return class
}

// eventCaps are the most events that are kept for one owner, by kind of owner;
// an address has as many of each class.
type eventCaps struct{ address, network, unknown int }

func capsOf(o Options) eventCaps {
	c := eventCaps{o.EventsPerAccount, o.EventsPerNetwork, o.EventsOfUnknown}
	if c.address <= 0 {
		c.address = 1000
	}
	if c.network <= 0 {
		c.network = 100
	}
	if c.unknown <= 0 {
		c.unknown = 10_000
	}
	return c
}

// of returns the cap of an owner, by its key prefix.
func (c eventCaps) of(owner []byte) int {
	switch {
	case len(owner) > 1 && owner[1] == ownerNetwork:
		return c.network
	case len(owner) > 1 && owner[1] == ownerUnknown:
		return c.unknown
	}
	return c.address
}

// owners returns the key prefixes that an event is listed under. A login under
// an unknown name has no account to be bounded by, so its network is, and all
// unknown names together. Other events without an address are few; only their
// age bounds them.
func (e *Event) owners() [][]byte {
	if e.Address != "" {
		return [][]byte{ownerAddressPrefix(e.Address)}
	}
	if e.Kind != EventLogin && e.Kind != EventLookup {
		return nil
	}
	return [][]byte{ownerNetworkPrefix(e.Network), ownerUnknownPrefix()}
}

// addedEvents counts, for each owner, the events added since it was last
// trimmed. It is a hint, and lost at a restart: PruneEvents looks at everybody.
type addedEvents struct {
	mu sync.Mutex
	n  map[string]int // by owner's key prefix
}

// maxAddedOwners bounds addedEvents. A flood from more networks than this
// between two trims is bounded by the cap of all unknown names.
const maxAddedOwners = 16_384

func (a *addedEvents) note(owners []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, owner := range owners {
		if a.n == nil {
			a.n = make(map[string]int)
		}
		if _, known := a.n[owner]; !known && len(a.n) >= maxAddedOwners && owner != string(ownerUnknownPrefix()) {
			continue
		}
		a.n[owner]++
	}
}

// due takes out the owners that have grown by a tenth of their cap.
func (a *addedEvents) due(caps eventCaps) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var due []string
	for owner, n := range a.n {
		if n > caps.of([]byte(owner))/10 {
			due = append(due, owner)
			delete(a.n, owner)
		}
	}
	return due
}
