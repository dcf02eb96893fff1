package daemon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// child is a daemon in a process of its own.
type child struct {
	cmd    *exec.Cmd
	client *admin.Client
}

// startChild starts this test binary as a daemon on dir, behind the words of
// prefix if there are any, and waits until it answers.
func startChild(t *testing.T, dir string, prefix ...string) *child {
	t.Helper()
	argv := append(prefix, os.Args[0])
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), serveIn+"="+dir)
	var log strings.Builder
	cmd.Stderr = &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a prefix's own child ends with it
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd, admin.NewClient(admin.Dial(testConfig(dir).SocketPaths().Admin))}
	t.Cleanup(func() {
		c.kill()
		if t.Failed() {
			t.Logf("the daemon's log:\n%s", &log)
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		c.kill()
		t.Fatalf("the daemon did not start: %q, %v", line, err)
	}
	return c
}

func (c *child) kill() {
	if c.cmd.ProcessState != nil {
		return // its process group may be somebody else's by now
	}
	c.client.Close()
	syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	c.cmd.Wait()
}

// fact is what is known of an account. What was asked for when the daemon died
// may have happened or not; everything acknowledged must be there.
type fact struct {
	exists, disabled, bound bool
	apps                    map[store.AppPasswordID]bool // live?
	unsure                  bool
}

const crashRounds = 60

// TestKill kills the daemon with SIGKILL at random moments, starts it again and
// looks for every change that was acknowledged.
func TestKill(t *testing.T) {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	facts := make(map[string]*fact)
	acknowledged := 0
	// On a busy machine most daemons die before their first change: there are more
	// rounds then.
	for round := 0; round < crashRounds || acknowledged < crashRounds && round < 5*crashRounds; round++ {
		c := startChild(t, dir)
		checkFacts(t, c.client, facts)
		time.AfterFunc(time.Duration(random.IntN(40_000))*time.Microsecond, func() { c.cmd.Process.Kill() })
		for changeOne(t, c.client, random, facts) {
			acknowledged++
		}
		c.kill()
		if t.Failed() {
			break
		}
	}
	checkFacts(t, startChild(t, dir).client, facts)
	if acknowledged < crashRounds {
		t.Errorf("only %d changes were acknowledged: the test tests nothing", acknowledged)
	}
	t.Logf("%d changes acknowledged", acknowledged)
}

// changeOne makes one random change and notes it once it is acknowledged. It
// returns false when the daemon is gone.
func changeOne(t *testing.T, c *admin.Client, random *rand.Rand, facts map[string]*fact) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	address := fmt.Sprintf("user%d@example.org", random.IntN(20))
	f := facts[address]
	if f == nil {
		f = &fact{}
		facts[address] = f
	}
	f.unsure = true
	var err error
	var noted func()
	if !f.exists {
		_, err = c.AccountAdd(ctx, admin.AccountAdd{Address: address, Password: &admin.Password{Secret: secret.New(mainPass)}})
		noted = func() { *f = fact{exists: true, apps: make(map[store.AppPasswordID]bool)} }
	} else {
		noted, err = changeAccount(ctx, c, random, address, f)
	}
	if err != nil {
		// Only the kill may end a round: a daemon that refuses is alive.
		var refused *admin.Error
		if ctx.Err() != nil || errors.As(err, &refused) {
			t.Errorf("%s: %v", address, err)
		}
		return false
	}
	noted()
	f.unsure = false
	return true
}

func changeAccount(ctx context.Context, c *admin.Client, random *rand.Rand, address string, f *fact) (func(), error) {
	switch random.IntN(8) {
	case 0:
		return func() { f.disabled = true }, c.AccountDisable(ctx, address)
	case 1:
		return func() { f.disabled = false }, c.AccountEnable(ctx, address)
	case 2:
		_, err := c.PhoneBind(ctx, admin.PhoneBind{Address: address, Number: "+8613812345678"})
		return func() { f.bound = true }, err
	case 3:
		if f.bound {
			return func() { f.bound = false }, c.PhoneUnbind(ctx, address)
		}
	case 4:
		for id, live := range f.apps {
			if live {
				_, err := c.AppPasswordRevoke(ctx, admin.AppPasswordRevoke{Address: address, ID: id})
				return func() { f.apps[id] = false }, err
			}
		}
	case 5:
		if random.IntN(4) == 0 {
			return func() { *f = fact{} }, c.AccountDelete(ctx, address)
		}
	}
	if len(f.apps) >= 15 {
		return func() { *f = fact{} }, c.AccountDelete(ctx, address)
	}
	made, err := c.AppPasswordAdd(ctx, admin.AppPasswordAdd{Address: address, Name: "phone"})
	return func() { f.apps[made.ID] = true }, err
}

// checkFacts compares what the daemon says with what was acknowledged. An
// account with a change that was not acknowledged is taken as it is now.
func checkFacts(t *testing.T, c *admin.Client, facts map[string]*fact) {
	t.Helper()
	for address, f := range facts {
		shown, err := c.AccountShow(t.Context(), address)
		now := fact{}
		if err == nil {
			now = fact{exists: true, disabled: shown.Disabled, bound: !shown.Bound.IsZero(), apps: make(map[store.AppPasswordID]bool)}
			for _, a := range shown.AppPasswords {
				now.apps[a.ID] = a.State == store.Live
			}
		}
		if !f.unsure && (now.exists != f.exists || now.disabled != f.disabled || now.bound != f.bound || fmt.Sprint(now.apps) != fmt.Sprint(f.apps) && f.exists) {
			t.Errorf("%s: acknowledged %+v, found %+v (%v)", address, *f, now, err)
		}
		*f = now
	}
}
