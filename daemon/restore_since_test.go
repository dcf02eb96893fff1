package daemon

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// TestRestoreOfDeleted: who was deleted stays so, or comes back disabled if asked,
// whatever else of the present database is damaged; and who is not known to have
// been deleted comes back as it was, unless asked.
func TestRestoreOfDeleted(t *testing.T) {
	mallory := store.Account{Address: "mallory@example.org", ID: store.AccountID{1}}
	alice := store.Account{Address: restoredAddress, ID: store.AccountID{2}, MainHash: "find-account"}
	const asked = "mallory@example.org"
	for _, tt := range []struct {
		name     string
		spoil    string // of the present database; "": nothing, "all": it is gone
		undelete []string
		there    bool
		disabled bool
		again    []What
		unknown  int
	}{
		{"whole", "", nil, false, false, []What{KeptDeleted}, 0},
		{"whole, asked", "", []string{asked}, true, true, []What{KeptUndeleted}, 0},
		{"an event is damaged", "find-event", nil, false, false, []What{KeptDeleted}, 0},
		{"an event is damaged, asked", "find-event", []string{asked}, true, true, []What{KeptUndeleted}, 0},
		{"an account is damaged", "find-account", nil, true, false, nil, 2},
		{"an account is damaged, asked", "find-account", []string{asked}, true, true, []What{KeptUndeleted}, 2},
		{"nothing is there", "all", nil, true, false, nil, 0},
		{"nothing is there, asked", "all", []string{asked}, true, true, []What{KeptUndeleted}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t)
			p.change(t, func(w *store.Writer) error {
				return errors.Join(w.PutAccount(&mallory), w.PutAccount(&alice), w.PutAccount(&store.Account{Address: "zoe@example.org", ID: store.AccountID{3}}),
					w.PutEvent(store.Event{Time: restoreNow, Last: restoreNow, Count: 1, Kind: store.EventAccountAdded, Address: restoredAddress, Detail: "find-event"}))
			})
			backup := p.backup(t)
			p.change(t, func(w *store.Writer) error { return w.DeleteAccount(&mallory) })
			if tt.spoil == "all" {
				if err := os.Remove(p.database); err != nil {
					t.Fatal(err)
				}
			} else if tt.spoil != "" {
				p.spoil(t, tt.spoil)
			}
			r := &Restore{Folder: p.folder, Backup: backup, Actor: "root", Now: restoreNow, Undelete: tt.undelete}
			done, err := r.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			equalCounts(t, "again", done.Again, tt.again)
			if n := done.Unknown.Total(); n != tt.unknown {
				t.Errorf("%d are not known, want %d", n, tt.unknown)
			}
			p.read(t, func(r *store.Reader) error {
				a, err := r.Account(mallory.Address)
				if errors.Is(err, store.ErrNoAccount) {
					err = nil
				}
				if (a != nil) != tt.there || a != nil && a.Disabled != tt.disabled {
					t.Errorf("%+v", a)
				}
				return err
			})
			p.good(t)
		})
	}
}

// TestRestoreUndeletesOnlyDeleted: also where the present database is damaged.
func TestRestoreUndeletesOnlyDeleted(t *testing.T) {
	for _, spoil := range []string{"", "find-me"} {
		for _, address := range []string{restoredAddress, "nobody@example.org"} {
			p := newPlace(t)
			p.change(t, func(w *store.Writer) error {
				return errors.Join(w.PutAccount(&store.Account{Address: restoredAddress, ID: store.AccountID{1}}),
					w.PutAccount(&store.Account{Address: "bob@example.org", ID: store.AccountID{2}, MainHash: "find-me"}))
			})
			backup := p.backup(t)
			p.spoil(t, spoil)
			var notDeleted *NotDeletedError
			_, err := (&Restore{Folder: p.folder, Backup: backup, Actor: "root", Now: restoreNow, Undelete: []string{address}}).Run(t.Context())
			if !errors.As(err, &notDeleted) {
				t.Errorf("%s, spoilt %q: %v", address, spoil, err)
			}
		}
	}
}

// spoil makes another text of one in the database's file, once for all.
func (p place) spoil(t *testing.T, text string) {
	t.Helper()
	now, err := os.ReadFile(p.database)
	if err != nil {
		t.Fatal(err)
	}
	if text != "" && !bytes.Contains(now, []byte(text)) {
		t.Fatalf("there is no %q in the file", text)
	}
	if err := os.WriteFile(p.database, bytes.ReplaceAll(now, []byte(text), []byte(strings.ToUpper(text))), 0o600); err != nil {
		t.Fatal(err)
	}
}

func aliasNamed(name string) store.Alias {
	return store.Alias{Name: name, Made: restoreNow, By: "root"}
}

