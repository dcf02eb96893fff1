// Package examples holds real configuration files and the test that starts the
// real servers with them: each file is used byte for byte, beside an overlay
// that moves ports, folders and certificates.
package examples

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// binary is the program under test, built once by TestMain.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lkbin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "latchkey")
	args := []string{"build", "-buildvcs=false", "-o", binary}
	if raceDetector {
		args = append(args, "-race")
		// A program built with it sleeps a second before it exits, each of our
		// commands too, unless told otherwise.
		os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	}
	if out, err := exec.Command("go", append(args, "..")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	// The parallel tests wait for refusals, which are two seconds old by
	// design; the number of processors is no measure for how many may wait.
	if err := flag.Set("test.parallel", "16"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// stack is everything at once: latchkey, Dovecot and Postfix.
type stack struct {
	t        *testing.T // the test that the servers live as long as
	place    *place
	latchkey *latchkey
	dovecot  *dovecot
	postfix  *postfix
	doors    []door
}

// newStack starts everything. With activation the test holds latchkey's sockets
// as systemd would; without it, latchkey makes them itself.
func newStack(t *testing.T, v series, activation bool) *stack {
	t.Helper()
	return newStackAt(t, newPlace(t), v, activation, "")
}

// newStackAt is newStack in a place that others use, too, with more sections in
// latchkey's configuration.
func newStackAt(t *testing.T, p *place, v series, activation bool, sections string) *stack {
	t.Helper()
	p.folder(t, "vmail", "root", 0o777)
	f := newPostfix(t, p)
	_, relayPort, _ := strings.Cut(f.smtp, ":")
	s := &stack{t: t, place: p, postfix: f, latchkey: newLatchkey(t, p, v, sections), dovecot: newDovecot(t, p, v, relayPort)}
	if activation {
		s.latchkey.openSockets(t, p, s.units())
		s.latchkey.start(t)
		s.dovecot.start(t)
	} else {
		s.dovecot.start(t) // makes its folder, in which latchkey makes one
		s.latchkey.start(t)
	}
	s.makeSenders(t)
	s.postfix.start(t)
	s.doors = doors(s)
	return s
}

// units are the systemd units of the examples, one for each socket.
func (s *stack) units() []string {
	return append(s.dovecot.series.units(), "postfix/latchkey-postfix.socket")
}

// people are the accounts of the tests, made by latchkey's own commands.
type people struct {
	password                                string      // everybody's main password
	free, bound, disabled                   string      // addresses
	freeApp, boundApp, revoked, disabledApp appPassword // good for everything
	mailApp                                 appPassword // free's, for imap and sieve only
	crowd                                   []string    // addresses for the big rush
	crowdApps                               []appPassword
}

const crowdSize = 20

func newPeople(t *testing.T, l *latchkey) *people {
	t.Helper()
	p := newFew(t, l)
	p.addCrowd(t, l, crowdSize)
	return p
}

// newFew is newPeople without the crowd.
func newFew(t *testing.T, l *latchkey) *people {
	t.Helper()
	p := &people{
		password: "correct horse 42", free: "free@example.org",
		bound: "bound@example.org", disabled: "disabled@example.org",
	}
	for _, address := range []string{p.free, p.bound, p.disabled} {
		l.addAccount(t, address, p.password)
	}
	// The phone first: binding ends the app passwords that were there before.
	l.command(t, "", "phone", "bind", p.bound, "+8613800138000")
	p.freeApp = l.addAppPassword(t, p.free, "")
	p.mailApp = l.addAppPassword(t, p.free, "imap,sieve")
	p.revoked = l.addAppPassword(t, p.free, "")
	l.command(t, "", "app-password", "revoke", p.free, p.revoked.ID)
	p.boundApp = l.addAppPassword(t, p.bound, "")
	p.disabledApp = l.addAppPassword(t, p.disabled, "")
	l.command(t, "", "account", "disable", p.disabled)
	return p
}

func (p *people) addCrowd(t *testing.T, l *latchkey, size int) {
	t.Helper()
	for i := range size {
		address := fmt.Sprintf("crowd%d@example.org", i)
		l.addAccount(t, address, p.password)
		p.crowd = append(p.crowd, address)
		p.crowdApps = append(p.crowdApps, l.addAppPassword(t, address, ""))
	}
}

// TestPeers starts the servers once and walks through everything they must do.
func TestPeers(t *testing.T) {
	requireMailServers(t)
	testPeers(t, dovecot23)
}

// TestPeersDovecot24 is TestPeers with a Dovecot 2.4.
func TestPeersDovecot24(t *testing.T) {
	requireMailServers(t)
	requirePeers(t, debian13Peers)
	testPeers(t, dovecot24)
}

func testPeers(t *testing.T, v series) {
	s := newStack(t, v, true)
	p := newPeople(t, s.latchkey)
	s.makeSenders(t)

	t.Run("matrix", func(t *testing.T) { testMatrix(t, s, p) })
	t.Run("strange authorization identity", func(t *testing.T) { testAuthz(t, s, p) })
	t.Run("no password without TLS", func(t *testing.T) { testCleartext(t, s) })
	t.Run("mail from program to program", func(t *testing.T) { testMail(t, s, p) })
	t.Run("lmtp", func(t *testing.T) { testLMTP(t, s, p) })
	t.Run("aliases and senders", func(t *testing.T) { testSenders(t, s, p) })
	t.Run("doveadm", func(t *testing.T) { testDoveadm(t, s, p) })
	t.Run("an account's own fields", func(t *testing.T) { testOwnFields(t, s, p) })
	t.Run("events", func(t *testing.T) { testEvents(t, s, p) })
	t.Run("200 at once", func(t *testing.T) { testCrowd(t, s, p) })
	t.Run("restart", func(t *testing.T) { testRestart(t, s, p) })
	t.Run("restart of the mail servers", func(t *testing.T) { testServersRestart(t, s, p) })
	t.Run("Dovecot's own auth service is not needed", func(t *testing.T) {
		children := s.dovecot.children(t)
		if !slices.Contains(children, "dovecot/imap-login") {
			t.Errorf("cannot see Dovecot's processes, only %q", children)
		}
		if slices.Contains(children, "dovecot/auth") {
			t.Errorf("it was started: %q", children)
		}
	})
	if v == dovecot24 { // Dovecot 2.3 ends all sessions of an account: the walk looks at that
		t.Run("cut", func(t *testing.T) { testCut(t, s, p) })
	}
	t.Run("store down", func(t *testing.T) { testStoreDown(t, s, p) })
	t.Run("latchkey's log", func(t *testing.T) { testLog(t, s, p) })
}

// testLog reads what the daemon logged in all its lives.
func testLog(t *testing.T, s *stack, p *people) {
	for i, book := range s.latchkey.logs {
		log := book.tail(1 << 20)
		if !strings.Contains(log, "msg=ready") {
			t.Errorf("life %d: not a word of being ready", i)
		}
		for _, secret := range []string{p.password, p.freeApp.Secret, p.boundApp.Secret, p.revoked.Secret} {
			if strings.Contains(log, secret) {
				t.Errorf("life %d: the log holds a secret", i)
			}
		}
		for _, trouble := range []string{"DATA RACE", "panic", "goroutine "} {
			if strings.Contains(log, trouble) {
				t.Errorf("life %d: the log holds %q", i, trouble)
			}
		}
	}
}

// TestOwnSockets lets latchkey make the sockets of the [[listener]] sections.
func TestOwnSockets(t *testing.T) {
	requireMailServers(t)
	testOwnSockets(t, dovecot23)
}

// TestOwnSocketsDovecot24 is TestOwnSockets with a Dovecot 2.4.
func TestOwnSocketsDovecot24(t *testing.T) {
	requireMailServers(t)
	requirePeers(t, debian13Peers)
	testOwnSockets(t, dovecot24)
}

func testOwnSockets(t *testing.T, v series) {
	s := newStack(t, v, false)
	for _, file := range s.units() {
		want := readUnit(t, s.place, file)
		info, err := os.Stat(want.path)
		if err != nil {
			t.Error(err)
			continue
		}
		uid, gid := ids(t, want.owner)
		owner := info.Sys().(*syscall.Stat_t)
		if info.Mode() != want.mode|os.ModeSocket || int(owner.Uid) != uid || int(owner.Gid) != gid {
			t.Errorf("%s: %v of %d:%d, but %s says %v of %s", want.path, info.Mode(), owner.Uid, owner.Gid, file, want.mode, want.owner)
		}
	}
	const user, password = "free@example.org", "correct horse 42"
	s.latchkey.addAccount(t, user, password)
	s.makeSenders(t)
	for _, d := range s.doors {
		mustPass(t, d, attempt{mechanism: "PLAIN", user: user, secret: password})
	}
}

// testMatrix walks accounts and secrets through every door by each mechanism.
func testMatrix(t *testing.T, s *stack, p *people) {
	all := func(string) bool { return true }
	none := func(string) bool { return false }
	letters := p.freeApp.Secret
	spelled := strings.ToUpper(letters[:4]) + " " + letters[4:8] + "-" + letters[8:12] + " " + letters[12:]
	rows := []struct {
		name, user, secret string
		pass               func(scope string) bool
	}{
		{"main password, no phone", p.free, p.password, all},
		{"app password, no phone", p.free, p.freeApp.Secret, all},
		{"app password as people type it", p.free, spelled, all},
		{"name in capitals", strings.ToUpper(p.free), p.freeApp.Secret, all},
		{"app password, phone bound", p.bound, p.boundApp.Secret, all},
		{"main password, phone bound", p.bound, p.password, none},
		{"app password of somebody else", p.free, p.boundApp.Secret, none},
		{"app password for imap and sieve", p.free, p.mailApp.Secret, func(scope string) bool { return scope == "imap" || scope == "sieve" }},
		{"revoked app password", p.free, p.revoked.Secret, none},
		{"disabled, main password", p.disabled, p.password, none},
		{"disabled, app password", p.disabled, p.disabledApp.Secret, none},
		{"unknown name", "nobody@example.org", p.password, none},
		{"wrong secret", p.free, "wrong horse 42", none},
		{"wrong secret, phone bound", p.bound, "wrong horse 42", none},
	}
	for _, d := range s.doors {
		for _, mechanism := range []string{"PLAIN", "LOGIN"} {
			for _, row := range rows {
				t.Run(d.name+"/"+mechanism+"/"+row.name, func(t *testing.T) {
					t.Parallel()
					a := attempt{mechanism: mechanism, user: row.user, secret: row.secret}
					if row.pass(d.scope) {
						mustPass(t, d, a)
					} else {
						mustBeRefused(t, d, a)
					}
				})
			}
		}
	}
}

// mustPass logs in and does something that only a real login can do.
func mustPass(t *testing.T, d door, a attempt) {
	t.Helper()
	c, answer, err := d.tryDecided(a)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !strings.HasPrefix(answer, d.accepted) {
		t.Fatalf("%s: want %q..., got %q", d.name, d.accepted, answer)
	}
	if err := d.use(c, strings.ToLower(a.user)); err != nil {
		t.Errorf("%s: after login: %v", d.name, err)
	}
}

// mustBeRefused logs in and must see the one sentence, as this door shows it.
func mustBeRefused(t *testing.T, d door, a attempt) {
	t.Helper()
	c, answer, err := d.tryDecided(a)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if want := d.refused(sentence); answer != want {
		t.Errorf("%s: want %q, got %q", d.name, want, answer)
	}
}

// testAuthz asks to act for somebody else, which PLAIN allows to ask.
func testAuthz(t *testing.T, s *stack, p *people) {
	for _, d := range s.doors {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			c, answer, err := d.tryDecided(attempt{mechanism: "PLAIN", authz: p.bound, user: p.free, secret: p.freeApp.Secret})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if !strings.HasPrefix(answer, d.stranger) {
				t.Errorf("want %q..., got %q", d.stranger, answer)
			}
		})
	}
}

// testCrowd logs 200 mail programs in at the same moment.
func testCrowd(t *testing.T, s *stack, p *people) {
	const logins = 200
	failures := make(chan error, logins)
	gate := make(chan struct{})
	var done sync.WaitGroup
	for i := range logins {
		d := s.doors[i%len(s.doors)]
		person := i / len(s.doors) % crowdSize
		a := attempt{mechanism: "PLAIN", user: p.crowd[person], secret: p.crowdApps[person].Secret}
		done.Go(func() {
			<-gate
			c, answer, err := d.try(a)
			if err == nil && !strings.HasPrefix(answer, d.accepted) {
				err = fmt.Errorf("%s: %q", d.name, answer)
			}
			if c != nil {
				defer c.Close()
			}
			if err != nil {
				failures <- err
			}
		})
	}
	close(gate)
	done.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
}
