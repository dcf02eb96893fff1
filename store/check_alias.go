package store

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// aliasCheck compares the aliases with what their accounts list. It needs about
// a hundred bytes of memory for each alias.
type aliasCheck struct {
	open map[aliasEntry]int // under its own name: +1; in an account's list: -1
	// What is damaged is reported as such, and nothing of the other side is.
	names map[string]bool
	lists map[aliasEntry]bool
}

// aliasEntry is one alias of one account.
type aliasEntry struct {
	acct AccountID
	name string
}

func newAliasCheck() *aliasCheck {
	return &aliasCheck{open: map[aliasEntry]int{}, names: map[string]bool{}, lists: map[aliasEntry]bool{}}
}

func (c *aliasCheck) found(acct AccountID, name string)  { c.add(aliasEntry{acct, name}, 1) }
func (c *aliasCheck) listed(acct AccountID, name string) { c.add(aliasEntry{acct, name}, -1) }

func (c *aliasCheck) add(e aliasEntry, by int) {
	if c.open[e] += by; c.open[e] == 0 {
		delete(c.open, e)
	}
}

func (c *aliasCheck) damaged(kind RecordKind, key []byte) {
	switch kind {
	case RecordAlias:
		c.names[string(key[1:])] = true
	case RecordAliasListing:
		acct := AccountID(key[1:])
		c.lists[aliasEntry{acct, string(key[len(belowKey(acct, belowAlias, "")):])}] = true
	}
}

// report names the aliases that their account does not list, and those that an
// account lists and no login finds.
func (c *aliasCheck) report(damaged func(DamagedRecord)) {
	byAccount := func(a, b aliasEntry) int {
		return cmp.Or(compareIDs(a.acct, b.acct), strings.Compare(a.name, b.name))
	}
	for _, e := range slices.SortedFunc(maps.Keys(c.open), byAccount) {
		kind := RecordAlias
		if c.open[e] > 0 {
			kind = RecordAliasListing
		}
		if c.names[e.name] || c.lists[e] {
			continue
		}
		damaged(DamagedRecord{Kind: kind, AccountID: e.acct, Address: e.name, Missing: true})
	}
}
