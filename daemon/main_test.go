package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
)

// serveIn names the environment variable that turns this test binary into a
// daemon on the folder it holds, for tests that kill one.
const serveIn = "LATCHKEY_TEST_SERVE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveIn); dir != "" {
		if err := serveForTest(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if path := os.Getenv(listenOn); path != "" {
		listenForTest(path)
	}
	if folder := os.Getenv(restoreIn); folder != "" {
		if err := restoreForTest(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// listenOn names the environment variable that turns this test binary into
// somebody who listens at the path it holds, until standard input ends.
const listenOn = "LATCHKEY_TEST_LISTEN"

// listenForTest says "ready", and "disturbed" if somebody connects.
func listenForTest(path string) {
	l, err := net.Listen("unix", path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		for {
			if _, err := l.Accept(); err != nil {
				return
			}
			fmt.Println("disturbed")
		}
	}()
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func testConfig(dir string) *config.Config {
	cfg := config.Default()
	cfg.DataDir, cfg.RunDir = dir+"/data", dir+"/run"
	cfg.Auth.FailureDelay = 0
	return cfg
}

// tinyHasher hashes in this process, as cheaply as it can.
func tinyHasher() hasher.Options {
	return hasher.Options{Workers: 1, Cost: hasher.TinyCost(), Start: func() (hasher.Worker, error) { return hasher.Local(), nil }}
}

// serveForTest is a daemon that is the real one but for the cost of its hashes,
// and says "ready" on standard output.
func serveForTest(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	d, err := Open(testConfig(dir), Options{
		Log:    slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Hasher: tinyHasher(),
	})
	if err != nil {
		return err
	}
	if err := d.Serve(ctx, func() { fmt.Println("ready") }); err != nil {
		return err
	}
	return d.Close()
}
