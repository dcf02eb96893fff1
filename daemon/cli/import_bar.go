package cli

import (
	"fmt"
	"strings"
	"time"
)

// progressBar is a meter with a bar: how much of a file is read.
type progressBar struct {
	*meter
	what  string
	size  int64
	begun time.Time
}

func (im *importing) newBar(what string) progressBar {
	return progressBar{meter: im.meter(), what: what, size: im.size, begun: im.now()}
}

// at draws how far it is.
func (b *progressBar) at(read int64, lines int) {
	if b.size <= 0 {
		return
	}
	b.line(func() string {
		const width = 30
		done := min(int(read*width/b.size), width)
		left := ""
		if gone := b.shown.Sub(b.begun); gone > 2*time.Second && read > 0 {
			left = ", " + roughly(time.Duration(float64(gone)*float64(b.size-read)/float64(read))) + " left"
		}
		return fmt.Sprintf("%-9s [%s%s] %3d %%  %s lines%s", b.what, strings.Repeat("#", done), strings.Repeat(".", width-done),
			min(read*100/b.size, 100), grouped(lines), left)
	})
}
