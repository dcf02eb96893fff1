package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testRestart ends the daemon while the servers run, once as a crash and once
// as an orderly stop. Nobody restarts the servers, and no mail program that
// came meanwhile is sent away: it waits until the daemon is back.
func testRestart(t *testing.T, s *stack, p *people) {
	for _, end := range []struct {
		name string
		do   func()
	}{
		{"killed", func() { s.latchkey.kill() }},
		{"stopped", func() { s.latchkey.stop(t) }},
	} {
		t.Run(end.name, func(t *testing.T) {
			a := attempt{mechanism: "PLAIN", user: p.free, secret: p.freeApp.Secret}
			mailbox, answer, err := s.doors[0].try(a)
			if err != nil {
				t.Fatal(answer, err)
			}
			defer mailbox.Close()

			end.do()
			arrived := make(chan error, len(s.doors))
			for _, d := range s.doors {
				go func() { arrived <- d.pass(a) }()
			}
			s.latchkey.start(s.t)
			for range s.doors {
				if err := <-arrived; err != nil {
					t.Errorf("came while the daemon was away: %v", err)
				}
			}
			for _, d := range s.doors {
				if err := d.pass(a); err != nil {
					t.Errorf("came later: %v", err)
				}
			}
			if err := imapUse(mailbox, p.free); err != nil {
				t.Errorf("the mailbox that was open: %v", err)
			}
		})
	}
}

// testServersRestart restarts the mail servers beside a daemon that stays. Its
// sockets lie in their folders: they must leave them alone.
func testServersRestart(t *testing.T, s *stack, p *people) {
	s.dovecot.stop(t)
	s.postfix.stop(t)
	s.dovecot.start(s.t)
	s.postfix.start(s.t)
	for _, d := range s.doors {
		if err := d.pass(attempt{mechanism: "LOGIN", user: p.free, secret: p.freeApp.Secret}); err != nil {
			t.Error(err)
		}
	}
	if out, err := s.dovecot.doveadm(t, "user", p.free); err != nil {
		t.Error(out, err)
	}
}

// testStoreDown takes the database away under the running daemon. "Could not
// look" must never read as "wrong password": mail programs delete saved
// passwords on that, and LMTP's senders would get their mail back.
func testStoreDown(t *testing.T, s *stack, p *people) {
	truncateStore(t, s.latchkey.data)
	for _, d := range s.doors {
		for name, a := range map[string]attempt{
			"good secret":  {mechanism: "PLAIN", user: p.free, secret: p.freeApp.Secret},
			"wrong secret": {mechanism: "LOGIN", user: p.free, secret: "wrong horse 42"},
			"unknown name": {mechanism: "PLAIN", user: "nobody@example.org", secret: p.password},
		} {
			t.Run(d.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				c, answer, err := d.try(a)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if !strings.HasPrefix(answer, d.unavailable) {
					t.Errorf("want %q..., got %q", d.unavailable, answer)
				}
			})
		}
	}
	t.Run("lmtp", func(t *testing.T) {
		c := mustDial(t, "unix", filepath.Join(s.place.dir, "queue/private/dovecot-lmtp"))
		converse(t, c, []exchange{
			{"250", "LHLO client.example"},
			{"250", "MAIL FROM:<someone@elsewhere.example>"},
			{"451", "RCPT TO:<" + p.free + ">"},
			{"451", "RCPT TO:<nobody@example.org>"},
		})
	})
}

// truncateStore cuts the database file down to nothing. The database is the
// largest file in the data folder.
func truncateStore(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var largest string
	var size int64 = -1
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && info.Mode().IsRegular() && info.Size() > size {
			largest, size = entry.Name(), info.Size()
		}
	}
	if err := os.Truncate(filepath.Join(folder, largest), 0); err != nil {
		t.Fatal(err)
	}
}
