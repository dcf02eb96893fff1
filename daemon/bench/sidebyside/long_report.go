package main

import (
	"bytes"
	"fmt"
	"runtime"
	"time"
)

const revokedWithin = 100 * time.Millisecond

// report is the part that "make bench-long" writes.
func (r *longRun) report(commit string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# Without a pause

Written by `+"`make bench-long`"+` on %s (%s, %d processors; %s, %s). One app password of each of %s accounts logs in, in no order, at %v as fast as it goes; four
times a second an app password is made and revoked, and the time until the revocation is on disk and has its answer is taken. What is written is what the
daemon has had the disk write: events, last uses, changes and the pages of the tree above them.

| | |
| --- | ---: |
`, time.Now().UTC().Format("2006-01-02"), processor(), runtime.NumCPU(), commit, runtime.Version(), grouped(r.accounts), piped)
	row := func(what, format string, figures ...any) {
		fmt.Fprintf(&b, "| %s | %s |\n", what, fmt.Sprintf(format, figures...))
	}
	row("time", "%v", r.load.Elapsed.Round(time.Second))
	row("logins/s", "%.0f", r.load.LoginsPerSecond)
	row("logins", "%s", grouped(int(r.load.Accepted)))
	row("p50, p99 and p99.9 of a login", "%.2f, %.2f and %.2f ms", ms(r.load.P50), ms(r.load.P99), ms(r.load.P999))
	row("slowest login", "%.0f ms", ms(r.load.Max))
	row("file before", "%.0f MiB", mib(r.samples[0].file))
	row("file after", "%.0f MiB", mib(r.last().file))
	row("written, MiB/s", "%.1f", mib(r.last().written-r.samples[0].written)/r.last().after.Seconds())
	row("most memory of its own", "%.0f MiB", mib(r.mostPrivate()))
	row("revocations", "%s", grouped(len(r.revoked)))
	row("p50, p99 and slowest revocation", "%.1f, %.1f and %.1f ms", ms(r.quantile(0.5)), ms(r.quantile(0.99)), ms(r.quantile(1)))
	verdict := "met"
	if r.quantile(0.99) > revokedWithin {
		verdict = "**missed**"
	}
	row(fmt.Sprintf("p99 of revocations, wanted: %v at most", revokedWithin), "%s", verdict)
	row("logins whose event was dropped, and counted", "%s (%.0f %%)", grouped(int(r.lost)), 100*r.lost/float64(r.load.Accepted))
	row("stop, until all that waits is written", "%.1f s", r.stopped.Seconds())
	b.WriteString(`
An event is dropped only when 32,768 of its kind wait in memory already: as many accounts as that have logged in within seconds, each for the first time
in an hour. Those that come again are on record then, unless they come too late. Real mail programs of a million accounts come by with some thousands of logins in a second.
`)
	return b.Bytes()
}

func (r *longRun) last() longAt { return r.samples[len(r.samples)-1] }

func (r *longRun) mostPrivate() int64 {
	var most int64
	for _, at := range r.samples {
		most = max(most, at.private)
	}
	return most
}
