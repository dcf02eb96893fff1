package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a configuration file.
type Problem struct {
	Line int    // 1-based, 0 = the file as a whole
	Key  string // with its section: "auth.failure_delay"; "" if no key is meant
	Text string // what is wrong; never a line of the file
}

// Problems is everything that is wrong with one configuration file, by line.
type Problems struct {
	File string
	List []Problem
}

// Error has one line for each problem: FILE:LINE: KEY: TEXT.
func (p *Problems) Error() string {
	var b strings.Builder
	for i, one := range p.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.File)
		if one.Line > 0 {
			fmt.Fprintf(&b, ":%d", one.Line)
		}
		if one.Key != "" {
			b.WriteString(": " + one.Key)
		}
		b.WriteString(": " + one.Text)
	}
	return b.String()
}

func (p *Problems) add(line int, key, format string, args ...any) {
	p.List = append(p.List, Problem{Line: line, Key: key, Text: fmt.Sprintf(format, args...)})
}

// sort puts the problems in the order of the file.
func (p *Problems) sort() {
	slices.SortStableFunc(p.List, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
}
