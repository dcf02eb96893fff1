package secret

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Errors of the key file.
var (
	// ErrKeyMissing means that there is no key file; it is also fs.ErrNotExist.
	ErrKeyMissing = fmt.Errorf("secret: key file is missing: %w", fs.ErrNotExist)
	// ErrKeyPermissions means that others than the owner may read the key file.
	ErrKeyPermissions = errors.New("secret: key file is readable by others")
	// ErrKeyMalformed means that the file is not a latchkey key file.
	ErrKeyMalformed = errors.New("secret: key file is malformed")
)

// CredentialName is the file that OpenKeys looks for in $CREDENTIALS_DIRECTORY,
// where systemd puts what LoadCredential= and LoadCredentialEncrypted= name.
const CredentialName = "latchkey.key"

const (
	keyFilePrefix  = "latchkey-key-v1:"
	keyFileComment = "# latchkey key file. Without it the database beside it is worthless: keep a copy, apart from the database's.\n"
	maxKeyFile     = 4096
)

// OpenKeys finds the key by the rule of a daemon's start. A file latchkey.key in
// $CREDENTIALS_DIRECTORY wins. Else the key is read from path; and if nothing is
// there, it is made, but only when no database exists either: a new key beside
// an old database would lock everybody out and hide that the old key is gone.
// Then, and only then, the error is ErrKeyMissing.
func OpenKeys(path string, databaseExists bool, rand io.Reader) (*Keys, error) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		// systemd makes credentials 0400, or 0440 for root's group with an ACL
		// for the service's user: the group bits say nothing here.
		k, err := loadKeys(filepath.Join(dir, CredentialName), 0o007)
		if !errors.Is(err, ErrKeyMissing) {
			return k, err
		}
	}
	k, err := LoadKeys(path)
	if errors.Is(err, ErrKeyMissing) && !databaseExists {
		return CreateKeys(path, rand)
	}
	return k, err
}

// HasKey says whether OpenKeys would find a key file, a good one or not, at one of
// its two places. Its errors are those of stat(2).
func HasKey(path string) (bool, error) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		if found, err := isThere(filepath.Join(dir, CredentialName)); found || err != nil {
			return found, err
		}
	}
	return isThere(path)
}

func isThere(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("secret: key file: %w", err)
	}
	return true, nil
}

// LoadKeys reads a key file. It returns ErrKeyMissing, ErrKeyPermissions if
// group or others may do anything with the file, or ErrKeyMalformed.
func LoadKeys(path string) (*Keys, error) { return loadKeys(path, 0o077) }

// ExportKey returns the text of the key file that OpenKeys would read, and its
// keys: who asks makes sure that they are the ones meant. It makes no file.
func ExportKey(path string) (Secret, *Keys, error) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		text, keys, err := readKeyFile(filepath.Join(dir, CredentialName), 0o007)
		if !errors.Is(err, ErrKeyMissing) {
			return text, keys, err
		}
	}
	return readKeyFile(path, 0o077)
}

func loadKeys(path string, forbidden fs.FileMode) (*Keys, error) {
	_, keys, err := readKeyFile(path, forbidden)
	return keys, err
}

func readKeyFile(path string, forbidden fs.FileMode) (Secret, *Keys, error) {
	text, err := readSmall(path, forbidden)
	if err != nil {
		return Secret{}, nil, err
	}
	master, err := parseKeyFile(text)
	if err != nil {
		return Secret{}, nil, fmt.Errorf("%w (%s)", err, path)
	}
	keys, err := NewKeys(master)
	return New(string(text)), keys, err
}

// readSmall reads a key file, and one byte more than it may have.
func readSmall(path string, forbidden fs.FileMode) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (%s)", ErrKeyMissing, path)
	}
	if err != nil {
		return nil, fmt.Errorf("secret: key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("secret: key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrKeyMalformed, path)
	}
	if info.Mode().Perm()&forbidden != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o", ErrKeyPermissions, path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("secret: key file: %w", err)
	}
	return text, nil
}

// parseKeyFile accepts comment lines, empty lines and exactly one key line. Its
// errors never quote the file.
func parseKeyFile(text []byte) ([32]byte, error) {
	var master [32]byte
	if len(text) > maxKeyFile {
		return master, fmt.Errorf("%w: longer than %d bytes", ErrKeyMalformed, maxKeyFile)
	}
	found := false
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		encoded, ok := bytes.CutPrefix(line, []byte(keyFilePrefix))
		if !ok || found {
			return [32]byte{}, fmt.Errorf("%w: want one line %s…", ErrKeyMalformed, keyFilePrefix)
		}
		key, err := base64.StdEncoding.Strict().DecodeString(string(encoded))
		if err != nil || len(key) != len(master) {
			return [32]byte{}, fmt.Errorf("%w: want 32 bytes of base64 after %s", ErrKeyMalformed, keyFilePrefix)
		}
		copy(master[:], key)
		found = true
	}
	if !found {
		return master, fmt.Errorf("%w: no line %s…", ErrKeyMalformed, keyFilePrefix)
	}
	return master, nil
}

// CreateKeys draws a master key and writes it to a new file of mode 0600. The
// file appears whole or not at all and is on disk, its folder too, when
// CreateKeys returns; an existing file is never touched (fs.ErrExist).
func CreateKeys(path string, rand io.Reader) (*Keys, error) {
	var master [32]byte
	if _, err := io.ReadFull(rand, master[:]); err != nil {
		return nil, fmt.Errorf("secret: drawing a key: %w", err)
	}
	text := keyFileComment + keyFilePrefix + base64.StdEncoding.EncodeToString(master[:]) + "\n"
	if err := writeNew(path, text); err != nil {
		return nil, fmt.Errorf("secret: making the key file: %w", err)
	}
	return NewKeys(master)
}

// writeNew writes text beside path and links it there: link(2) fails if the name
// is taken, which rename(2) does not, and a crash leaves no half-written key.
func writeNew(path, text string) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
