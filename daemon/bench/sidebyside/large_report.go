package main

import (
	"fmt"
	"io"
	"time"
)

// What latchkey sets itself with a million accounts.
const (
	largeSerialOfDovecot = 1.2
	largePipedOfDovecot  = 2
	largeSerialOfSmall   = 0.75
	largePipedOfSmall    = 0.5
	largeStartWithin     = time.Second
	largeHeapWithin      = 128 << 20
	largeSeededWithin    = 5 * time.Minute
	keptBesideWalks      = 0.8
)

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func (r *largeResults) ratio(sh shape, other string) (float64, bool) {
	list := r.quiet[sh][other]
	return ratio(r.quiet[sh][r.million.name()], list), len(list) > 0
}

// largeTables are the figures with a million accounts.
func (r *results) largeTables(w io.Writer) {
	l, z := r.large, r.large.million
	fmt.Fprintf(w, `## A million accounts

%s accounts with %d app passwords each, made in this process in %v; a file of %.0f MiB, all of it in the kernel's memory.
One app password of each account logs in, in no order, so that hardly any login has its account in a processor's cache, and
each is by a credential that has not been used for an hour: an event and a last use to be written, far more of them than can be. What is
due is written in a tenth of the time (ARCHITECTURE.md), and between two measurements everybody waits until it is. Beside it
latchkey and Dovecot with %s accounts each, as above. Medians of %d rounds.

| | logins/s | of Dovecot | of latchkey with %s | p50 | p99 | p99.9 |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
`, grouped(z.accounts), appPasswordsOfEach, z.seeded.Round(time.Second), mib(z.file), grouped(accountCount), r.site.largeRounds(), grouped(accountCount))
	for _, sh := range []shape{serial, piped} {
		for _, name := range []string{z.name(), smallName, "Dovecot"} {
			list := l.quiet[sh][name]
			if len(list) == 0 {
				continue
			}
			times := func(other string) string {
				if name == other || len(l.quiet[sh][other]) == 0 {
					return ""
				}
				return fmt.Sprintf("%.2f ×", ratio(list, l.quiet[sh][other]))
			}
			ofSmall := times(smallName)
			if name == "Dovecot" {
				ofSmall = ""
			}
			fmt.Fprintf(w, "| %v, %s | %.0f | %s | %s | %.2f ms | %.2f ms | %.2f ms |\n", sh, name, median(list, rate), times("Dovecot"), ofSmall,
				median(list, milliseconds(p50)), median(list, milliseconds(p99)), median(list, milliseconds(p999)))
		}
	}
	fmt.Fprintf(w, `
- Start: %.0f ms from the start of the process to the greeting on its socket (median of %d; the slowest %.0f ms).
- Memory: a heap of %.0f MiB at most while they log in, by the collector's own trace, garbage and all; %.0f MiB of the process's
  own in all, with stacks, tables of the runtime and what it has not given back yet. The file is mapped beside it.

Commands that go over all accounts, while %s of them log in at %v again and again:

| command | alone | logins/s kept | p99 quiet | p99 meanwhile |
| --- | ---: | ---: | ---: | ---: |
`, ms(middleOf(z.startUps)), len(z.startUps), ms(longest(z.startUps)), mib(z.heap), mib(z.private), grouped(accountCount), serial)
	for _, x := range l.walks {
		fmt.Fprintf(w, "| `latchkey %s` | %.1f s | %.0f %% | %.2f ms | %.2f ms |\n", x.command, x.alone.Seconds(), 100*ratio(x.during, x.quiet),
			median(x.quiet, milliseconds(p99)), median(x.during, milliseconds(p99)))
	}
	fmt.Fprintln(w)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func longest(list []time.Duration) time.Duration {
	var most time.Duration
	for _, d := range list {
		most = max(most, d)
	}
	return most
}

// largeTargets are the rows with a million accounts.
func (r *results) largeTargets(row func(what string, wanted, got float64, met bool)) {
	l, z := r.large, r.large.million
	for _, t := range []struct {
		shape  shape
		other  string
		wanted float64
	}{{serial, "Dovecot", largeSerialOfDovecot}, {piped, "Dovecot", largePipedOfDovecot},
		{serial, smallName, largeSerialOfSmall}, {piped, smallName, largePipedOfSmall}} {
		if got, measured := l.ratio(t.shape, t.other); measured {
			row(fmt.Sprintf("a million accounts, %v, of %s", t.shape, t.other), t.wanted, got, got >= t.wanted)
		}
	}
	atMost := func(what string, wanted, got float64) { row("a million accounts, "+what, wanted, got, got <= wanted) }
	atMost("seconds to fill them in, at most", largeSeededWithin.Seconds(), z.seeded.Seconds())
	atMost("seconds to start, at most", largeStartWithin.Seconds(), middleOf(z.startUps).Seconds())
	atMost("MiB of heap, at most", mib(largeHeapWithin), mib(z.heap))
	for _, x := range l.walks {
		kept := ratio(x.during, x.quiet)
		row(fmt.Sprintf("rate kept beside `latchkey %s`", x.command), keptBesideWalks, kept, kept >= keptBesideWalks)
	}
}
