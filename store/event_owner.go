package store

import "sync"

// eventCaps are the most events that are kept for one owner, by kind of owner.
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
