package main

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"time"
)

const revokedWithin = 100 * time.Millisecond

// longReport is the part that "make bench-long" writes, with a column for each run.
func longReport(runs []*longRun, commit string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# Without a pause

Written by `+"`make bench-long`"+` on %s (%s, %d processors; %s, %s). One app password of each account logs in, in no order, at %v as fast as it goes; four
times a second an app password is made and revoked, and the time until the revocation is on disk and has its answer is taken. What is written is what the
disk counts, whoever writes: events, last uses, changes and the pages of the tree above them, and the file system's journal.

`, time.Now().UTC().Format("2006-01-02"), processor(), runtime.NumCPU(), commit, runtime.Version(), piped)
	row := func(what string, figure func(*longRun) string) {
		fmt.Fprintf(&b, "| %s |", what)
		for _, r := range runs {
			fmt.Fprintf(&b, " %s |", figure(r))
		}
		b.WriteByte('\n')
	}
	row("accounts", func(r *longRun) string { return grouped(r.accounts) })
	b.WriteString("| --- |" + strings.Repeat(" ---: |", len(runs)) + "\n")
	row("time", func(r *longRun) string { return r.load.Elapsed.Round(time.Second).String() })
	row("logins/s", func(r *longRun) string { return fmt.Sprintf("%.0f", r.load.LoginsPerSecond) })
	row("logins", func(r *longRun) string { return grouped(int(r.load.Accepted)) })
	row("p50, p99 and p99.9 of a login", func(r *longRun) string {
		return fmt.Sprintf("%.2f, %.2f and %.2f ms", ms(r.load.P50), ms(r.load.P99), ms(r.load.P999))
	})
	row("slowest login", func(r *longRun) string { return fmt.Sprintf("%.0f ms", ms(r.load.Max)) })
	row("file before", func(r *longRun) string { return fmt.Sprintf("%.0f MiB", mib(r.samples[0].file)) })
	row("file after", func(r *longRun) string { return fmt.Sprintf("%.0f MiB", mib(r.last().file)) })
	row("written to the disk, MiB/s", func(r *longRun) string {
		if r.last().written < 0 {
			return "not counted here"
		}
		return fmt.Sprintf("%.1f", mib(r.last().written-r.samples[0].written)/r.last().after.Seconds())
	})
	row("largest heap", func(r *longRun) string { return fmt.Sprintf("%.0f MiB", mib(r.heap)) })
	row("most memory of its own", func(r *longRun) string { return fmt.Sprintf("%.0f MiB", mib(r.mostPrivate())) })
	row("revocations", func(r *longRun) string { return grouped(len(r.revoked)) })
	row("p50, p99 and slowest revocation", func(r *longRun) string {
		return fmt.Sprintf("%.1f, %.1f and %.1f ms", ms(r.quantile(0.5)), ms(r.quantile(0.99)), ms(r.quantile(1)))
	})
	row(fmt.Sprintf("p99 of revocations, wanted: %v at most", revokedWithin), func(r *longRun) string {
		if r.quantile(0.99) > revokedWithin {
			return "**missed**"
		}
		return "met"
	})
	row("logins whose event was dropped, and counted", func(r *longRun) string {
		return fmt.Sprintf("%s (%.0f %%)", grouped(int(r.lost)), 100*r.lost/float64(r.load.Accepted))
	})
	row("stop, until all that waits is written", func(r *longRun) string { return fmt.Sprintf("%.1f s", r.stopped.Seconds()) })
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
