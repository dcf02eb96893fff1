package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

// What latchkey sets itself, as ratios of rates.
const (
	serialOfDovecot = 1.5
	serialOfNothing = 0.6
	pipedOfDovecot  = 4
	keptUnderFlood  = 0.8
)

func rate(r *bench.Result) float64 { return r.LoginsPerSecond }

func milliseconds(d func(*bench.Result) time.Duration) func(*bench.Result) float64 {
	return func(r *bench.Result) float64 { return float64(d(r)) / float64(time.Millisecond) }
}

func p50(r *bench.Result) time.Duration     { return r.P50 }
func p99(r *bench.Result) time.Duration     { return r.P99 }
func p999(r *bench.Result) time.Duration    { return r.P999 }
func slowest(r *bench.Result) time.Duration { return r.Max }

// report is the part that "make bench" writes.
func (r *results) report() []byte {
	var b bytes.Buffer
	r.head(&b)
	r.quietTables(&b)
	r.doorsTable(&b)
	r.floodTable(&b)
	r.portalTables(&b)
	r.largeTables(&b)
	r.targets(&b)
	r.howTo(&b)
	return b.Bytes()
}

func (r *results) head(w io.Writer) {
	dovecot := "not installed, left out"
	if r.site.dovecot != "" {
		dovecot = r.site.dovecotVersion
	}
	fmt.Fprintf(w, `# Speed, side by side

Written by `+"`make bench`"+`. Logins answered in a second over a unix socket: by latchkey, by Dovecot's own auth
service, and by a server that says OK without looking; then by latchkey's other doors. All of them and the load generator
(`+"`latchkey bench`"+`, a process of its own for each measurement) share one machine, so only the ratios carry over to another.

| | |
| --- | --- |
| date | %s |
| machine | %s, %d processors, %s of memory |
| system | %s |
| latchkey | %s, %s |
| Dovecot | %s |
| other load | %s |
| measured | medians of %d rounds, of rates and of ratios; %v each time, all servers in turn in each round; %v in all |

`, time.Now().UTC().Format("2006-01-02"), processor(), runtime.NumCPU(), memory(), system(), r.site.commit, runtime.Version(),
		dovecot, r.loadBefore, r.site.rounds, r.site.duration, r.took.Round(time.Second))
	fmt.Fprintf(w, `- latchkey: %d accounts with a main password and %d app passwords each, in bbolt on disk; every login is an app
  password, decided and recorded like any other. The daemon is `+"`latchkey serve`"+` with its default configuration.
- Dovecot: a passwd-file of %d {PLAIN} passwords, its fastest; auth cache on, no penalties (no-penalty), no statistics.
- do nothing: a loop in Go that reads lines and answers OK, one write for each read; it parses nothing but the id.

`, accountCount, appPasswordsOfEach, accountCount)
}

// quietTables are the plain rates.
func (r *results) quietTables(w io.Writer) {
	for _, sh := range []shape{serial, piped} {
		fmt.Fprintf(w, "## %d connections, %d in flight on each\n\n", sh.connections, sh.inFlight)
		fmt.Fprint(w, "| | logins/s | of Dovecot | of do nothing | p50 | p99 | p99.9 |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n")
		for _, name := range []string{"latchkey", "Dovecot", "do nothing"} {
			list := r.quiet[sh][name]
			if len(list) == 0 {
				continue
			}
			fmt.Fprintf(w, "| %s | %.0f | %s | %s | %.2f ms | %.2f ms | %.2f ms |\n", name, median(list, rate),
				r.times(sh, name, "Dovecot"), r.times(sh, name, "do nothing"),
				median(list, milliseconds(p50)), median(list, milliseconds(p99)), median(list, milliseconds(p999)))
		}
		fmt.Fprintln(w)
	}
}

// of is how many times the other's rate a server had, and whether both were measured.
func (r *results) of(sh shape, name, other string) (float64, bool) {
	a, b := r.quiet[sh][name], r.quiet[sh][other]
	if len(a) == 0 || len(b) == 0 {
		return 0, false
	}
	return ratio(a, b), true
}

// ratio is the median of the rounds' ratios. Within a round all servers are
// measured seconds apart, between rounds a machine may change its mood.
func ratio(a, b []*bench.Result) float64 {
	var ratios []float64
	for i := range min(len(a), len(b)) {
		ratios = append(ratios, rate(a[i])/rate(b[i]))
	}
	return middle(ratios)
}

func (r *results) times(sh shape, name, other string) string {
	x, measured := r.of(sh, name, other)
	if !measured || name == other {
		return ""
	}
	return fmt.Sprintf("%.2f ×", x)
}

