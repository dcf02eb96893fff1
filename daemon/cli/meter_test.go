package cli

import (
	"io"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/admin"
)

// TestMeter shows a line on a terminal, not more often than people can read, and
// takes it away.
func TestMeter(t *testing.T) {
	person, process := terminal(t)
	a, _, plain := testApp()
	now := time.Unix(1, 0)
	a.now = func() time.Time { return now }
	m := a.meter()
	m.show(admin.BackupProgress{Stage: "copying", Done: 1, Of: 2})
	m.clear()
	if plain.Len() > 0 {
		t.Errorf("no terminal, but %q", plain)
	}
	a.err = process
	m = a.meter()
	m.show(admin.BackupProgress{Stage: "copying", Done: 1, Of: 2})
	m.show(admin.BackupProgress{Stage: "copying", Done: 2, Of: 2})
	now = now.Add(meterEvery)
	m.show(admin.BackupProgress{Stage: "checking", Done: 0, Of: 0})
	m.clear()
	m.clear()
	m.show(admin.BackupProgress{Stage: "done", Done: 1, Of: 1}) // at once
	const want = "\r\x1b[Kcopying: 50 %\r\x1b[Kchecking: 0 %\r\x1b[K\r\x1b[Kdone: 100 %"
	got := make([]byte, len(want))
	if n, err := io.ReadFull(person, got); err != nil || string(got[:n]) != want {
		t.Errorf("%q, %v", got[:n], err)
	}
}
