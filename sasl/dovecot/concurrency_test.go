package dovecot_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// slowBackend answers every second login from a goroutine of its own.
type slowBackend struct{ wg sync.WaitGroup }

func (b *slowBackend) Auth(r *dovecot.Request) {
	answer := func() { r.OK(dovecot.OK{User: r.Session, Login: r.Session}) }
	if r.ID%2 == 0 {
		answer()
		return
	}
	b.wg.Go(func() {
		if r.Context().Err() == nil {
			answer()
		}
	})
}

func (b *slowBackend) Continue(*dovecot.Request, []byte) {}

func TestManyConnectionsManyInFlight(t *testing.T) {
	b := new(slowBackend)
	path := serve(t, &dovecot.Server{Mechanisms: manyMechanisms, Backend: b}, dovecot.KindClient)
	t.Cleanup(b.wg.Wait)
	const conns, logins, depth = 8, 2000, 32
	var wg sync.WaitGroup
	for n := range conns {
		c := dial(t, path, dovecot.ClientOptions{Minor: 2, PID: uint32(n + 1)})
		wg.Go(func() {
			if err := driveSessions(c, n, logins, depth); err != nil {
				t.Errorf("connection %d: %v", n, err)
			}
		})
	}
	wg.Wait()
}

// driveSessions keeps depth logins in flight, each with a session of its own that has to come back.
func driveSessions(c *dovecot.Client, n, logins, depth int) error {
	open := make(map[uint32]string)
	for started, ended := 0, 0; ended < logins; ended++ {
		for started < logins && len(open) < depth {
			session := fmt.Sprintf("%d/%d", n, started)
			id, err := c.Start(&dovecot.AuthRequest{Mechanism: "PLAIN", Service: "imap", Session: session, Initial: []byte("x")})
			if err != nil {
				return err
			}
			open[id] = session
			started++
		}
		if err := c.Flush(); err != nil {
			return err
		}
		var reply dovecot.Reply
		if err := c.ReadReply(&reply); err != nil {
			return err
		}
		if want, ok := open[reply.ID]; !ok || !reply.OK || reply.User != want {
			return fmt.Errorf("%+v, want %q", reply, want)
		}
		delete(open, reply.ID)
	}
	return nil
}

