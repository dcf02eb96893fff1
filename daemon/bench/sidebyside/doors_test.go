package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

// TestDoors: everybody gets in at every door, and it is noticed if not.
func TestDoors(t *testing.T) {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	f, err := makeLatchkey(t.Context(), dir, contents{accounts: 3, scram: 2})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "doors.toml")
	at, err := f.prepareDoors(path)
	if err != nil {
		t.Fatal(err)
	}
	serveIn(t, path)
	doors, err := f.doors(at)
	if err != nil || len(doors) != 6 {
		t.Fatalf("%d doors, %v", len(doors), err)
	}
	for _, d := range doors {
		if d.name == "SCRAM-SHA-256" {
			d.load.Accounts = d.load.Accounts[:2*appPasswordsOfEach]
		}
		if r, err := d.ask(t.Context(), 50*time.Millisecond); err != nil || r.LoginsPerSecond <= 0 {
			t.Errorf("%s: %+v, %v", d.name, r, err)
		}
	}
	one := doors[0]
	one.load.Accounts, one.load.Connections = []bench.Account{bench.NewAccount(address(0), "not one of its app passwords")}, 1
	if _, err := one.ask(t.Context(), time.Millisecond); err == nil || !strings.Contains(err.Error(), "of 1 logins 0 passed") {
		t.Errorf("a refusal was not noticed: %v", err)
	}
}
