package audit

import "github.com/latchkey-mail/latchkey/store"

// seenKey is one credential of one account.
type seenKey struct {
	account    store.AccountID
	credential string
}

// seen holds uses that make no event of their own, the latest of each
// credential.
type seen struct {
	uses map[seenKey]store.Use
	losses
}

// Seen records that a credential was in use, such as a portal session. It does
// not block on the store. Of several uses before the next write the latest is
// kept; when too many credentials are waiting the use is dropped and counted.
func (r *Recorder) Seen(u store.Use) {
	clipText(&u.Service)
	clipText(&u.ClientID)
	k := seenKey{u.AccountID, u.Credential}
	r.mu.Lock()
	defer r.mu.Unlock()
	old, found := r.seen.uses[k]
	switch {
	case found && old.Time.After(u.Time):
		return
	case !found && len(r.seen.uses) >= maxKeys:
		r.seen.lost++
		return
	}
	r.seen.uses[k] = u
}

// copySeen copies those sightings that are still to be written.
func (r *Recorder) copySeen(keys []seenKey) []store.Use {
	list := make([]store.Use, 0, len(keys))
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range keys {
		if u, found := r.seen.uses[k]; found {
			list = append(list, u)
		}
	}
	return list
}

// settleSeen forgets what was written, unless it was seen again meanwhile.
func (r *Recorder) settleSeen(written []store.Use) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range written {
		k := seenKey{u.AccountID, u.Credential}
		if r.seen.uses[k] == u {
			delete(r.seen.uses, k)
		}
	}
}
