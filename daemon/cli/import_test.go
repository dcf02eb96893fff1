package cli

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestImportKilled kills imports with SIGKILL at random moments: what is there is
// whole pages, and the same command again brings the rest.
func TestImportKilled(t *testing.T) {
	const lines, page = 12_000, 5_000
	dir := t.TempDir()
	for _, sub := range []string{"data", "run"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cfg, file := filepath.Join(dir, "latchkey.toml"), filepath.Join(dir, "users")
	var text bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&text, "u%05d@example.org:{SSHA}DlBYl7klN1LzhdXjkWufTm4BCfInQod1:%d:7::/srv/%d::userdb_x=%d\n", i, 1000+i, i, i)
	}
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(cfg, fmt.Sprintf("data_dir = %q\nrun_dir = %q\n", filepath.Join(dir, "data"), filepath.Join(dir, "run")))
	write(file, text.String())
	latchkey := func(args ...string) *exec.Cmd {
		return exec.Command("latchkey", append([]string{"--config", cfg}, args...)...) // TestMain puts it into the path
	}
	exported := func() []string {
		t.Helper()
		out, err := latchkey("export", "--with-secrets").Output()
		if err != nil {
			t.Fatalf("export: %v", err)
		}
		return slices.Collect(strings.Lines(string(out)))
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var found []int
	longest := 200 * time.Millisecond // until one gets somewhere
	for range 10 {
		cmd := latchkey("import", file)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(random.Int64N(int64(longest))), func() { cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
		n := len(exported())
		if n%page != 0 && n != lines {
			t.Fatalf("%d accounts are there: no whole pages", n)
		}
		if len(found) > 0 && n < found[len(found)-1] {
			t.Fatalf("%d accounts after %v", n, found)
		}
		found = append(found, n)
		if n == 0 {
			longest *= 2
		} else if n == lines {
			break
		}
	}
	if out, err := latchkey("import", file).CombinedOutput(); err != nil {
		t.Fatalf("the last import: %v: %s", err, out)
	}
	t.Logf("accounts after each kill: %v", found)
	if got := strings.Join(exported(), ""); got != text.String() {
		t.Errorf("what is exported is not what was imported: %d and %d bytes", len(got), text.Len())
	}
	if out, err := latchkey("check").CombinedOutput(); err != nil {
		t.Errorf("check: %v: %s", err, out)
	}
}
