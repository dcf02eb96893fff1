package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// report is the part that "make bench-curve" writes.
func (c *curve) report(o *options) []byte {
	var b bytes.Buffer
	first := c.points[0]
	fmt.Fprintf(&b, `# From a thousand to ten million accounts

Written by `+"`make bench-curve`"+` on %s (%s, %d processors; %s, %s; %v in all). Accounts have %d app passwords each; one of each account, or of a
million of them, logs in, in no order, as under "A million accounts". A rate is a share of what latchkey with %s accounts did seconds before on the same machine:
medians of %d rounds of %s. The heap is the largest under load, with its garbage; memory is all of the process's own. The start is the median of %d, until the socket greets;
the database's file is in the kernel's memory then.

![rate, memory, file and start by number of accounts](%s)

| accounts | %v | share | %v | share | heap | memory | file | bytes for each account | start | filled in within |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
`, time.Now().UTC().Format("2006-01-02"), processor(), runtime.NumCPU(), o.commit, runtime.Version(), c.took.Round(time.Second), appPasswordsOfEach,
		grouped(first.accounts), len(first.rounds[serial]), first.rounds[serial][0].Elapsed.Round(time.Second), startRounds, o.plot, serial, piped)
	for _, p := range c.points {
		fmt.Fprintf(&b, "| %s | %.0f | %.0f %% | %.0f | %.0f %% | %.0f MiB | %.0f MiB | %.0f MiB | %d | %.0f ms | %v |\n", grouped(p.accounts),
			median(p.rounds[serial], rate), 100*p.ratio(serial), median(p.rounds[piped], rate), 100*p.ratio(piped), mib(p.heap), mib(p.private), mib(p.file),
			p.file/int64(p.accounts), ms(middleOf(p.startUps)), p.seeded.Round(time.Second))
	}
	return b.Bytes()
}

// curvePlot is for gnuplot. $1 is its output, data come behind.
const curvePlot = `set terminal svg size 900,640 background "white" font "sans-serif,13"
set output %q
set multiplot layout 2,2
set logscale x
set format x "10^{%%T}"
set xlabel "accounts"
set xrange [700:15000000]
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set style line 1 lc rgb "#1f5f8b" lw 2 pt 7 ps 0.7
set style line 2 lc rgb "#c4572b" lw 2 pt 5 ps 0.7
set key bottom left
set title "Rate, of that with 1,000 accounts"
set yrange [0:120]
set format y "%%g %%%%"
plot $data using 1:2 with linespoints ls 1 title "%v", $data using 1:3 with linespoints ls 2 title "%v"
set nokey
set format y "%%g"
set title "Heap, MiB"
set yrange [0:*]
plot $data using 1:4 with linespoints ls 1
set title "File, MiB"
set logscale y
set yrange [1:*]
plot $data using 1:5 with linespoints ls 1
set title "Start, ms"
unset logscale y
set yrange [0:*]
plot $data using 1:6 with linespoints ls 1
unset multiplot
`

// draw has gnuplot draw the curve.
func (c *curve) draw(ctx context.Context, path string) error {
	var script bytes.Buffer
	script.WriteString("$data << END\n")
	for _, p := range c.points {
		fmt.Fprintf(&script, "%d %.1f %.1f %.1f %.1f %.1f\n", p.accounts, 100*p.ratio(serial), 100*p.ratio(piped), mib(p.heap), mib(p.file), ms(middleOf(p.startUps)))
	}
	script.WriteString("END\n")
	fmt.Fprintf(&script, curvePlot, path, serial, piped)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "gnuplot")
	cmd.Stdin = &script
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("gnuplot: %w: %s", err, out)
	}
	return nil
}
