package main

import (
	"fmt"
	"io"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

// What the portal sets itself.
const (
	pageWithin      = 5   // milliseconds, of a hundred pages the slowest one
	signInsOfAlone  = 0.9 // of what the hash workers reach alone
	allPages        = "all"
	millisecondText = "%.2f ms"
)

// age is a figure of one page, or of all of them.
func age(page string, of func(bench.Ages) time.Duration) func(*bench.WebResult) float64 {
	return func(r *bench.WebResult) float64 {
		ages := r.All
		if page != allPages {
			ages = r.Named[page]
		}
		return float64(of(ages)) / float64(time.Millisecond)
	}
}

// Ages by name, as p50 and its like are for logins.
func ageP50(a bench.Ages) time.Duration  { return a.P50 }
func ageP99(a bench.Ages) time.Duration  { return a.P99 }
func ageP999(a bench.Ages) time.Duration { return a.P999 }
func ageMax(a bench.Ages) time.Duration  { return a.Max }

// slowestPage is the p99 of the page whose p99 is highest.
func (r *portalResults) slowestPage(v viewing) float64 {
	var most float64
	for _, page := range pages() {
		most = max(most, median(r.views[v], age(page, ageP99)))
	}
	return most
}

// signInShare is the middle of the rounds' shares.
func (r *portalResults) signInShare() float64 {
	return median(r.signIns, func(one signInRound) float64 { return one.signIns.PerSecond / one.alone })
}

// mailKept is the share of their quiet rate that the mail doors have while
// sign-ins run flat out.
func (r *portalResults) mailKept() float64 {
	return median(r.signIns, func(one signInRound) float64 { return rate(one.during) / rate(one.quiet) })
}

func (r *results) portalTables(w io.Writer) {
	fmt.Fprintf(w, `## The portal

`+"`latchkey serve`"+` with a [portal] on loopback, %d accounts in bbolt, a reverse proxy's X-Forwarded-For in front of it and no
TLS. Medians of %d rounds; each load runs %v before it is measured. Browsers are the process that writes this; their
connections are kept, and each sends its next request when one is answered.

`, university().all, r.site.portalRounds(), ahead)
	r.viewTable(w)
	r.signInTable(w)
	r.mailTable(w)
}

func (r *results) viewTable(w io.Writer) {
	fmt.Fprintf(w, `### Pages

%d people with a phone, recovery codes, a trusted browser and %d mail programs with %d events of the last %d days each
signed in once; then their pages are opened in turn: by %d connections with %v between an answer and the next page, the same
while %d mail programs log in each second, and by %d connections as fast as they can.

| connections, page | pages/s | p50 | p99 | p99.9 | slowest |
| --- | ---: | ---: | ---: | ---: | ---: |
`, university().viewers, appPasswordsOfEach, viewersLogins, rememberedDays,
		few().connections, few().pause, fewBeside().logins, many().connections)
	for _, v := range viewings() {
		rounds := r.portal.views[v]
		for _, page := range append(pages(), allPages) {
			perSecond := ""
			if page == allPages {
				perSecond = fmt.Sprintf("%.0f", median(rounds, webRate))
			}
			fmt.Fprintf(w, "| %v, %s | %s |", v, page, perSecond)
			for _, of := range []func(bench.Ages) time.Duration{ageP50, ageP99, ageP999, ageMax} {
				fmt.Fprintf(w, " "+millisecondText+" |", median(rounds, age(page, of)))
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintln(w)
}

func webRate(r *bench.WebResult) float64 { return r.PerSecond }

// turnedAway is how many sign-ins in a second were told to come again.
func turnedAway(r *bench.WebResult) float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Others()) / r.Elapsed.Seconds()
}

func (r *results) signInTable(w io.Writer) {
	rounds := r.portal.signIns
	ofSignIns := func(of func(bench.Ages) time.Duration) float64 {
		return median(rounds, func(one signInRound) float64 { return age(allPages, of)(one.signIns) })
	}
	fmt.Fprintf(w, `### Sign-ins

Right main passwords (Argon2id, 19 MiB, t=2) of accounts without a phone, by %d connections, each from its own address: a hash,
then a session and a browser that are on disk before the answer. Beside them, what the same hash workers match alone, kept
busy by a loop.

| | a second | of the workers alone | turned away | p50 | p99 |
| --- | ---: | ---: | ---: | ---: | ---: |
| hash workers alone | %.1f | | | | |
| sign-ins | %.1f | %.2f × | %.1f/s | %.0f ms | %.0f ms |

`, signInConnections(), median(rounds, func(one signInRound) float64 { return one.alone }),
		median(rounds, func(one signInRound) float64 { return one.signIns.PerSecond }), r.portal.signInShare(),
		median(rounds, func(one signInRound) float64 { return turnedAway(one.signIns) }), ofSignIns(ageP50), ofSignIns(ageP99))
}

func (r *results) mailTable(w io.Writer) {
	rounds := r.portal.signIns
	quiet := func(figure func(*bench.Result) float64) float64 {
		return median(rounds, func(one signInRound) float64 { return figure(one.quiet) })
	}
	during := func(figure func(*bench.Result) float64) float64 {
		return median(rounds, func(one signInRound) float64 { return figure(one.during) })
	}
	fmt.Fprintf(w, `### Mail programs while people sign in

Logins with app passwords at %v, quiet and beside those sign-ins. The hash workers have what the mail doors leave: whose
password is not hashed in time is told to come again.

| | logins/s | kept | p99 | slowest | sign-ins/s | turned away |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| quiet | %.0f | | %.2f ms | %.0f ms | | |
| while people sign in | %.0f | %.0f %% | %.2f ms | %.0f ms | %.1f | %.1f/s |

`, serial, quiet(rate), quiet(milliseconds(p99)), quiet(milliseconds(slowest)),
		during(rate), 100*r.portal.mailKept(), during(milliseconds(p99)), during(milliseconds(slowest)),
		median(rounds, func(one signInRound) float64 { return one.meanwhile.PerSecond }),
		median(rounds, func(one signInRound) float64 { return turnedAway(one.meanwhile) }))
}