// TestRestoreOfAliases: one that was taken away since stays away, also where it is
// another account's by now, or an account; and what was given since is named.
func TestRestoreOfAliases(t *testing.T) {
	p := newPlace(t)
	alice := store.Account{Address: restoredAddress, ID: store.AccountID{1}}
	bob := store.Account{Address: "bob@example.org", ID: store.AccountID{2}}
	p.change(t, func(w *store.Writer) error {
		return errors.Join(w.AddAlias(&alice, aliasNamed("stays@example.org")), w.AddAlias(&alice, aliasNamed("moved@example.org")),
			w.AddAlias(&alice, aliasNamed("account@example.org")), w.AddAlias(&alice, aliasNamed("gone@example.org")),
			w.PutUserdb(&bob, []store.UserdbField{{Key: "home", Value: "/old"}}), w.PutAccount(&alice), w.PutAccount(&bob))
	})
	backup := p.backup(t)
	p.change(t, func(w *store.Writer) error {
		return errors.Join(w.DeleteAlias(alice.ID, "moved@example.org"), w.AddAlias(&bob, aliasNamed("moved@example.org")),
			w.DeleteAlias(alice.ID, "account@example.org"), w.PutAccount(&store.Account{Address: "account@example.org", ID: store.AccountID{3}}),
			w.DeleteAlias(alice.ID, "gone@example.org"), w.PutUserdb(&bob, []store.UserdbField{{Key: "home", Value: "/new"}}),
			w.PutAccount(&alice), w.PutAccount(&bob))
	})
	done, err := p.restore(t, backup)
	if err != nil {
		t.Fatal(err)
	}
	equalCounts(t, "again", done.Again, []What{KeptAliasGone, KeptAliasGone, KeptAliasGone})
	equalCounts(t, "lost", done.Lost, []What{LostAccount, LostAlias, LostUserdb})
	p.read(t, func(r *store.Reader) error {
		a, err := r.Aliases(alice.ID)
		b, err2 := r.Aliases(bob.ID)
		if len(a) != 1 || a[0].Name != "stays@example.org" || len(b) != 0 {
			t.Errorf("alice has %v, bob %v", a, b)
		}
		now, err3 := r.Account(bob.Address)
		if err3 != nil {
			return err3
		}
		fields, err4 := r.Userdb(now)
		if len(fields) != 1 || fields[0].Value != "/old" {
			t.Errorf("bob has %v", fields)
		}
		removed, err5 := eventsByRoot(r, store.EventAliasRemoved)
		if removed != 3 {
			t.Errorf("%d events of aliases", removed)
		}
		return errors.Join(err, err2, err4, err5)
	})
	p.good(t)
}

// TestRestoreOfAliasesBesideDamage: another account's alias stays away from one that
// comes back although nothing is known of it, or as it was asked for.
func TestRestoreOfAliasesBesideDamage(t *testing.T) {
	for _, asked := range []bool{false, true} {
		p := newPlace(t)
		alice := store.Account{Address: restoredAddress, ID: store.AccountID{1}}
		bob := store.Account{Address: "bob@example.org", ID: store.AccountID{2}}
		p.change(t, func(w *store.Writer) error {
			return errors.Join(w.AddAlias(&alice, aliasNamed("moved@example.org")), w.AddAlias(&alice, aliasNamed("own@example.org")), w.PutAccount(&alice), w.PutAccount(&bob))
		})
		backup := p.backup(t)
		p.change(t, func(w *store.Writer) error {
			alice.MainHash = "find-me"
			err := errors.Join(w.DeleteAlias(alice.ID, "moved@example.org"), w.AddAlias(&bob, aliasNamed("moved@example.org")), w.PutAccount(&bob))
			if asked {
				return errors.Join(err, w.DeleteAccount(&alice))
			}
			return errors.Join(err, w.PutAccount(&alice))
		})
		r := &Restore{Folder: p.folder, Backup: backup, Actor: "root", Now: restoreNow}
		if asked {
			r.Undelete = []string{restoredAddress}
		} else {
			p.spoil(t, "find-me")
		}
		done, err := r.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n := done.Again.Count[KeptAliasGone]; n != 1 || done.Lost.Count[LostAlias] != 1 {
			t.Errorf("asked %v: %+v", asked, done)
		}
		p.read(t, func(r *store.Reader) error {
			has, err := r.Aliases(alice.ID)
			if len(has) != 1 || has[0].Name != "own@example.org" {
				t.Errorf("asked %v: alice has %v", asked, has)
			}
			return err
		})
		p.good(t)
	}
}

// TestRestoreOfRehashed: a hash of ours in the place of another system's is kept,
// and counted, and nobody is told that a password was changed.
func TestRestoreOfRehashed(t *testing.T) {
	// Of one password or another, by OpenSSL's passwd -6.
	const imported = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
	ours, err := secret.Hash(strings.NewReader(strings.Repeat("s", 64)), secret.New("the main password"), secret.DefaultCost())
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t)
	put := func(hash string) {
		p.change(t, func(w *store.Writer) error {
			return w.PutAccount(&store.Account{Address: restoredAddress, ID: store.AccountID{1}, MainHash: hash})
		})
	}
	put(imported)
	backup := p.backup(t)
	put(ours)
	done, err := p.restore(t, backup)
	if err != nil {
		t.Fatal(err)
	}
	if done.Rehashed != 1 || done.Again.Total() != 0 {
		t.Errorf("%+v", done)
	}
	p.read(t, func(r *store.Reader) error {
		a, err := r.Account(restoredAddress)
		if err == nil && a.MainHash != ours {
			t.Error("the earlier password is back")
		}
		return err
	})
}

// TestRestoreOfEnforcement: the later day stays.
func TestRestoreOfEnforcement(t *testing.T) {
	early, late := restoreNow.AddDate(0, -1, 0), restoreNow
	for _, tt := range []struct{ backup, now, want time.Time }{
		{time.Time{}, late, late}, {early, late, late}, {late, early, late}, {late, late, late}, {early, time.Time{}, early},
	} {
		with := func(reached time.Time) place {
			p := newPlace(t)
			p.change(t, func(w *store.Writer) error {
				if reached.IsZero() {
					return nil
				}
				return w.PutEnforcementReached(reached)
			})
			return p
		}
		backup, p := with(tt.backup).backup(t), with(tt.now)
		if _, err := p.restore(t, backup); err != nil {
			t.Fatal(err)
		}
		p.read(t, func(r *store.Reader) error {
			got, err := r.EnforcementReached()
			if !got.Equal(tt.want) {
				t.Errorf("backup %v, present %v: %v", tt.backup, tt.now, got)
			}
			return err
		})
	}
}
