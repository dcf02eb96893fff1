package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// barEvery is how often a progress bar moves.
const barEvery = 200 * time.Millisecond

// progressBar is one line of a terminal that is written again and again. Where
// standard error is none, it does nothing.
type progressBar struct {
	w     io.Writer // nil: no terminal
	now   func() time.Time
	what  string
	size  int64
	begun time.Time
	drawn time.Time // zero: nothing stands there
}

func (im *importing) newBar(what string) progressBar {
	b := progressBar{now: im.now, what: what, size: im.size, begun: im.now()}
	if f, ok := im.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b.w = f
	}
	return b
}

// at draws how far it is.
func (b *progressBar) at(read int64, lines int) {
	now := b.now()
	if b.w == nil || b.size <= 0 || now.Sub(b.drawn) < barEvery {
		return
	}
	const width = 30
	done := min(int(read*width/b.size), width)
	left := ""
	if gone := now.Sub(b.begun); gone > 2*time.Second && read > 0 {
		left = ", " + roughly(time.Duration(float64(gone)*float64(b.size-read)/float64(read))) + " left"
	}
	fmt.Fprintf(b.w, "\r\x1b[K%-9s [%s%s] %3d %%  %s lines%s", b.what, strings.Repeat("#", done), strings.Repeat(".", width-done),
		min(read*100/b.size, 100), grouped(lines), left)
	b.drawn = now
}

// clear takes the bar away, for other text.
func (b *progressBar) clear() {
	if b.w == nil || b.drawn.IsZero() {
		return
	}
	fmt.Fprint(b.w, "\r\x1b[K")
	b.drawn = time.Time{}
}

// end takes it away for good.
func (b *progressBar) end() { b.clear() }
