package admin

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// copies is a Safe with one copy to give.
type copies struct {
	content string
	err     error
	closed  int
}

func (c *copies) Copy(_ context.Context, _ store.Actor, progress func(BackupProgress)) (*Copy, error) {
	for n := range int64(100) {
		progress(BackupProgress{"copying", n, 100}) // nobody may make it wait
	}
	if c.err != nil {
		return nil, c.err
	}
	sum := sha256.Sum256([]byte(c.content))
	return &Copy{BackupMade{Size: int64(len(c.content)), Accounts: 1, Key: "12345678", SHA256: hex.EncodeToString(sum[:])}, c}, nil
}

func (c *copies) Read(p []byte) (int, error) {
	n := copy(p, c.content)
	c.content = c.content[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (c *copies) Close() error { c.closed++; return nil }

func (c *copies) KeyID() string { return "12345678" }

func (c *copies) ExportKey(context.Context, store.Actor) (secret.Secret, error) {
	return secret.New("the key"), nil
}

func TestBackupArrives(t *testing.T) {
	want := strings.Repeat("0123456789\n", 20_000)
	d := newDoor(t)
	from := &copies{content: want}
	d.Safe = from
	var got bytes.Buffer
	made, err := d.client(0).Backup(t.Context(), &got, func(BackupProgress) {})
	if err != nil || got.String() != want || made.Size != int64(len(want)) || made.Key != "12345678" || from.closed != 1 {
		t.Errorf("%+v, %d bytes, %v", made, got.Len(), err)
	}
	d.Safe = &copies{err: &Error{Status: 409, Kind: KindConflict, Sentence: "another backup is under way"}}
	if _, err := d.client(0).Backup(t.Context(), io.Discard, func(BackupProgress) {}); err == nil || err.Error() != "another backup is under way" {
		t.Errorf("a refusal: %v", err)
	}
	d.Safe = nil
	if _, err := d.client(0).Backup(t.Context(), io.Discard, func(BackupProgress) {}); err == nil || err.Error() != "there is no such question" {
		t.Errorf("nobody there: %v", err)
	}
}

// TestBackupRefusesNonsense: what is not the copy that was announced is an error.
func TestBackupRefusesNonsense(t *testing.T) {
	sum := sha256.Sum256([]byte("copy"))
	line := fmt.Sprintf(`{"made":{"size":4,"sha256":"%x"}}`, sum) + "\n"
	for name, body := range map[string]string{
		"nothing":      "",
		"no line":      line[:20],
		"no JSON":      "hello\n",
		"a long line":  strings.Repeat("x", 10_000) + "\n",
		"cut off":      line + "cop",
		"changed":      line + "cope",
		"a size below": `{"made":{"size":-1}}` + "\n",
	} {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		if _, err := NewClient(InProcess(h, Identity{})).Backup(t.Context(), io.Discard, func(BackupProgress) {}); err == nil {
			t.Errorf("%s passed", name)
		}
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, line+"copy") })
	if _, err := NewClient(InProcess(h, Identity{})).Backup(t.Context(), io.Discard, func(BackupProgress) {}); err != nil {
		t.Errorf("the right one: %v", err)
	}
}

func FuzzBackupLines(f *testing.F) {
	f.Add([]byte(`{"stage":"copying","done":1,"of":2}` + "\n" + `{"made":{"size":4,"key":"12345678"}}` + "\n"))
	f.Add([]byte(`{"failure":{"kind":"conflict","error":"another backup is under way"}}` + "\n"))
	f.Add([]byte("{}\nnull\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		made, err := readBackupLines(bufio.NewReaderSize(bytes.NewReader(b), maxBackupLine), func(BackupProgress) {})
		if err == nil && made.Size < 0 {
			t.Errorf("size %d", made.Size)
		}
	})
}
