package store

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
)

// numberCheck compares the phones with the numbers' index. In an engine's order
// all phones come first: about a hundred bytes of memory are needed for each.
type numberCheck struct {
	open map[numberEntry]int // phones: +1; in the index: -1
	// What is damaged is reported as such, and nothing of the other side is.
	phones  map[AccountID]bool
	numbers map[[16]byte]bool
}

// numberEntry is one account of one number.
type numberEntry struct {
	tag  [16]byte
	acct AccountID
}

func newNumberCheck() *numberCheck {
	return &numberCheck{open: map[numberEntry]int{}, phones: map[AccountID]bool{}, numbers: map[[16]byte]bool{}}
}

func (n *numberCheck) bound(tag [16]byte, acct AccountID) { n.add(numberEntry{tag, acct}, 1) }

func (n *numberCheck) listed(tag [16]byte, accts []AccountID) {
	for _, acct := range accts {
		n.add(numberEntry{tag, acct}, -1)
	}
}

func (n *numberCheck) add(e numberEntry, by int) {
	if n == nil {
		return
	}
	if n.open[e] += by; n.open[e] == 0 {
		delete(n.open, e)
	}
}

func (n *numberCheck) damaged(kind RecordKind, key []byte) {
	if n == nil {
		return
	}
	switch kind {
	case RecordPhone:
		n.phones[AccountID(key[1:])] = true
	case RecordNumberListing:
		n.numbers[[16]byte(key[1:])] = true
	}
}

// report names the phones that are not listed, and what is listed without a
// phone.
func (n *numberCheck) report(damaged func(DamagedRecord)) {
	byAccount := func(a, b numberEntry) int {
		return cmp.Or(compareIDs(a.acct, b.acct), bytes.Compare(a.tag[:], b.tag[:]))
	}
	for _, e := range slices.SortedFunc(maps.Keys(n.open), byAccount) {
		missing := n.open[e] > 0
		if missing && n.numbers[e.tag] || !missing && n.phones[e.acct] {
			continue
		}
		damaged(DamagedRecord{Kind: RecordNumberListing, AccountID: e.acct, Missing: missing, Stale: !missing})
	}
}
