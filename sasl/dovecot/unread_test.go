package dovecot_test

import (
	"bufio"
	"context"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// manyWaiting is nearly as many refusals as may wait on one connection.
const manyWaiting = 16000

// sendMany sends n AUTHs in one write.
func (w *wire) sendMany(n int, password string) {
	w.t.Helper()
	lines := make([]string, n)
	for i := range lines {
		lines[i] = plain(strconv.Itoa(i+1), password)
	}
	w.send(lines...)
}

// wantAnswers waits for one FAIL of each id up to n.
func (w *wire) wantAnswers(n int) {
	w.t.Helper()
	answered := make(map[string]bool, n)
	for range n {
		line, open := <-w.lines
		if !open {
			break
		}
		answered[strings.SplitN(line, "\t", 3)[1]] = strings.HasPrefix(line, "FAIL\t")
	}
	for i := range n {
		if !answered[strconv.Itoa(i+1)] {
			w.t.Fatalf("%d answers of %d, none to %d", len(answered), n, i+1)
		}
	}
}

// refuseLater refuses everything after two seconds, in 110 bytes.
func refuseLater() backend {
	return backend{auth: func(r *dovecot.Request) {
		r.Fail(dovecot.Fail{User: "u@example", Reason: strings.Repeat("x", 110), At: r.Received.Add(2 * time.Second)})
	}}
}

// The refusals of a burst are due at the same moment. They are more than a peer
// may leave unread, but a peer that reads has left nothing.
func TestBurstOfRefusalsLeaves(t *testing.T) {
	bubble(t, &dovecot.Server{Backend: refuseLater()}, func(t *testing.T, dial func() *wire, log *logBuffer) {
		w := dial().hello("2")
		w.sendMany(manyWaiting, "wrong")
		w.wantSilence()
		w.wantAnswers(manyWaiting)
		w.send("CANCEL\t1") // the connection stays
		w.wantSilence()
		if strings.Contains(log.String(), "connection closed") {
			t.Errorf("log: %s", log.String())
		}
	})
}

func TestBurstOfRefusalsLeavesAtShutdown(t *testing.T) {
	s := &dovecot.Server{Backend: refuseLater()}
	bubble(t, s, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := dial().hello("2")
		w.sendMany(manyWaiting, "wrong")
		w.wantSilence()
		began := time.Now()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		w.wantAnswers(manyWaiting)
		w.wantEnd()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("Shutdown took %v", waited)
		}
	})
}

// The same when an answer closes the connection, and over a socket, whose buffer is finite.
func TestBurstOfRefusalsLeavesBeforeDrop(t *testing.T) {
	b := backend{auth: func(r *dovecot.Request) {
		if r.ID == manyWaiting {
			r.Drop(r.Received)
			return
		}
		r.Fail(dovecot.Fail{Reason: strings.Repeat("x", 110), At: r.Received.Add(time.Hour)})
	}}
	path := serve(t, &dovecot.Server{Mechanisms: manyMechanisms, Backend: b}, dovecot.KindClient)
	nc := dialConn(t, path)
	w := &wire{t: t, nc: nc, lines: make(chan string, 1<<16)}
	w.hello("0").sendMany(manyWaiting, "wrong")
	w.wantAnswers(manyWaiting - 1)
	w.wantEnd()
}

// A burst of a back end's own, from goroutines of its own.
func TestBurstOfAnswersLeaves(t *testing.T) {
	b := &latchedBackend{}
	bubble(t, &dovecot.Server{Backend: b}, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := dial().hello("2")
		w.sendMany(manyWaiting, "slow")
		synctest.Wait()
		for i := range manyWaiting {
			b.request(i).Fail(dovecot.Fail{Reason: strings.Repeat("x", 400)})
		}
		w.wantAnswers(manyWaiting)
	})
}

