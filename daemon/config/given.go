package config

import "slices"

// givenKeys are the keys that a file has: where they stand, and which of them
// are wrong. What more than one key says is checked only where each is right, so
// that one mistake is not reported twice.
type givenKeys map[string]givenKey

type givenKey struct {
	line int
	bad  bool
}

func (g givenKeys) note(e entry, err error) { g[e.path] = givenKey{e.line, err != nil} }

// good says whether none of the keys is wrong; one left out is right.
func (g givenKeys) good(keys ...string) bool {
	return !slices.ContainsFunc(keys, func(key string) bool { return g[key].bad })
}

// goodBelow says whether a table and all rows of it that the file has are right.
func (g givenKeys) goodBelow(table string) bool {
	for path, one := range g {
		if one.bad && within(path, table) {
			return false
		}
	}
	return true
}

// lineBelow is that of a table, or of its first row.
func (g givenKeys) lineBelow(table string) int {
	first := 0
	for path, one := range g {
		if within(path, table) && (first == 0 || one.line < first) {
			first = one.line
		}
	}
	return first
}

// line is that of the first of the keys that the file has, else 0.
func (g givenKeys) line(keys ...string) int {
	for _, key := range keys {
		if one, found := g[key]; found {
			return one.line
		}
	}
	return 0
}
