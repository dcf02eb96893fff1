package examples

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// movingPage is what moving/README.md tells to do, as far as it is commands.
type movingPage struct {
	blocks []pageBlock
	dates  *strings.Replacer // the page's dates to ones that are ahead
}

// pageBlock is a code block of commands.
type pageBlock struct {
	heading  string // it stands below
	back     bool   // it is a way back
	commands string
	prints   []string // lines that stand below it, of what it prints
	done     bool
}

// fails tells whether the page says that the commands end with an error.
func (b *pageBlock) fails() bool {
	return slices.ContainsFunc(b.prints, func(line string) bool { return strings.HasPrefix(line, "latchkey: error: ") })
}

// pageDates are the dates on the page, and how many days ahead they are here.
var pageDates = map[string]int{"2027-01-15": 30, "2027-03-01": 60, "2027-06-30": 180}

// here is a date of the page's in this test.
func here(date string) string {
	return time.Now().UTC().AddDate(0, 0, pageDates[date]).Format(time.DateOnly)
}

func readMovingPage(t *testing.T) *movingPage {
	t.Helper()
	text, err := os.ReadFile("moving/README.md")
	if err != nil {
		t.Fatal(err)
	}
	p := &movingPage{}
	heading, fence := "", ""
	for line := range strings.Lines(string(text)) {
		last := max(0, len(p.blocks)-1)
		switch word, isFence := strings.CutPrefix(line, "```"); {
		case isFence && fence != "":
			fence = ""
		case isFence:
			fence = strings.TrimSpace(word) + "."
			if fence == "sh." || fence == "sh back." {
				p.blocks = append(p.blocks, pageBlock{heading: heading, back: fence == "sh back."})
			}
		case fence == "sh.", fence == "sh back.":
			p.blocks[last].commands += line
		case fence == "text.":
			p.blocks[last].prints = append(p.blocks[last].prints, strings.TrimSpace(line))
		case fence == "" && strings.HasPrefix(line, "## "):
			heading = strings.TrimSpace(line[len("## "):])
		}
	}
	var dates []string
	for date := range pageDates {
		dates = append(dates, date, here(date))
	}
	p.dates = strings.NewReplacer(dates...)
	return p
}

// mustPrint looks for the lines that the page shows, in their order.
func mustPrint(t *testing.T, printed string, lines []string) {
	t.Helper()
	rest := strings.Split(printed, "\n")
	for _, line := range lines {
		pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + "$"
		at := slices.IndexFunc(rest, regexp.MustCompile(pattern).MatchString)
		if at < 0 {
			at = slices.IndexFunc(rest, func(s string) bool { return regexp.MustCompile(pattern).MatchString(strings.TrimSpace(s)) })
		}
		if at < 0 {
			t.Errorf("the page shows %q, but it prints\n%s", line, printed)
			return
		}
		rest = rest[at+1:]
	}
}

// A pause is what others do before a command of the page.
type pause struct {
	before string // the block holds this
	do     func(t *testing.T)
}

// follow runs the blocks below a heading, the ways back or the others, and tells
// how long the machine took for them.
func (p *movingPage) follow(t *testing.T, m *machine, heading string, back bool, pauses ...pause) time.Duration {
	t.Helper()
	var took time.Duration
	found := false
	for i := range p.blocks {
		b := &p.blocks[i]
		if !strings.HasPrefix(b.heading, heading) || b.back != back {
			continue
		}
		found, b.done = true, true
		if len(pauses) > 0 && strings.Contains(b.commands, pauses[0].before) {
			pauses[0].do(t)
			pauses = pauses[1:]
		}
		began := time.Now()
		out, err := m.run(p.dates.Replace(b.commands))
		took += time.Since(began)
		if (err != nil) != b.fails() {
			t.Fatalf("%s: %v", heading, err)
		}
		mustPrint(t, out, b.prints)
		m.settle(t)
	}
	if !found || len(pauses) > 0 {
		t.Fatalf("%q: the page has no such commands, or not in this order: %d pauses left", heading, len(pauses))
	}
	return took
}

// mustBeDone looks for blocks that nobody has run.
func (p *movingPage) mustBeDone(t *testing.T) {
	for _, b := range p.blocks {
		if !b.done {
			t.Errorf("nobody has followed, below %q:\n%s", b.heading, b.commands)
		}
	}
}
