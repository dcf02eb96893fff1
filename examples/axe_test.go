package examples

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// axeScript is the checker, where .ci/install puts it.
const axeScript = "../.build/npm/node_modules/axe-core/axe.min.js"

// axeSource reads it once.
var axeSource = sync.OnceValues(func() (string, error) {
	script, err := os.ReadFile(axeScript)
	return string(script), err
})

// axeRun is every rule of WCAG 2.2, levels A and AA, on the page as it stands. It
// fetches nothing, which the pages' policy would not let it.
const axeRun = `axe.run(document, {
	runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
	resultTypes: ["violations"],
	preload: false,
}).then(found => ({
	checked: found.passes.length,
	violations: found.violations.map(v => ({
		rule: v.id, help: v.help,
		nodes: v.nodes.map(n => n.html + "\n" + n.failureSummary),
	})),
}))`

// axeReport is what it found.
type axeReport struct {
	Checked    int // rules that had something to check
	Violations []struct {
		Rule, Help string
		Nodes      []string
	}
}

// audit lets axe-core look at the page.
func (b *browser) audit(t *testing.T) axeReport {
	t.Helper()
	source, err := axeSource()
	if err != nil {
		t.Fatal(err)
	}
	if value(t, b, chromedp.Evaluate[bool]("typeof axe === 'undefined'")) {
		b.do(t, chromedp.Evaluate[chromedp.Void](source))
	}
	return value(t, b, chromedp.Evaluate[axeReport](axeRun, chromedp.EvalAwaitPromise))
}

// String tells each violation with the elements it is about.
func (r axeReport) String() string {
	var all strings.Builder
	for _, v := range r.Violations {
		fmt.Fprintf(&all, "%s: %s\n", v.Rule, v.Help)
		for _, node := range v.Nodes {
			fmt.Fprintf(&all, "\t%s\n", strings.ReplaceAll(node, "\n", "\n\t\t"))
		}
	}
	return all.String()
}
