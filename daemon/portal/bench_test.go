package portal

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/boltkv"
)

// benchAccounts is how many accounts there are beside the one that looks around.
const benchAccounts = 10000

// BenchmarkPages opens the pages of a session in turn, over 10,000 accounts on
// the daemon's engine, and tells how long the slowest hundredth took.
func BenchmarkPages(b *testing.B) {
	engine, err := boltkv.Open(filepath.Join(b.TempDir(), "latchkey.db"), boltkv.Options{})
	if err != nil {
		b.Fatal(err)
	}
	w := newWorldOn(b, engine, nil)
	w.populate(benchAccounts)
	w.addBound(alice, number)
	for range 5 {
		_, _, err := w.Accounts.AddAppPassword(b.Context(), root, alice, accounts.NewAppPassword{Name: "program"})
		w.must(err)
	}
	c := w.client()
	c.stepped(alice)
	paths := []string{pathSecurity, pathAppPasswords, pathDevices, pathGuide, pathPhone, pathRecoveryCodes, pathPassword}
	for _, path := range paths {
		c.get(path).wants(http.StatusOK, "")
	}
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		c.get(paths[i%len(paths)])
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100])/float64(time.Millisecond), "p99-ms")
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "pages/s")
}

// populate makes accounts with a phone, many in one transaction.
func (w *world) populate(n int) {
	w.t.Helper()
	for from := 0; from < n; from += 500 {
		w.must(w.Accounts.Store.Update(context.Background(), func(tx *store.Writer) error {
			for i := from; i < min(from+500, n); i++ {
				a, err := tx.CreateAccount(fmt.Sprintf("user%05d@example.org", i), "$unusable")
				if err != nil {
					return err
				}
				a.Bound = w.clock()
				if err := tx.PutPhone(a.ID, store.Phone{Number: fmt.Sprintf("+86138%08d", i), Bound: a.Bound, BoundBy: root}); err != nil {
					return err
				}
				if err := tx.PutAccount(a); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}
