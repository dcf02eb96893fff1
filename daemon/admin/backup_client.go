package admin

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxBackupLine bounds a line before the copy itself.
const maxBackupLine = 4 << 10

// Backup writes a copy of the database to w, and returns when all of it came and
// was the copy that the daemon has read. progress is told how far it is; the stage
// "writing" is this side's own. It takes as long as it takes: ctx ends it.
func (c *Client) Backup(ctx context.Context, w io.Writer, progress func(BackupProgress)) (BackupMade, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://latchkey"+pathBackup, bytes.NewReader([]byte("{}")))
	if err != nil {
		return BackupMade{}, fmt.Errorf("admin: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	reply, err := c.http.Do(r)
	if err != nil {
		return BackupMade{}, fmt.Errorf("admin: %w", err)
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(reply.Body, maxAnswer))
		return BackupMade{}, errors.Join(err, failureOf(reply, text))
	}
	lines := bufio.NewReaderSize(reply.Body, maxBackupLine)
	made, err := readBackupLines(lines, progress)
	if err != nil {
		return BackupMade{}, err
	}
	return made, readCopy(lines, made, w, progress)
}

// readBackupLines reads up to the line that says what follows.
func readBackupLines(lines *bufio.Reader, progress func(BackupProgress)) (BackupMade, error) {
	for {
		text, err := lines.ReadSlice('\n')
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return BackupMade{}, fmt.Errorf("admin: the daemon's answer: %w", err)
		}
		var line backupLine
		switch err := json.Unmarshal(text, &line); {
		case err != nil:
			return BackupMade{}, fmt.Errorf("admin: the daemon's answer: %w", err)
		case line.Failure != nil:
			return BackupMade{}, line.Failure
		case line.Made != nil && line.Made.Size < 0:
			return BackupMade{}, errors.New("admin: the daemon's answer: a size below 0")
		case line.Made != nil:
			return *line.Made, nil
		case line.BackupProgress != nil:
			progress(*line.BackupProgress)
		}
	}
}

// readCopy writes what follows to w.
func readCopy(from io.Reader, made BackupMade, w io.Writer, progress func(BackupProgress)) error {
	sum := sha256.New()
	to := &meteredWriter{w: io.MultiWriter(w, sum), progress: progress, of: made.Size}
	n, err := io.Copy(to, io.LimitReader(from, made.Size))
	switch {
	case err != nil:
		return fmt.Errorf("admin: the copy: %w", err)
	case n != made.Size:
		return fmt.Errorf("admin: the copy was cut off after %d of %d bytes", n, made.Size)
	case hex.EncodeToString(sum.Sum(nil)) != made.SHA256:
		return errors.New("admin: the copy changed on its way")
	}
	_, err = io.Copy(io.Discard, io.LimitReader(from, 1)) // the end, so that the handler is done
	return err
}

// meteredWriter tells how much was written.
type meteredWriter struct {
	w        io.Writer
	progress func(BackupProgress)
	done, of int64
}

func (m *meteredWriter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.done += int64(n)
	m.progress(BackupProgress{"writing", m.done, m.of})
	return n, err
}

// KeyShow names the key in use.
func (c *Client) KeyShow(ctx context.Context) (KeyShown, error) {
	return call[KeyShown](ctx, c, pathKeyShow, KeyQuestion{})
}

// KeyExport is the key file.
func (c *Client) KeyExport(ctx context.Context) (KeyExported, error) {
	return call[KeyExported](ctx, c, pathKeyExport, KeyQuestion{})
}
