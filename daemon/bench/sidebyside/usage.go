package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	ticksPerSecond = 100 // of /proc/PID/stat on Linux, whatever the kernel's own
	idleShare      = 0.02
	idleLook       = 500 * time.Millisecond
	idleWithin     = 10 * time.Minute
)

// private is how much memory a process has of its own, heap and all, in bytes: not
// the file that it has mapped (RssAnon in proc_pid_status(5)).
func (p *process) private() (int64, error) {
	kib, err := p.number("status", "RssAnon")
	return kib << 10, err
}

// gcTrace has a Go process tell of each garbage collection, a line on its standard
// error.
const gcTrace = "GODEBUG=gctrace=1"

// largestHeap is the most bytes that were in the heap of a Go process when a
// collection of it ended, garbage and all, since its start. It runs with gcTrace.
func (p *process) largestHeap() (int64, error) {
	output, err := os.ReadFile(p.output)
	if err != nil {
		return 0, err
	}
	most, err := largestHeapIn(string(output))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", p.name, err)
	}
	return most, nil
}

// heapSizes are those at the start of a collection, at its end, and what is in use (package runtime, GODEBUG).
var heapSizes = regexp.MustCompile(`(?m)^gc \d+ @.* (\d+)->(\d+)->(\d+) MB, `)

// largestHeapIn finds it in what the process printed. A collection's MB are MiB.
func largestHeapIn(output string) (int64, error) {
	var most int64
	for _, sizes := range heapSizes.FindAllStringSubmatch(output, -1) {
		atEnd, err := strconv.ParseInt(sizes[2], 10, 32)
		if err != nil {
			return 0, err
		}
		most = max(most, atEnd<<20)
	}
	if most == 0 {
		return 0, errors.New("no garbage collection has told of the heap")
	}
	return most, nil
}

// diskWritten is how many bytes were ever written to the disk that a file is on, by
// whomever. What the kernel charges a process (write_bytes) will not do: newer ones
// charge a whole folio, of up to 2 MiB, for a page of it. Negative: no disk counts.
func diskWritten(path string) (int64, error) {
	var file unix.Stat_t
	if err := unix.Stat(path, &file); err != nil {
		return 0, err
	}
	const (
		sectors        = 7 - 1 // Documentation/block/stat.rst: write sectors
		bytesOfASector = 512
	)
	text, err := os.ReadFile(fmt.Sprintf("/sys/dev/block/%d:%d/stat", unix.Major(file.Dev), unix.Minor(file.Dev)))
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil // a file system of several disks, or of none
	} else if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) <= sectors {
		return 0, fmt.Errorf("the disk of %s counts only %d things", path, len(fields))
	}
	n, err := strconv.ParseInt(fields[sectors], 10, 64)
	return n * bytesOfASector, err
}

// number is the value of one "key: value" line of a file in /proc.
func (p *process) number(file, key string) (int64, error) {
	path := fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file)
	text, _, _ := strings.Cut(field(path, key, ""), " ")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: no number %s", path, key)
	}
	return n, nil
}

// processorTime is what it has used until now.
func (p *process) processorTime() (time.Duration, error) {
	path := fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // behind its name
	var ticks [2]int64
	fields := strings.Fields(rest)
	for i := range ticks {
		const utime = 14 - 3
		if len(fields) <= utime+i {
			return 0, fmt.Errorf("%s: too short", path)
		}
		if ticks[i], err = strconv.ParseInt(fields[utime+i], 10, 64); err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
	}
	return time.Duration(ticks[0]+ticks[1]) * time.Second / ticksPerSecond, nil
}

// settle waits until the process has nothing left to do, such as events to write:
// they are not to be counted against who is measured next.
func (p *process) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, idleWithin)
	defer cancel()
	before, err := p.processorTime()
	for err == nil {
		select {
		case <-time.After(idleLook):
		case <-ctx.Done():
			return fmt.Errorf("%s does not come to rest: %w", p.name, ctx.Err())
		}
		var now time.Duration
		if now, err = p.processorTime(); err == nil && float64(now-before) < idleShare*float64(idleLook) {
			return nil
		}
		before = now
	}
	return err
}

// readThrough has the kernel keep a whole file in memory, as that of a busy daemon is.
func readThrough(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(io.Discard, file)
	return err
}
