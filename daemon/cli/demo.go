package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/hasher"
)

// demoLimit bounds the tour. It takes a few seconds.
const demoLimit = 50 * time.Second

// demoOptions say how a demo runs.
type demoOptions struct {
	exit   bool           // end after the tour
	out    io.Writer      // where all is printed
	style  demoStyle      // of the printing
	hasher hasher.Options // zero: worker processes, as in serve

	// change may alter the steps before they are done; nil: it does not. Tests
	// use it to expect what will not come.
	change func([]demoStep)
}

func (a *app) demo() *cobra.Command {
	o := demoOptions{out: a.out, style: a.demoStyle()}
	c := &cobra.Command{
		Use:   "demo",
		Short: "try everything out with a throw-away daemon and mail server",
		Long: `Starts a daemon and a small IMAP and SMTP server on free ports of this machine,
with a data folder that is removed at the end. Walks through what latchkey does,
over the real protocols, and shows for each step what was expected and what
came. Then it stays, with accounts to play with, until Ctrl-C. It reads no
configuration file and touches nothing of an installed latchkey.`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
			defer stop()
			// Whoever reads our output may go first, and the folder has to go all
			// the same: end at the failed write, not by the signal. To be notified
			// of the signal instead would not do: peers that hang up on a socket
			// raise it, too.
			signal.Ignore(syscall.SIGPIPE)
			defer signal.Reset(syscall.SIGPIPE)
			o.out = endWriter{o.out, stop}
			return runDemo(ctx, o)
		},
	}
	c.Flags().BoolVar(&o.exit, "exit", false, "end after the tour; status 0 if every step came as expected")
	return c
}

// endWriter calls end when a write fails.
type endWriter struct {
	w   io.Writer
	end func()
}

func (w endWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil {
		w.end()
	}
	return n, err
}

// runDemo is the whole demo. It returns nil when it was ended by ctx after the
// tour, and an error if a step of the tour did not come as expected.
func runDemo(ctx context.Context, o demoOptions) (err error) {
	site, err := openDemoSite(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, site.close()) }()

	p := demoPrinter{w: o.out, style: o.style}
	p.title()
	tour, err := newDemoTour(site)
	if err != nil {
		return err
	}
	defer tour.browser.close()
	steps := tour.steps()
	if o.change != nil {
		o.change(steps)
	}
	limited, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	if err := p.walk(limited, steps); err != nil {
		if ctx.Err() != nil {
			return errors.New("demo: stopped before the end of the tour")
		}
		return err
	}
	p.events(tour.log)
	if o.exit {
		return nil
	}
	play, err := newDemoPlay(limited, tour)
	if err != nil {
		return err
	}
	p.play(play)
	site.phone.onMessage(p.message)
	select {
	case <-ctx.Done():
		return nil
	case <-site.stopped:
		return fmt.Errorf("demo: the daemon stopped by itself: %w", site.failure)
	}
}

// demoProgram is how this program is called from a shell.
func demoProgram() string {
	exe, err := os.Executable()
	if err != nil {
		return "latchkey"
	}
	return exe
}
