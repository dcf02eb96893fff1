package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// site is a data folder with 1,000 accounts of one app password and one event.
type site struct {
	app      *app
	out, err *bytes.Buffer
	database string
	whole    []byte
	values   map[string][]byte // all records
}

const mainHash = "$argon2id$v=19$not-to-be-shown"

func newSite(t *testing.T) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &site{database: filepath.Join(dir, daemon.DatabaseFile), values: map[string][]byte{}}
	s.app, s.out, s.err = testApp()
	s.app.configFile = filepath.Join(dir, "latchkey.toml")
	text := fmt.Sprintf("data_dir = %q\nrun_dir = %q\n", dir, dir)
	keys, err := secret.CreateKeys(filepath.Join(dir, daemon.KeyFile), strings.NewReader(strings.Repeat("k", 32)))
	if err := errors.Join(err, os.WriteFile(s.app.configFile, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	engine, err := boltkv.Open(s.database, boltkv.Options{PageSize: 4096, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(context.Background(), engine, keys, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Update(context.Background(), fillSite); err != nil {
		t.Fatal(err)
	}
	err = engine.View(context.Background(), func(r kv.Reader) error {
		return r.Scan(nil, nil, func(key, value []byte) error {
			s.values[string(key)] = bytes.Clone(value)
			return nil
		})
	})
	if err := errors.Join(err, st.Close()); err != nil {
		t.Fatal(err)
	}
	if s.whole, err = os.ReadFile(s.database); err != nil {
		t.Fatal(err)
	}
	return s
}

func fillSite(w *store.Writer) error {
	for i := range 1000 {
		a, err := w.CreateAccount(fmt.Sprintf("user%03d@example.org", i), mainHash)
		if err != nil {
			return err
		}
		id := store.AppPasswordID(a.ID)
		a.AppPasswords = []store.AppPasswordRow{{ID: id, Scopes: store.ScopeAll, State: store.Live}}
		err = errors.Join(w.PutAccount(a),
			w.PutAppPassword(a.ID, store.AppPassword{ID: id, Name: "phone", Scopes: store.ScopeAll, State: store.Live}),
			w.PutEvent(store.Event{Kind: store.EventAccountAdded, Address: a.Address, AccountID: a.ID}))
		if err != nil {
			return err
		}
	}
	return nil
}

// damage writes the database with the last byte of some record flipped, in every
// copy that the file has of it.
func (s *site) damage(t *testing.T, keyPrefix string) {
	t.Helper()
	for key, value := range s.values {
		if strings.HasPrefix(key, keyPrefix) {
			record := append([]byte(key), value...)
			bad := bytes.Clone(record)
			bad[len(bad)-1] ^= 1
			if !bytes.Contains(s.whole, record) {
				t.Fatal("the record is not in the file")
			}
			s.write(t, bytes.ReplaceAll(s.whole, record, bad))
			return
		}
	}
	t.Fatalf("no record %s", keyPrefix)
}

func (s *site) write(t *testing.T, file []byte) {
	t.Helper()
	if err := os.WriteFile(s.database, file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs check and wants this exit status, these texts in its output, and no
// secret there.
func (s *site) run(t *testing.T, status int, want ...string) {
	t.Helper()
	s.out.Reset()
	s.err.Reset()
	if got := s.app.run([]string{"check", "--config", s.app.configFile}); got != status {
		t.Errorf("exit status %d, want %d", got, status)
	}
	said := s.out.String() + s.err.String()
	for _, text := range want {
		if !strings.Contains(said, text) {
			t.Errorf("%q is not said in\n%s", text, said)
		}
	}
	if strings.Contains(said, "not-to-be-shown") {
		t.Errorf("a secret is shown:\n%s", said)
	}
}

func TestCheckNamesDamage(t *testing.T) {
	s := newSite(t)
	s.run(t, 0, "accounts            1,000\n", "app passwords       1,000\n", "events              1,000\n", "\ngood\n")
	s.damage(t, "auser123@")
	s.run(t, 1, "damaged: account user123@example.org\n", "\n1 record damaged\n", "hint: keep a copy")
	s.damage(t, "b")
	s.run(t, 1, "damaged: app password ", " of account ", "\n1 record damaged\n", "accounts            1,000\n")
	s.damage(t, "e")
	s.run(t, 1, "damaged: event ", "\n1 record damaged\n")
	s.write(t, s.whole)
	s.run(t, 0, "\ngood\n")
}

// TestCheckSurvivesPages damages each branch page in turn and cuts the file.
func TestCheckSurvivesPages(t *testing.T) {
	s := newSite(t)
	const branch = 1 // in the flags of a page's header, of 16 bytes
	tried, found := 0, 0
	for at := 0; at < len(s.whole); at += 4096 {
		if binary.NativeEndian.Uint16(s.whole[at+8:]) != branch {
			continue
		}
		tried++
		for _, offset := range []int{8, 10, 16, 20, 31, 32} {
			bad := bytes.Clone(s.whole)
			bad[at+offset] ^= 0x40
			s.write(t, bad)
			if s.app.run([]string{"check", "--config", s.app.configFile}) == 1 {
				found++
			}
		}
	}
	if tried == 0 || found < 6 {
		t.Errorf("of %d branch pages, %d damages found", tried, found)
	}
	s.write(t, s.whole[:100*4096])
	s.run(t, 1, "damaged: the file is cut off: ", "damaged, and ", "with the file's pages")
	if lines := strings.Count(s.out.String(), "\n"); lines > 150 {
		t.Errorf("%d lines", lines)
	}
}
