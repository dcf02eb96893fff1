package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

func largeFigures() *largeResults {
	z := &sized{accounts: million, seeded: 301 * time.Second, file: 900 << 20, private: 140 << 20, heap: 127 << 20,
		startUps: []time.Duration{2 * time.Second, 900 * time.Millisecond, 800 * time.Millisecond}}
	rounds := func(rate float64) []*bench.Result { return []*bench.Result{figure(rate)} }
	return &largeResults{
		million: z,
		quiet: map[shape]map[string][]*bench.Result{
			serial: {z.name(): rounds(760), smallName: rounds(1000), "Dovecot": rounds(500)},
			piped:  {z.name(): rounds(500), smallName: rounds(1000), "Dovecot": rounds(500)},
		},
		walks: []*walk{{command: "export", alone: 12 * time.Second, quiet: rounds(100), during: rounds(79)}},
	}
}

// Callers are spread over all accounts and over the app passwords of each.
func TestCallers(t *testing.T) {
	s := &site{options: &options{rounds: 1}, dir: t.TempDir()}
	z, err := s.makeSized(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(z.callers)
	if err != nil {
		t.Fatal(err)
	}
	list, err := bench.ReadAccounts(bytes.NewReader(text))
	names := map[string]bool{}
	for _, a := range list {
		names[a.String()] = true
	}
	if err != nil || len(list) != 7 || len(names) != 7 || z.file == 0 {
		t.Errorf("%d lines of %d accounts, %v", len(list), len(names), err)
	}
	few := filepath.Join(s.dir, "few")
	if err := firstLines(z.callers, few, 3); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(few)
	if err != nil || bytes.Count(first, []byte("\n")) != 3 || !bytes.HasPrefix(text, first) {
		t.Errorf("%q, %v", first, err)
	}
	c := contents{accounts: 100, callers: 10}
	calling, nth := 0, map[int]int{}
	for i := range c.accounts {
		for n := range appPasswordsOfEach {
			if c.calls(i, n) {
				calling++
				nth[n]++
			}
		}
	}
	if calling != 10 || len(nth) != appPasswordsOfEach {
		t.Errorf("%d call, by app passwords %v", calling, nth)
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1002003: "1,002,003", 10_000_000: "10,000,000"} {
		if got := grouped(n); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// What the kernel says of a process: this one's.
func TestUsageOfProcess(t *testing.T) {
	p := &process{name: "busy", cmd: exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; read end")}
	in, err := p.cmd.StdinPipe() // it waits for a line
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer p.cmd.Wait()
	defer p.cmd.Process.Kill()
	if _, err := fmt.Fscanln(out, new(string)); err != nil {
		t.Fatal(err)
	}
	used, err := p.processorTime()
	if err != nil || used == 0 {
		t.Errorf("used %v, %v", used, err)
	}
	private, err := p.private()
	if err != nil || private < 10<<10 || private > 100<<20 {
		t.Errorf("%d bytes of its own, %v", private, err)
	}
	if err := p.settle(t.Context()); err != nil {
		t.Error(err)
	}
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.settle(short); err == nil {
		t.Error("it has come to rest in no time")
	}
}

// What the disk counts grows with what is written and synced, where one counts.
func TestDiskWritten(t *testing.T) {
	dir := t.TempDir()
	before, err := diskWritten(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syncFile(path); err != nil {
		t.Fatal(err)
	}
	after, err := diskWritten(path)
	if err != nil || (before < 0) != (after < 0) || before >= 0 && after-before < 1<<20 {
		t.Errorf("from %d to %d for a MiB, %v", before, after, err)
	}
	if _, err := diskWritten(path + "x"); err == nil {
		t.Error("no file, no error")
	}
}

func TestLargestHeap(t *testing.T) {
	const trace = `time=2026 level=INFO msg="gc 1 @0.1s 0%: 1->900->1 MB, "
gc 1 @0.013s 2%: 0.02+1.2+0.01 ms clock, 0.04+0.3/0.9/0+0.02 ms cpu, 3->4->1 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P
gc 2 @1.250s 1%: 0.02+1.2+0.01 ms clock, 0.04+0.3/0.9/0+0.02 ms cpu, 95->99->58 MB, 98 MB goal, 0 MB stacks, 0 MB globals, 2 P
gc 3 @2.250s 1%: 0.02+1.2+0.01 ms clock, 0.04+0.3/0.9/0+0.02 ms cpu, 90->91->50 MB, 98 MB goal, 0 MB stacks, 0 MB globals, 2 P (forced)
`
	if n, err := largestHeapIn(trace); n != 99<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, err := largestHeapIn("ready\n"); err == nil {
		t.Error("no trace, no error")
	}
}

func TestParts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report")
	for _, step := range []struct{ part, text, want string }{
		{partLong, "# long\n", "<!-- part: long -->\n# long\n"},
		{partSpeed, "# speed\n\nten\n", "<!-- part: speed -->\n# speed\n\nten\n\n<!-- part: long -->\n# long\n"},
		{partCurve, "# curve", "<!-- part: speed -->\n# speed\n\nten\n\n<!-- part: curve -->\n# curve\n\n<!-- part: long -->\n# long\n"},
		{partSpeed, "# new\n", "<!-- part: speed -->\n# new\n\n<!-- part: curve -->\n# curve\n\n<!-- part: long -->\n# long\n"},
	} {
		if err := writePart(path, step.part, []byte(step.text)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != step.want {
			t.Errorf("after %s:\n%s\nwant\n%s", step.part, got, step.want)
		}
	}
}

func TestCurveReport(t *testing.T) {
	c := &curve{}
	for i, n := range []int{1000, 1_000_000} {
		p := &point{sized: &sized{accounts: n, file: int64(n) * 1000, private: 30 << 20, heap: 20 << 20, startUps: []time.Duration{150 * time.Millisecond}},
			rounds: map[shape][]*bench.Result{}, reference: map[shape][]*bench.Result{}}
		for _, sh := range []shape{serial, piped} {
			p.rounds[sh], p.reference[sh] = []*bench.Result{figure(float64(800 - 200*i))}, []*bench.Result{figure(800)}
		}
		c.points = append(c.points, p)
	}
	text := string(c.report(&options{plot: "curve.svg"}))
	if want := "| 1,000,000 | 600 | 75 % | 600 | 75 % | 20 MiB | 30 MiB | 954 MiB | 1000 | 150 ms | 0s |"; !strings.Contains(text, want) {
		t.Errorf("missing: %s\nin\n%s", want, text)
	}
	if _, err := exec.LookPath("gnuplot"); err != nil {
		absent := t.Skip
		if os.Getenv("LATCHKEY_REQUIRE_PEERS") == "1" {
			absent = t.Fatal
		}
		absent("gnuplot is not installed")
	}
	path := filepath.Join(t.TempDir(), "curve.svg")
	if err := c.draw(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if svg, err := os.ReadFile(path); err != nil || !bytes.Contains(svg, []byte("Heap, MiB")) || !bytes.Contains(svg, []byte("</svg>")) {
		t.Errorf("%.200s, %v", svg, err)
	}
}

func TestLongReport(t *testing.T) {
	run := func(accounts int, slow time.Duration) *longRun {
		r := &longRun{accounts: accounts, heap: 8 << 20, load: &bench.Result{Accepted: 6000, LoginsPerSecond: 100, Elapsed: time.Minute}, lost: 600, stopped: time.Second,
			samples: []longAt{{0, 1 << 20, 0, 2 << 20}, {30 * time.Second, 2 << 20, 15 << 20, 9 << 20}, {time.Minute, 3 << 20, 30 << 20, 4 << 20}}}
		for range 97 {
			r.revoked = append(r.revoked, 5*time.Millisecond)
		}
		r.revoked = append(r.revoked, slow, slow, slow)
		return r
	}
	text := string(longReport([]*longRun{run(accountCount, 100*time.Millisecond), run(million, 101*time.Millisecond)}, "1"))
	for _, want := range []string{
		"| accounts | 1,000 | 1,000,000 |\n| --- | ---: | ---: |\n",
		"| file after | 3 MiB | 3 MiB |",
		"| written to the disk, MiB/s | 0.5 | 0.5 |",
		"| largest heap | 8 MiB | 8 MiB |",
		"| most memory of its own | 9 MiB | 9 MiB |",
		"| p50, p99 and slowest revocation | 5.0, 100.0 and 100.0 ms | 5.0, 101.0 and 101.0 ms |",
		"100ms at most | met | **missed** |",
		"| 600 (10 %) | 600 (10 %) |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing: %s\nin\n%s", want, text)
		}
	}
}

func TestLostEvents(t *testing.T) {
	// The daemon's own page, by the real thing: see "make bench-long". Here, that a page without the line is no zero.
	if _, err := lostIn("latchkey_logins_total 5\n"); err == nil {
		t.Error("no error")
	}
	n, err := lostIn("# HELP x\nlatchkey_events_lost_total{outcome=\"accepted\"} 1.5e+06\nlatchkey_events_lost_total{outcome=\"refused\"} 7\n")
	if err != nil || n != 1.5e6 {
		t.Errorf("%v, %v", n, err)
	}
}