// A client that asks a lot before it reads anything is held up, not dropped.
func TestPeerThatReadsLate(t *testing.T) {
	path := serve(t, &dovecot.Server{Mechanisms: manyMechanisms, Backend: script{}}, dovecot.KindClient)
	nc := dialConn(t, path)
	const n = 20000
	wrote := make(chan error, 1)
	go func() {
		lines := []string{"VERSION\t1\t2", "CPID\t9"}
		for i := range n {
			lines = append(lines, plain(strconv.Itoa(i+1), "wrong"))
		}
		_, err := io.WriteString(nc, strings.Join(lines, "\n")+"\n")
		if err == nil {
			err = nc.(*net.UnixConn).CloseWrite()
		}
		wrote <- err
	}()
	select { // until nothing fits into the socket any more, or all of it did
	case err := <-wrote:
		wrote <- err
	case <-time.After(200 * time.Millisecond):
	}
	all, err := io.ReadAll(nc)
	if got := strings.Count(string(all), "FAIL\t"); got != n || err != nil {
		t.Errorf("%d answers of %d, %v", got, n, err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

// The answers to one read buffer may be more than a peer may leave unread.
func TestShortLinesLongAnswers(t *testing.T) {
	reason := strings.Repeat("x", 400)
	b := backend{auth: func(r *dovecot.Request) { r.Fail(dovecot.Fail{User: reason, Reason: reason}) }}
	path := serve(t, &dovecot.Server{Mechanisms: manyMechanisms, Backend: b}, dovecot.KindClient)
	nc := dialConn(t, path)
	const n = 5000
	var wg sync.WaitGroup
	wg.Go(func() {
		lines := []string{"VERSION\t1\t2", "CPID\t9"}
		for i := range n {
			lines = append(lines, "AUTH\t"+strconv.Itoa(i+1)+"\tPLAIN\tservice=x")
		}
		if _, err := io.WriteString(nc, strings.Join(lines, "\n")+"\n"); err != nil {
			t.Error(err)
		}
		if err := nc.(*net.UnixConn).CloseWrite(); err != nil {
			t.Error(err)
		}
	})
	all, err := io.ReadAll(nc)
	wg.Wait()
	if got := strings.Count(string(all), "FAIL\t"); got != n || err != nil {
		t.Errorf("%d answers of %d, %v", got, n, err)
	}
}

// Answers race with CANCEL, with the end of the connection and with each other;
// the race detector and goleak watch.
func TestAnswersRaceWithTheEnd(t *testing.T) {
	var wg sync.WaitGroup
	b := backend{
		auth: func(r *dovecot.Request) {
			id := r.ID // after an answer the fields are not to be read
			for range 3 {
				wg.Go(func() {
					switch id % 4 {
					case 0:
						r.OK(dovecot.OK{User: "u", Final: []byte("x")})
					case 1:
						r.Fail(dovecot.Fail{At: time.Now().Add(time.Millisecond)})
					case 2:
						r.Challenge(nil)
						r.Fail(dovecot.Fail{})
					default:
						<-r.Context().Done()
						r.OK(dovecot.OK{User: "u"})
					}
				})
			}
		},
		cont: func(r *dovecot.Request, _ []byte) { r.OK(dovecot.OK{User: "u"}) },
	}
	path := serve(t, &dovecot.Server{Mechanisms: manyMechanisms, Backend: b}, dovecot.KindClient)
	t.Cleanup(wg.Wait)
	var clients sync.WaitGroup
	for n := range 20 {
		c := dial(t, path, dovecot.ClientOptions{Minor: 4})
		clients.Go(func() {
			for i := range 100 {
				id, err := c.Start(&dovecot.AuthRequest{Mechanism: "PLAIN", Service: "imap", Initial: []byte("x")})
				if err != nil {
					t.Error(err)
				}
				switch i % 3 {
				case 0:
					err = c.Cancel(id)
				case 1:
					err = c.Continue(id, nil)
				}
				if err = errors.Join(err, c.Flush()); err != nil {
					t.Error(err)
				}
			}
			finals := make(map[uint32]int)
			for range 50 + n {
				var reply dovecot.Reply
				if err := c.ReadReply(&reply); err != nil {
					t.Error(err)
					break
				}
				if reply.Kind == dovecot.Accepted || reply.Kind == dovecot.Refused && reply.Reason != "Authentication request timed out" {
					finals[reply.ID]++
				}
				if finals[reply.ID] > 1 {
					t.Errorf("a second answer: %+v", reply)
				}
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	clients.Wait()
}

// TestServeRefuses: what would go wrong with every connection is told before the first.
func TestServeRefuses(t *testing.T) {
	s := &dovecot.Server{Mechanisms: manyMechanisms, Backend: script{}}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Serve(newPipeListener(), dovecot.KindClient); !errors.Is(err, dovecot.ErrServerClosed) {
		t.Errorf("Serve after Close: %v", err)
	}
	for _, k := range []dovecot.Kind{dovecot.KindClient, dovecot.KindMaster, dovecot.KindUserdb} {
		if err := new(dovecot.Server).Serve(newPipeListener(), k); !errors.Is(err, dovecot.ErrBackend) {
			t.Errorf("%v without a back end: %v", k, err)
		}
	}
}

func TestMaxConns(t *testing.T) {
	s := &dovecot.Server{Mechanisms: manyMechanisms, Backend: script{}, MaxConns: 2}
	path := serve(t, s, dovecot.KindClient)
	first := dial(t, path, dovecot.ClientOptions{})
	dial(t, path, dovecot.ClientOptions{})
	third := dialConn(t, path) // waits in the backlog
	if err := third.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := third.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("a connection beyond the limit was served")
	}
	if err := errors.Join(third.SetReadDeadline(time.Now().Add(10*time.Second)), first.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := dovecot.NewClient(third, dovecot.ClientOptions{}); err != nil {
		t.Errorf("after one has left: %v", err)
	}
}
