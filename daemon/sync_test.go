package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// requirePeers names the environment variable that, set to 1, makes an absent
// program fail a test instead of skipping it.
const requirePeers = "LATCHKEY_REQUIRE_PEERS"

// TestSyncBeforeAcknowledgement watches the daemon's system calls: between the
// last write to the database and the answer to the one who asked for the change
// stands an fdatasync of the database that succeeded.
func TestSyncBeforeAcknowledgement(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv(requirePeers) == "1" {
			t.Fatal("strace is absent")
		}
		t.Skip("strace is absent")
	}
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	trace := filepath.Join(dir, "trace")
	c := startChild(t, dir, strace, "-f", "-y", "-o", trace, "-e", "trace=pwrite64,fdatasync,write")
	if _, err := c.client.AccountAdd(t.Context(), admin.AccountAdd{Address: "marker@example.org", Password: &admin.Password{Secret: secret.New(mainPass)}}); err != nil {
		t.Fatal(err)
	}
	if err := c.client.AccountDisable(t.Context(), "marker@example.org"); err != nil {
		t.Fatal(err)
	}
	c.kill()
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var (
		write  = regexp.MustCompile(`pwrite64\(\d+<[^>]*` + DatabaseFile)
		begun  = regexp.MustCompile(`^(\d+) +fdatasync\(\d+<[^>]*` + DatabaseFile + `>( <unfinished \.\.\.>|\) += 0)`)
		resume = regexp.MustCompile(`^(\d+) +<\.\.\. fdatasync resumed>\) += 0`)
		answer = regexp.MustCompile(`write\(\d+<[^>]*>, "HTTP/1\.1 200`)

		pending          = make(map[string]bool) // threads in an fdatasync of the database
		dirty            bool                    // written since the last sync
		synced, answered int
	)
	for line := range strings.Lines(string(text)) {
		switch {
		case write.MatchString(line):
			dirty = true
		case begun.MatchString(line):
			m := begun.FindStringSubmatch(line)
			if strings.Contains(m[2], "unfinished") {
				pending[m[1]] = true
				continue
			}
			dirty, synced = false, synced+1
		case resume.MatchString(line):
			if thread := resume.FindStringSubmatch(line)[1]; pending[thread] {
				delete(pending, thread)
				dirty, synced = false, synced+1
			}
		case answer.MatchString(line):
			answered++
			if dirty {
				t.Errorf("acknowledged before it was synced: %s", line)
			}
			if synced == 0 {
				t.Error("acknowledged without any fdatasync")
			}
			synced = 0
		}
	}
	if answered != 2 {
		t.Errorf("%d answers in the trace, want 2:\n%s", answered, text)
	}
}
