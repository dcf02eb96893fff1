package hasher

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadWorkersJobIsRetriedOnce(t *testing.T) {
	withBench(t, 2, func(b *bench) {
		first, second := <-b.started, <-b.started
		p := b.match(Mail, netA, "h")
		var killed *fakeWorker
		if b.nextJob(first).answer != nil {
			killed = first
		} else if b.nextJob(second).answer != nil {
			killed = second
			second = first
		}
		killed.die()
		job := b.nextJob(second)
		if job.stored != "h" {
			t.Fatal("the job did not go to the other worker")
		}
		job.answer <- nil
		p.wants(t, outcome{matches: true})
	})
}

func TestTwoDeadWorkersAnswerAnError(t *testing.T) {
	withBench(t, 2, func(b *bench) {
		p := b.match(Mail, netA, "h")
		for range 2 {
			w := <-b.started
			if b.nextJob(w).answer == nil {
				b.started <- w // the idle one: back to the end
				w = <-b.started
				b.nextJob(w)
			}
			w.die()
			synctest.Wait()
		}
		p.wants(t, outcome{err: ErrWorkerDied})
	})
}

func TestIdleWorkerIsReplaced(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		w := <-b.started
		p := b.match(Mail, netA, "h")
		b.nextJob(w).answer <- nil
		p.wants(t, outcome{matches: true})
		w.die()
		synctest.Wait()
		w = <-b.started // at once, as it had done its work
		p = b.match(Mail, netA, "h")
		b.nextJob(w).answer <- nil
		p.wants(t, outcome{matches: true})
	})
}

func TestWorkersThatNeverWorkAreStartedEverMoreSeldom(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		var pauses []time.Duration
		for range 8 {
			(<-b.started).die()
			began := time.Now()
			w := <-b.started
			pauses = append(pauses, time.Since(began))
			b.started <- w
		}
		for i, want := range []time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000} {
			if pauses[i] != want*time.Millisecond {
				t.Errorf("pause %d: %v, want %vms", i, pauses[i], int(want))
			}
		}
	})
}

// While no worker can be had, jobs are refused instead of kept waiting.
func TestNoWorkerAtAll(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		w := <-b.started
		reserved, _ := b.Reserve(Mail, prefix(netB))
		failure := errors.New("no such file")
		b.failing.Store(&failure)
		waiting := b.match(Mail, netA, "h")
		w.die() // the retry finds no worker
		synctest.Wait()
		waiting.wants(t, outcome{err: ErrWorkerDied})
		b.use(reserved, "h").wants(t, outcome{err: ErrWorkerDied})
		if _, ok := b.Reserve(Mail, prefix(netA)); ok {
			t.Error("room without any worker")
		}
		b.failing.Store(nil)
		time.Sleep(longPause)
		w = <-b.started
		p := b.match(Mail, netA, "h")
		b.nextJob(w).answer <- nil
		p.wants(t, outcome{matches: true})
	})
}

func TestStuckWorkerIsReplaced(t *testing.T) {
	withBench(t, 1, func(b *bench) {
		w := <-b.started
		p := b.match(Mail, netA, "h")
		b.nextJob(w)
		time.Sleep(jobLimit)
		synctest.Wait()
		p.wants(t, outcome{err: ErrWorkerDied})
		if len(b.started) != 0 {
			t.Error("restarted without a pause")
		}
		time.Sleep(firstPause)
		synctest.Wait()
		if len(b.started) != 1 {
			t.Error("not replaced")
		}
	})
}