func TestPeerThatNeverReads(t *testing.T) {
	bubble(t, &dovecot.Server{Backend: script{}}, func(t *testing.T, dial func() *wire, log *logBuffer) {
		w := dial()
		began := time.Now()
		// Not even the handshake gets through the pipe.
		<-time.After(12 * time.Second)
		synctest.Wait()
		if _, err := w.nc.Write([]byte("VERSION\t1\t0\n")); err == nil {
			t.Errorf("after %v the connection is still open", time.Since(began))
		}
		if !strings.Contains(log.String(), "peer does not read") {
			t.Errorf("log: %s", log.String())
		}
	})
}

// What waits for a peer that asks and never reads is bounded: little more than
// 64 KiB of answers and those of the requests that were open then.
func TestPeerThatAsksAndNeverReads(t *testing.T) {
	const waits, answer = 1000, 400
	var asked atomic.Int32
	b := backend{auth: func(r *dovecot.Request) {
		f := dovecot.Fail{Reason: strings.Repeat("x", answer)}
		if asked.Add(1) <= waits {
			f.At = r.Received.Add(time.Second)
		}
		r.Fail(f)
	}}
	bubble(t, &dovecot.Server{Backend: b}, func(t *testing.T, dial func() *wire, log *logBuffer) {
		w := dial()
		in := w.helloOnly()
		began := time.Now()
		w.nc.SetWriteDeadline(began.Add(time.Minute))
		for err := error(nil); err == nil; { // until the server closes
			_, err = io.WriteString(w.nc, plain(strconv.Itoa(int(asked.Load())+1), "wrong")+"\n")
			synctest.Wait()
		}
		if waited := time.Since(began); waited < 10*time.Second || waited > 11*time.Second {
			t.Errorf("closed after %v", waited)
		}
		if !strings.Contains(log.String(), "peer does not read") {
			t.Errorf("log: %s", log.String())
		}
		if n := asked.Load(); n > waits+(64<<10)/answer+2 {
			t.Errorf("%d requests were taken in", n)
		}
		if n := in.Buffered(); n != 0 {
			t.Errorf("%d bytes were read", n)
		}
	})
}

// helloOnly does the handshake and then reads no more.
func (w *wire) helloOnly() *bufio.Reader {
	w.t.Helper()
	in := bufio.NewReader(w.nc)
	for line := ""; line != "DONE\n"; {
		var err error
		if line, err = in.ReadString('\n'); err != nil {
			w.t.Fatal(err)
		}
	}
	w.send("VERSION\t1\t2", "CPID\t7")
	return in
}

// Whoever takes long for little while much more waits is closed before he has it
// all; whoever is merely late is not.
func TestPeerLeavesTooMuchUnread(t *testing.T) {
	const n = 200
	for _, test := range []struct {
		pause  time.Duration
		closed bool
	}{{4 * time.Second, false}, {6 * time.Second, true}} {
		b := &latchedBackend{}
		s := &dovecot.Server{Backend: b, MaxUnread: 4096}
		bubble(t, s, func(t *testing.T, dial func() *wire, log *logBuffer) {
			w := dial()
			in := w.helloOnly()
			w.sendMany(n, "slow")
			synctest.Wait()
			for i := range n {
				b.request(i).Fail(dovecot.Fail{Reason: strings.Repeat("x", 100)})
				synctest.Wait() // the first is being written alone
			}
			time.Sleep(test.pause)
			got := 0
			for range n {
				if _, err := in.ReadString('\n'); err != nil {
					break
				}
				got++
			}
			synctest.Wait()
			closed := strings.Contains(log.String(), "too much unread")
			if closed != test.closed || closed != (got < n) {
				t.Errorf("after %v: closed %t, %d lines of %d", test.pause, closed, got, n)
			}
		})
	}
}

// Shutdown waits for such a peer no longer than a write may be stuck.
func TestShutdownDoesNotWaitForAPeerThatNeverReads(t *testing.T) {
	s := &dovecot.Server{Backend: refuseLater()}
	bubble(t, s, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := dial()
		w.helloOnly()
		w.sendMany(manyWaiting, "wrong")
		synctest.Wait()
		began := time.Now()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited > 11*time.Second {
			t.Errorf("Shutdown took %v", waited)
		}
	})
}
