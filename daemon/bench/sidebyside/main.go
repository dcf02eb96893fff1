// Command sidebyside measures latchkey beside Dovecot's own auth service and
// beside a server that does nothing, in turn on one machine, then latchkey's
// doors, its portal and a million accounts, and writes its part of BENCHMARKS.md.
// "make bench" runs it; "make bench-curve" (-part curve) measures from a thousand to
// ten million accounts, "make bench-long" (-part long) twice ten minutes without a pause.
//
// Every server and every generator of logins is a process of its own, on unix
// sockets in a private folder; all of them are ended by their own process ids
// before it returns. Browsers, and those who ask at the doors, are played by this
// process. Only ratios within one
// run mean anything: the machine is shared by server and generator, and may be
// busy with other things.
//
// With -profile it writes nothing, and prints where the CPU time of latchkey goes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// module is what is built if no binary is given.
const module = "github.com/latchkey-mail/latchkey"

// The parts of BENCHMARKS.md, each measured by a run of its own, and how long that
// may take.
const (
	partSpeed = "speed"
	partCurve = "curve"
	partLong  = "long"
)

var atMost = map[string]time.Duration{partSpeed: 25 * time.Minute, partCurve: 75 * time.Minute, partLong: 45 * time.Minute}

// options are the command line's.
type options struct {
	rounds   int
	duration time.Duration // of one measurement
	output   string
	latchkey string // binary; "": build it
	profile  bool
	part     string
	plot     string
	sizes    int           // of the curve
	long     time.Duration // a run without a pause
	commit   string        // what is measured
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "rounds, in each of which all servers have their turn")
	flag.DurationVar(&o.duration, "duration", 4*time.Second, "length of one measurement")
	flag.StringVar(&o.output, "o", "BENCHMARKS.md", "file to write; - for standard output")
	flag.StringVar(&o.latchkey, "latchkey", "", "binary to measure (default: build "+module+")")
	flag.BoolVar(&o.profile, "profile", false, "print where the CPU time goes instead")
	flag.StringVar(&o.part, "part", partSpeed, "what to measure: speed, curve or long")
	flag.StringVar(&o.plot, "plot", "daemon/bench/curve.svg", "picture of the curve to write")
	flag.IntVar(&o.sizes, "sizes", len(curveSizes), "how many sizes the curve has")
	flag.DurationVar(&o.long, "long", longFor, "length of each run without a pause")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, atMost[o.part])
	err := run(ctx, &o, flag.Args())
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o *options, args []string) error {
	if len(args) == 2 && args[0] == "do-nothing" { // this binary, started by itself
		return serveNothing(ctx, args[1])
	}
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q", args[0])
	}
	if atMost[o.part] == 0 {
		return fmt.Errorf("no part %q: speed, curve or long", o.part)
	}
	o.commit = commit()                     // now: it may be another at the end
	dir, err := os.MkdirTemp("", "lkbench") // short: a unix socket's path has 107 bytes
	if err != nil {
		return err
	}
	err = runIn(ctx, o, dir)
	return errors.Join(err, os.RemoveAll(dir))
}

func runIn(ctx context.Context, o *options, dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil { // Dovecot's auth process is not root
		return err
	}
	if o.latchkey == "" {
		o.latchkey = filepath.Join(dir, "latchkey")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.latchkey, module)
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("go build: %w", err)
		}
	}
	if o.profile {
		return profile(ctx, o, dir)
	}
	s := &site{options: o, dir: dir}
	switch o.part {
	case partSpeed:
		return s.speed(ctx)
	case partCurve:
		c, err := s.measureCurve(ctx)
		if err != nil {
			return err
		}
		if err := c.draw(ctx, o.plot); err != nil {
			return err
		}
		return writePart(o.output, partCurve, c.report(o))
	default:
		return s.longPart(ctx)
	}
}

// speed measures and writes the part that "make bench" is for.
func (s *site) speed(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	r, err := s.measure(ctx)
	if err != nil {
		return err
	}
	return writePart(s.output, partSpeed, r.report())
}

// longPart measures and writes the runs without a pause: of accounts that come again
// at once, whose events merge, and of so many that most logins are the first of an hour.
func (s *site) longPart(ctx context.Context) error {
	var runs []*longRun
	for _, accounts := range []int{accountCount, million} {
		r, err := s.measureLong(ctx, accounts, s.long)
		if err != nil {
			return err
		}
		runs = append(runs, r)
	}
	return writePart(s.output, partLong, longReport(runs, s.commit))
}
