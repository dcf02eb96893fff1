package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/daemon/bench"
)

const (
	longFor     = 10 * time.Minute
	longSample  = time.Minute
	revokeEvery = 250 * time.Millisecond
)

// longRun is what becomes of the file and of changes under logins without a pause.
type longRun struct {
	accounts int
	load     *bench.Result
	samples  []longAt // each minute, the first before the load
	revoked  []time.Duration
	lost     float64 // logins that are on no record
	heap     int64   // the largest, in bytes
	stopped  time.Duration
	took     time.Duration
}

// longAt is how things stand at a time.
type longAt struct {
	after   time.Duration
	file    int64
	written int64 // to the disk, by whomever; negative: it does not count
	private int64
}

// measureLong has all accounts log in, as fast as they can, while app passwords are
// made and revoked.
func (s *site) measureLong(ctx context.Context, accounts int, d time.Duration) (*longRun, error) {
	z, err := s.makeSized(ctx, accounts)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(z.folder.data) // of a gigabyte
	p, err := z.subject(s).start(ctx)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	if err := readThrough(z.database()); err != nil {
		return nil, err
	}
	r := &longRun{accounts: accounts}
	client := admin.NewClient(admin.Dial(filepath.Join(z.folder.run, "admin")))
	defer client.Close()
	type outcome struct {
		load *bench.Result
		err  error
	}
	ended := make(chan outcome, 1)
	began := time.Now()
	if err := r.look(z, p, began); err != nil {
		return nil, err
	}
	go func() {
		load, err := s.good(ctx, p, z.callers, piped, d)
		ended <- outcome{load, err}
	}()
	next := began
	for r.load == nil {
		if next = next.Add(revokeEvery); next.Sub(began) < d {
			if err := r.revoke(ctx, client); err != nil {
				return nil, err
			}
		}
		if time.Since(began) >= time.Duration(len(r.samples))*longSample {
			if err := r.look(z, p, began); err != nil {
				return nil, err
			}
		}
		select {
		case o := <-ended:
			if o.err != nil {
				return nil, o.err
			}
			r.load = o.load
		case <-time.After(time.Until(next)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err := r.look(z, p, began); err != nil {
		return nil, err
	}
	if r.lost, err = lostEvents(ctx, client); err != nil {
		return nil, err
	}
	if r.heap, err = p.largestHeap(); err != nil {
		return nil, err
	}
	stop := time.Now()
	p.stop()
	r.stopped, r.took = time.Since(stop), time.Since(began)
	slices.Sort(r.revoked)
	return r, nil
}

// revoke makes an app password, of another account each time, and times how long its revocation takes until it is
// on disk and has its answer.
func (r *longRun) revoke(ctx context.Context, client *admin.Client) error {
	whose := address(len(r.revoked) % r.accounts)
	made, err := client.AppPasswordAdd(ctx, admin.AppPasswordAdd{Address: whose, Name: "to be revoked"})
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err := client.AppPasswordRevoke(ctx, admin.AppPasswordRevoke{Address: whose, ID: made.ID}); err != nil {
		return err
	}
	r.revoked = append(r.revoked, time.Since(began))
	return nil
}

// look takes a sample.
func (r *longRun) look(z *sized, p *process, began time.Time) error {
	at := longAt{after: time.Since(began)}
	var err error
	if at.file, err = z.fileSize(); err != nil {
		return err
	}
	if at.written, err = diskWritten(z.database()); err != nil {
		return err
	}
	if at.private, err = p.private(); err != nil {
		return err
	}
	if n := len(r.samples); n > 0 {
		before := r.samples[n-1]
		fmt.Printf("%v: file %d MiB, %.1f MiB/s written, memory %d MiB, %d revocations\n", at.after.Round(time.Second), at.file>>20,
			float64(at.written-before.written)/(1<<20)/(at.after-before.after).Seconds(), at.private>>20, len(r.revoked))
	}
	r.samples = append(r.samples, at)
	return nil
}

// quantile is how long so large a part of the revocations took at most.
func (r *longRun) quantile(q float64) time.Duration {
	return r.revoked[min(len(r.revoked)-1, int(q*float64(len(r.revoked))))]
}

// lostEvents is how many accepted logins the daemon counts that are on no record.
func lostEvents(ctx context.Context, client *admin.Client) (float64, error) {
	text, err := client.Metrics(ctx)
	if err != nil {
		return 0, err
	}
	return lostIn(text)
}

// lostIn finds their number in the daemon's page of metrics.
func lostIn(page string) (float64, error) {
	const name = `latchkey_events_lost_total{outcome="accepted"} `
	for line := range strings.Lines(page) {
		if value, found := strings.CutPrefix(line, name); found {
			var n float64
			_, err := fmt.Sscan(value, &n)
			return n, err
		}
	}
	return 0, fmt.Errorf("the daemon does not count %s", name)
}