func (r *results) floodTable(w io.Writer) {
	fmt.Fprintf(w, `## Good logins under a flood of wrong passwords

%d connections with %d logins in flight each guess main passwords of accounts that may use theirs, %d of them, from as
many addresses; meanwhile good logins come at %v. Medians of %d rounds, each with a server started anew.
The guessed accounts' hash is the one named; the good logins are app passwords at latchkey and {PLAIN} passwords at Dovecot.

| server, hash of the guessed accounts | quiet logins/s | under flood | kept | p99 quiet | p99 under flood | slowest | guesses answered |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
`, flood.connections, flood.inFlight, accountCount, serial, floodRounds)
	for _, f := range r.floods {
		fmt.Fprintf(w, "| %s, %s | %.0f | ", f.name, f.scheme, median(f.quiet, rate))
		if median(f.during, rate) == 0 {
			fmt.Fprintf(w, "none: no greeting within 10 s | 0 %% | %.2f ms | | ", median(f.quiet, milliseconds(p99)))
		} else {
			fmt.Fprintf(w, "%.0f | %.0f %% | %.2f ms | %.2f ms | %.0f ms", median(f.during, rate), 100*f.kept(),
				median(f.quiet, milliseconds(p99)), median(f.during, milliseconds(p99)), median(f.during, milliseconds(slowest)))
		}
		fmt.Fprintf(w, " | %.0f/s |\n", median(f.against, rate))
	}
	fmt.Fprintln(w)
}

// kept is the share of the quiet rate that good logins have under the flood.
func (f *flooded) kept() float64 { return ratio(f.during, f.quiet) }

// targets compares with what latchkey sets itself, and does not hide a miss.
func (r *results) targets(w io.Writer) {
	fmt.Fprint(w, "## Targets\n\n| | wanted | measured | |\n| --- | ---: | ---: | --- |\n")
	row := func(what string, wanted, got float64, met bool) {
		verdict := "met"
		if !met {
			verdict = "**missed**"
		}
		fmt.Fprintf(w, "| %s | %.2f | %.2f | %s |\n", what, wanted, got, verdict)
	}
	for _, t := range []struct {
		shape  shape
		other  string
		wanted float64
	}{{serial, "Dovecot", serialOfDovecot}, {serial, "do nothing", serialOfNothing}, {piped, "Dovecot", pipedOfDovecot}} {
		what := fmt.Sprintf("%v, of %s", t.shape, t.other)
		got, measured := r.of(t.shape, "latchkey", t.other)
		if !measured {
			fmt.Fprintf(w, "| %s | %.2f | | not measured |\n", what, t.wanted)
			continue
		}
		row(what, t.wanted, got, got >= t.wanted)
	}
	kept, share := r.floods[0].kept(), r.portal.signInShare()
	row("rate kept under flood", keptUnderFlood, kept, kept >= keptUnderFlood)
	for _, v := range []viewing{few(), fewBeside()} {
		slowest := r.portal.slowestPage(v)
		row(fmt.Sprintf("p99 of the slowest page, ms at most; connections: %v", v), pageWithin, slowest, slowest <= pageWithin)
	}
	row("sign-ins, of the hash workers alone", signInsOfAlone, share, share >= signInsOfAlone)
	r.largeTargets(row)
	fmt.Fprint(w, aboutTargets)
}

// aboutTargets is true whether they are met or not.
const aboutTargets = `
### About the targets

The generator runs on the same processors as the server, so a rate shows the processor time of both for one login. At 16 × 1
most of that is the kernel's, which reads, writes and wakes for each login on either side. A server that does nothing
pays it, too; the distance to it is what latchkey does between a line and its answer: it reads the line, runs the mechanism,
reads the account's record and checks its MAC, makes the app password's, and keeps the event. At 4 × 32 one read brings many
lines, so that work and the generator's are nearly all there is, and a server that does nothing is far away. Dovecot decides on
one thread: how far it is behind depends on the number of processors, too. ARCHITECTURE.md ("Where the time of a login
goes") has the parts. Sign-ins are bounded by Argon2id, whose workers run at a lower priority than everything else.

`

func (r *results) howTo(w io.Writer) {
	fmt.Fprint(w, `## Again, please

`+"`make bench`"+` repeats all of this and writes this part of the file anew; it needs Go and, for the comparison, Dovecot, and takes
a quarter of an hour on a machine that should have nothing else to do. `+"`make bench-curve`"+` and `+"`make bench-long`"+` write the
two parts below. `+"`make profile`"+` shows where latchkey's CPU time
goes. To put load on a socket of your own:

    latchkey bench --socket /run/latchkey/auth-client --accounts FILE --connections 16 --inflight 1 --duration 10s

FILE has lines of an address and its secret with a tab or a colon between them.
`)
}

// processor is the model name of the first processor.
func processor() string {
	return field("/proc/cpuinfo", "model name", runtime.GOARCH)
}

func memory() string {
	var kib float64
	if _, err := fmt.Sscan(field("/proc/meminfo", "MemTotal", ""), &kib); err != nil {
		return "unknown amount"
	}
	return fmt.Sprintf("%.1f GiB", kib/(1<<20))
}

// field returns the value of the first "key: value" line of a file.
func field(path, key, otherwise string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return otherwise
	}
	for line := range strings.Lines(string(text)) {
		if k, v, found := strings.Cut(line, ":"); found && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return otherwise
}

// loadAverage says how busy the machine is with other things.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	one, _, found := strings.Cut(string(text), " ")
	if err != nil || !found {
		return "unknown"
	}
	return "load average " + one + " before the start"
}

func system() string { return said(runtime.GOOS, "uname", "-srm") }
func commit() string { return "commit " + said("unknown", "git", "describe", "--always", "--dirty") }

// said is what a program prints, or otherwise.
func said(otherwise, name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return otherwise
	}
	return strings.TrimSpace(string(out))
}
