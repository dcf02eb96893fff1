package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Safe makes copies of the database and hands out its key.
type Safe interface {
	// Copy makes a consistent copy in a local file and reads it back. progress is
	// called often and must not block: the database waits for it. An *Error is for
	// who asked.
	Copy(ctx context.Context, actor store.Actor, progress func(BackupProgress)) (*Copy, error)
	// KeyID names the key in use.
	KeyID() string
	// ExportKey returns the key file, after an event.
	ExportKey(ctx context.Context, actor store.Actor) (secret.Secret, error)
}

// Copy is a copy of the database that waits to be fetched. Closing File removes it.
type Copy struct {
	BackupMade
	File io.ReadCloser
}

// BackupMade says what a backup is.
type BackupMade struct {
	Size     int64  `json:"size"` // bytes
	Accounts int    `json:"accounts"`
	Records  int    `json:"records"` // all of them, each read and found good
	Key      string `json:"key"`     // id of the key without which it is useless
	SHA256   string `json:"sha256"`  // in hex
}

// BackupProgress says how far a backup is.
type BackupProgress struct {
	Stage string `json:"stage"` // "copying", "checking"
	Done  int64  `json:"done"`  // of Of, in bytes or pages
	Of    int64  `json:"of"`
}

// BackupQuestion asks for a backup.
type BackupQuestion struct{}

// backupLine is one line of the answer to BackupQuestion, which is not one object
// but several, each on a line: progress, then either a failure or what was made.
// After that one follow its Size bytes.
type backupLine struct {
	*BackupProgress
	Made    *BackupMade `json:"made,omitempty"`
	Failure *Error      `json:"failure,omitempty"`
}

// stall is how long the asker may take to accept the next piece of a backup.
const stall = time.Minute

// backup answers with a copy of the database. While it is made, nothing waits for
// the asker: a word about the progress that they are too slow for is dropped.
func (h *Handler) backup(w http.ResponseWriter, r *http.Request) {
	who := identity(r.Context())
	if who.Role < Administrator {
		h.log.Info("admin: refused", "actor", who.Actor, "path", pathBackup)
		writeError(w, refused("the helpdesk may not do this; it needs root or the daemon's user"))
		return
	}
	var question BackupQuestion
	if err := decode(w, r, &question); err != nil {
		writeError(w, err)
		return
	}
	if h.Safe == nil {
		writeError(w, noSafe())
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	news, made := make(chan BackupProgress, 1), make(chan copied, 1)
	go func() { // this one waits for it in every case
		c, err := h.Safe.Copy(ctx, who.Actor, func(p BackupProgress) {
			select {
			case news <- p:
			default:
			}
		})
		made <- copied{c, err}
	}()
	out := &backupWriter{w: w, control: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	for {
		select {
		case p := <-news:
			if out.line(backupLine{BackupProgress: &p}) != nil {
				cancel() // nobody listens any more
			}
			continue
		case c := <-made:
			h.deliver(out, who, c)
		}
		return
	}
}

// copied is what Safe.Copy returned.
type copied struct {
	*Copy
	err error
}

func (h *Handler) deliver(out *backupWriter, who Identity, c copied) {
	if c.err != nil {
		_ = out.line(backupLine{Failure: h.failure(pathBackup, who, c.err)})
		return
	}
	defer c.File.Close()
	err := out.line(backupLine{Made: &c.BackupMade})
	if err == nil {
		_, err = io.Copy(out, c.File)
	}
	if err != nil {
		h.log.Warn("admin: a backup was not fetched to its end", "actor", who.Actor, "error", err)
		return
	}
	h.log.Info("changed", "what", "backup", "actor", who.Actor, "bytes", c.Size)
}

// backupWriter gives the asker time for each piece: the server's own deadline is
// for answers that are there at once.
type backupWriter struct {
	w       io.Writer
	control *http.ResponseController
}

func (b *backupWriter) Write(p []byte) (int, error) {
	_ = b.control.SetWriteDeadline(time.Now().Add(stall)) // in process there is none
	return b.w.Write(p)
}

func (b *backupWriter) line(l backupLine) error {
	text, err := json.Marshal(l)
	if err == nil {
		_, err = b.Write(append(text, '\n'))
	}
	if err == nil {
		if err = b.control.Flush(); errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
	}
	return err
}

func noSafe() *Error {
	return &Error{Status: http.StatusNotFound, Kind: KindNoRoute, Sentence: "there is no such question"}
}
