package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/daemon/bench"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

const (
	million     = 1_000_000
	largeRounds = 3 // at most
	startRounds = 5
	callersMost = million
	largeWarm   = 5 * time.Second
)

// sized is latchkey with so many accounts.
type sized struct {
	accounts int
	folder   *latchkeyFolder
	callers  string // accounts file: an app password of each account, or of a million of them, in no order
	seeded   time.Duration

	file     int64           // bytes of the database
	startUps []time.Duration // from the start of the process to the socket's greeting
	private  int64           // the most bytes of memory of its own under load
	heap     int64           // and the largest heap, with what is garbage in it
}

// makeSized fills a folder below the site's.
func (s *site) makeSized(ctx context.Context, accounts int) (*sized, error) {
	dir := filepath.Join(s.dir, fmt.Sprint("lk", accounts))
	began := time.Now()
	f, err := makeLatchkey(ctx, dir, contents{accounts: accounts, callers: min(accounts, callersMost)})
	if err != nil {
		return nil, err
	}
	z := &sized{accounts: accounts, folder: f, callers: filepath.Join(dir, "callers"), seeded: time.Since(began)}
	lines := bytes.SplitAfter(bytes.TrimSuffix(f.accounts, []byte("\n")), []byte("\n"))
	rand.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	if err := writeLines(z.callers, lines); err != nil {
		return nil, err
	}
	f.accounts = nil // a million of them are much
	if z.file, err = z.fileSize(); err != nil {
		return nil, err
	}
	return z, nil
}

// writeLines writes lines of which the last in the file they came from has no end.
func writeLines(path string, lines [][]byte) error {
	var b bytes.Buffer
	for _, line := range lines {
		b.Write(bytes.TrimSuffix(line, []byte("\n")))
		b.WriteByte('\n')
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}

func (z *sized) database() string { return filepath.Join(z.folder.data, daemon.DatabaseFile) }

func (z *sized) fileSize() (int64, error) {
	info, err := os.Stat(z.database())
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (z *sized) name() string { return "latchkey, " + grouped(z.accounts) }

// grouped is a number with commas.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return grouped(n/1000) + fmt.Sprintf(",%03d", n%1000)
}

// subject is the daemon over it, which tells of its heap.
func (z *sized) subject(s *site) subject {
	return subject{z.name(), z.callers, func(ctx context.Context) (*process, error) {
		return startProcess(ctx, s.dir, fmt.Sprint("latchkey", z.accounts), z.folder.socket, "env", gcTrace, s.latchkey, "serve", "--config", z.folder.config)
	}}
}

// measureStartUps starts the daemon some times and stops it again.
func (z *sized) measureStartUps(ctx context.Context, s *site) error {
	if err := readThrough(z.database()); err != nil {
		return err
	}
	for range startRounds {
		began := time.Now()
		p, err := z.subject(s).start(ctx)
		if err != nil {
			return err
		}
		err = greeted(p.socket)
		z.startUps = append(z.startUps, time.Since(began))
		p.stop()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, p.said())
		}
	}
	return nil
}

// greeted connects to a server and waits for its greeting.
func greeted(socket string) error {
	nc, err := net.DialTimeout("unix", socket, startFor)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(startFor)); err != nil {
		return err
	}
	_, err = dovecot.NewClient(nc, dovecot.ClientOptions{Minor: 2})
	return err
}

// loaded is one measurement of the daemon, and a look at its memory.
func (z *sized) loaded(ctx context.Context, s *site, p *process, sh shape, d time.Duration) (*bench.Result, error) {
	r, err := s.good(ctx, p, z.callers, sh, d)
	if err != nil {
		return nil, err
	}
	return r, z.look(p)
}

// look keeps how much memory the daemon has and had, if it was never more.
func (z *sized) look(p *process) error {
	private, err := p.private()
	if err != nil {
		return err
	}
	heap, err := p.largestHeap()
	z.private, z.heap = max(z.private, private), max(z.heap, heap)
	return err
}

// warm brings pages and tables of the daemon into the state of a busy one.
func (z *sized) warm(ctx context.Context, s *site, p *process) error {
	if err := readThrough(z.database()); err != nil {
		return err
	}
	if _, err := z.loaded(ctx, s, p, piped, largeWarm); err != nil {
		return err
	}
	return p.settle(ctx)
}

// largeResults are the figures with a million accounts, beside those with a
// thousand and Dovecot.
type largeResults struct {
	million *sized
	quiet   map[shape]map[string][]*bench.Result
	walks   []*walk
}

// walk is a command that goes over all accounts, and what logins are like meanwhile.
type walk struct {
	command       string
	alone         time.Duration
	quiet, during []*bench.Result
}

