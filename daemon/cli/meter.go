package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/latchkey-mail/latchkey/daemon/admin"
)

// meter shows on a terminal how far something long is, in one line of standard
// error that is written over; elsewhere nothing.
type meter struct {
	w     io.Writer // nil: nobody looks
	now   func() time.Time
	shown time.Time // zero: nothing stands there
}

// meterEvery is how often the line changes.
const meterEvery = 200 * time.Millisecond

func (a *app) meter() *meter {
	f, ok := a.err.(*os.File)
	if !ok || a.json || !term.IsTerminal(int(f.Fd())) {
		return &meter{}
	}
	return &meter{w: f, now: a.now}
}

// show shows it, unless it was shown just now.
func (m *meter) show(p admin.BackupProgress) {
	percent := int64(0)
	if p.Of > 0 {
		percent = min(p.Done*100/p.Of, 100)
	}
	m.line(func() string { return fmt.Sprintf("%s: %d %%", printable(p.Stage), percent) })
}

// line shows a line, which is asked for when somebody looks, unless one was shown
// just now.
func (m *meter) line(text func() string) {
	if m.w == nil {
		return
	}
	if now := m.now(); now.Sub(m.shown) >= meterEvery {
		m.shown = now
		fmt.Fprint(m.w, "\r\x1b[K"+text())
	}
}

// clear takes the line away, for other text.
func (m *meter) clear() {
	if m.w != nil && !m.shown.IsZero() {
		fmt.Fprint(m.w, "\r\x1b[K")
		m.shown = time.Time{}
	}
}
