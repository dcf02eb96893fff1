package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Bounds of a program that is run.
const (
	runFor    = 10 * time.Second
	maxOutput = 1 << 20
)

// ErrAbsent means that a program is not installed.
var ErrAbsent = errors.New("doctor: no such program on this machine")

// errTooLong means that a program printed more than maxOutput.
var errTooLong = fmt.Errorf("it prints more than %d bytes", maxOutput)

// folders are where programs are looked for; $PATH is the asker's, who is root.
var folders = [...]string{"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/sbin", "/bin"}

// RunProgram runs a program of a mail server, without a shell and with nothing of
// our environment, for at most 10 s, and returns what it prints, at most 1 MiB.
func RunProgram(ctx context.Context, program string, args ...string) ([]byte, error) {
	for _, dir := range folders {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return runPath(ctx, path, args...)
		}
	}
	return nil, ErrAbsent
}

func runPath(ctx context.Context, path string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, runFor)
	defer cancel()
	out, complaint := bounded{end: cancel}, bounded{end: cancel}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"LC_ALL=C", "PATH=" + strings.Join(folders[:], ":")}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = &out, &complaint
	cmd.WaitDelay = time.Second // a child of it may hold the pipe
	err := cmd.Run()
	switch {
	case out.over || complaint.over:
		return nil, errTooLong
	case ctx.Err() != nil:
		return nil, fmt.Errorf("it did not end within %v", runFor)
	case err != nil:
		first, _, _ := strings.Cut(strings.TrimSpace(complaint.text.String()), "\n")
		const most = 300
		return nil, fmt.Errorf("%w: %s", err, printable(first[:min(len(first), most)]))
	}
	return out.text.Bytes(), nil
}

// bounded takes maxOutput bytes, and then ends the program. (It does not embed its
// Buffer: io.Copy would find ReadFrom there, and go round the bound.)
type bounded struct {
	text bytes.Buffer
	end  func()
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > maxOutput {
		b.over = true
		b.end()
		return 0, errTooLong
	}
	return b.text.Write(p)
}
