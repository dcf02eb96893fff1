package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// suggestKey helps with a key that does not exist: one that stands in another
// section, else one spelled alike.
func suggestKey(path string, known map[string]setter) string {
	name := path[strings.LastIndexByte(path, '.')+1:]
	if _, found := senderKeys()[name]; found && within(path, "sms") {
		return fmt.Sprintf(" (%s stands in [[%s]])", name, senderSection)
	}
	for _, other := range slices.Sorted(maps.Keys(known)) {
		dot := strings.LastIndexByte(other, '.')
		if other[dot+1:] != name {
			continue
		}
		if dot < 0 {
			return fmt.Sprintf(" (%s stands at the top, before all sections)", name)
		}
		return fmt.Sprintf(" (%s stands in [%s])", name, other[:dot])
	}
	return suggest(path, known)
}

// suggest names the one among the known that is at most two edits away.
func suggest[V any](name string, known map[string]V) string {
	if len(name) > 64 {
		return ""
	}
	best, distance := "", 3
	for _, other := range slices.Sorted(maps.Keys(known)) {
		if d := edits(name, other); d < distance {
			best, distance = other, d
		}
	}
	if best == "" {
		return ""
	}
	if section := best[:strings.LastIndexByte(best, '.')+1]; strings.HasPrefix(name, section) {
		best = best[len(section):]
	}
	return fmt.Sprintf(" (do you mean %s?)", best)
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, row[j]+1, corner+1)
		}
	}
	return row[len(b)]
}