func (s *site) largeRounds() int { return min(largeRounds, s.rounds) }

// measureLarge fills a million accounts in and does all rounds.
func (s *site) measureLarge(ctx context.Context) (*largeResults, error) {
	z, err := s.makeSized(ctx, million)
	if err != nil {
		return nil, err
	}
	fmt.Printf("%s accounts in %v, %d MiB\n", grouped(million), z.seeded.Round(time.Second), z.file>>20)
	if err := z.measureStartUps(ctx, s); err != nil {
		return nil, err
	}
	r := &largeResults{million: z}
	if err := s.measureLargeQuiet(ctx, r); err != nil {
		return nil, err
	}
	return r, s.measureWalks(ctx, r)
}

const smallName = "latchkey, 1,000"

// measureLargeQuiet is measureQuiet with a million accounts beside a thousand.
func (s *site) measureLargeQuiet(ctx context.Context, r *largeResults) error {
	z := r.million
	big, err := z.subject(s).start(ctx)
	if err != nil {
		return err
	}
	defer big.stop()
	if err := z.warm(ctx, s, big); err != nil {
		return err
	}
	small := s.latchkeySubject()
	small.name = smallName
	others := []subject{small}
	if s.dovecot != "" {
		others = append(others, s.dovecotSubject())
	}
	running, stop, err := s.startWarm(ctx, others)
	defer stop()
	if err != nil {
		return err
	}
	running = maps.Clone(running) // stop is not to end it a second time
	running[z.name()] = big
	r.quiet, err = s.takeTurns(ctx, s.largeRounds(), append([]subject{z.subject(s)}, others...), running, func() error {
		return errors.Join(z.look(big), big.settle(ctx)) // the others share the machine
	})
	return err
}

// measureWalks has commands go over all accounts beside logins of a thousand of
// them, whose events are on record: else those are what is measured.
func (s *site) measureWalks(ctx context.Context, r *largeResults) error {
	z := r.million
	few := filepath.Join(s.dir, "few-callers")
	if err := firstLines(z.callers, few, accountCount); err != nil {
		return err
	}
	p, err := z.subject(s).start(ctx)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := readThrough(z.database()); err != nil {
		return err
	}
	if _, err := s.good(ctx, p, few, serial, warmFor); err != nil {
		return err
	}
	for _, command := range []string{"account list", "account list user00999999", "account list --by-scheme", "export"} {
		w := &walk{command: command}
		r.walks = append(r.walks, w)
		began := time.Now()
		if err := s.command(ctx, z, w.command).Run(); err != nil {
			return fmt.Errorf("%s: %w", w.command, err)
		}
		w.alone = time.Since(began)
		for range s.largeRounds() {
			if err := s.measureWalk(ctx, z, p, few, w); err != nil {
				return err
			}
		}
		fmt.Printf("%-26s %v alone, kept %.2f, p99 %.2f and %.2f ms\n", w.command, w.alone.Round(time.Millisecond), ratio(w.during, w.quiet),
			median(w.quiet, milliseconds(p99)), median(w.during, milliseconds(p99)))
	}
	return nil
}

func (s *site) measureWalk(ctx context.Context, z *sized, p *process, few string, w *walk) error {
	if err := p.settle(ctx); err != nil {
		return err
	}
	quiet, err := s.good(ctx, p, few, serial, s.duration)
	if err != nil {
		return err
	}
	stop, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { // again and again, should it be done early
		for {
			if err := s.command(stop, z, w.command).Run(); stop.Err() != nil {
				ended <- nil
				return
			} else if err != nil {
				ended <- err
				return
			}
		}
	}()
	select { // its first page, which nothing holds back, and its own start are over
	case <-time.After(walkAhead):
	case <-ctx.Done():
	}
	during, err := s.good(ctx, p, few, serial, s.duration)
	cancel()
	if failed := <-ended; failed != nil {
		return fmt.Errorf("%s: %w", w.command, failed)
	}
	if err != nil {
		return err
	}
	w.quiet, w.during = append(w.quiet, quiet), append(w.during, during)
	return nil
}

const walkAhead = 500 * time.Millisecond

// command is latchkey's own about the accounts, whose answer goes nowhere.
func (s *site) command(ctx context.Context, z *sized, words string) *exec.Cmd {
	return exec.CommandContext(ctx, s.latchkey, append([]string{"--config", z.folder.config}, strings.Fields(words)...)...)
}

// firstLines copies the first n lines of a file.
func firstLines(from, to string, n int) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	lines := bytes.SplitAfterN(text, []byte("\n"), n+1)
	return os.WriteFile(to, bytes.Join(lines[:min(n, len(lines))], nil), 0o600)
}
