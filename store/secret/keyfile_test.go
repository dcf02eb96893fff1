package secret

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCreateAndLoadKeys(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "latchkey.key")
	if _, err := LoadKeys(path); !errors.Is(err, ErrKeyMissing) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadKeys of nothing = %v", err)
	}
	made, err := CreateKeys(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	loaded, err := LoadKeys(path)
	if err != nil || loaded.Generation() != made.Generation() {
		t.Errorf("LoadKeys = %v, %v; made %v", loaded, err, made)
	}
	before, _ := os.ReadFile(path)
	if _, err := CreateKeys(path, rand.Reader); !errors.Is(err, fs.ErrExist) {
		t.Errorf("CreateKeys over a key file = %v; want ErrExist", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("CreateKeys changed an existing key file")
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
	if _, err := CreateKeys(filepath.Join(dir, "none", "k"), rand.Reader); err == nil {
		t.Error("made a key in a folder that does not exist")
	}
	if _, err := CreateKeys(filepath.Join(dir, "k2"), bytes.NewReader(nil)); err == nil {
		t.Error("made a key without randomness")
	}
}

// goodKey is the committed key of tests: bytes 0 to 31.
const goodKey = "latchkey-key-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func TestKeyFiles(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		mode fs.FileMode
		want error
	}{
		"good":             {"# c\n" + goodKey + "\n", 0o600, nil},
		"read-only":        {goodKey, 0o400, nil},
		"CRLF, blanks":     {"\r\n  # c\r\n " + goodKey + " \r\n\r\n", 0o600, nil},
		"group reads":      {goodKey, 0o640, ErrKeyPermissions},
		"others read":      {goodKey, 0o604, ErrKeyPermissions},
		"group writes":     {goodKey, 0o620, ErrKeyPermissions},
		"empty":            {"", 0o600, ErrKeyMalformed},
		"comment only":     {"# c\n", 0o600, ErrKeyMalformed},
		"two keys":         {goodKey + "\n" + goodKey + "\n", 0o600, ErrKeyMalformed},
		"other version":    {strings.Replace(goodKey, "v1", "v2", 1), 0o600, ErrKeyMalformed},
		"short":            {"latchkey-key-v1:AAEC", 0o600, ErrKeyMalformed},
		"no base64":        {"latchkey-key-v1:" + strings.Repeat("!", 44), 0o600, ErrKeyMalformed},
		"trailing bits":    {strings.Replace(goodKey, "8=", "9=", 1), 0o600, ErrKeyMalformed},
		"bare key":         {strings.TrimPrefix(goodKey, "latchkey-key-v1:"), 0o600, ErrKeyMalformed},
		"something large":  {strings.Repeat("#\n", 5000) + goodKey, 0o600, ErrKeyMalformed},
		"key and a remark": {goodKey + " # mine", 0o600, ErrKeyMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "k")
			if err := os.WriteFile(path, []byte(test.text), test.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, test.mode); err != nil { // whatever the umask
				t.Fatal(err)
			}
			k, err := LoadKeys(path)
			if !errors.Is(err, test.want) {
				t.Fatalf("LoadKeys = %v; want %v", err, test.want)
			}
			if test.want == nil && k.Generation() != knownAnswers["generation"] {
				t.Errorf("generation %s", k.Generation())
			}
			if err != nil && strings.Contains(err.Error(), "AAEC") {
				t.Errorf("the error quotes the key: %v", err)
			}
		})
	}
	if _, err := LoadKeys(t.TempDir()); !errors.Is(err, ErrKeyMalformed) {
		t.Errorf("LoadKeys of a folder = %v", err)
	}
}

func TestOpenKeys(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "latchkey.key")
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if _, err := OpenKeys(path, true, rand.Reader); !errors.Is(err, ErrKeyMissing) {
		t.Errorf("a database without its key: %v; want ErrKeyMissing", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Fatal("a key was made beside an existing database")
	}
	if found, err := HasKey(path); found || err != nil {
		t.Errorf("HasKey of no key = %v, %v", found, err)
	}
	made, err := OpenKeys(path, false, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, databaseExists := range []bool{true, false} {
		again, err := OpenKeys(path, databaseExists, rand.Reader)
		if err != nil || again.Generation() != made.Generation() {
			t.Errorf("OpenKeys again = %v, %v", again, err)
		}
	}

	credentials := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	if k, err := OpenKeys(path, true, rand.Reader); err != nil || k.Generation() != made.Generation() {
		t.Errorf("with a credentials folder that holds none: %v, %v", k, err)
	}
	if found, err := HasKey(path); !found || err != nil {
		t.Errorf("HasKey of the folder's key = %v, %v", found, err)
	}
	credential := filepath.Join(credentials, CredentialName)
	for mode, want := range map[fs.FileMode]error{0o400: nil, 0o440: nil, 0o444: ErrKeyPermissions} {
		os.Remove(credential)
		if err := os.WriteFile(credential, []byte(goodKey), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(credential, mode); err != nil {
			t.Fatal(err)
		}
		if found, err := HasKey(path + "-absent"); !found || err != nil {
			t.Errorf("HasKey of a credential of mode %o = %v, %v", mode, found, err)
		}
		k, err := OpenKeys(path, true, rand.Reader)
		if !errors.Is(err, want) || want == nil && k.Generation() != knownAnswers["generation"] {
			t.Errorf("credential of mode %o: %v, %v; want %v", mode, k, err, want)
		}
	}
}

func FuzzParseKeyFile(f *testing.F) {
	for _, s := range []string{goodKey, "# c\n" + goodKey + "\n", "", "latchkey-key-v1:", goodKey + goodKey} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		master, err := parseKeyFile(text)
		if err != nil && (!errors.Is(err, ErrKeyMalformed) || master != [32]byte{}) {
			t.Errorf("parseKeyFile(%q) = %x, %v", text, master, err)
		}
	})
}

// TestExportKey reads what OpenKeys would, and makes nothing.
func TestExportKey(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	path := filepath.Join(t.TempDir(), "key")
	if _, _, err := ExportKey(path); !errors.Is(err, ErrKeyMissing) {
		t.Errorf("nothing there: %v", err)
	}
	made, err := CreateKeys(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, keys, err := ExportKey(path)
	if err != nil || text.Reveal() != string(want) || keys.Generation() != made.Generation() {
		t.Errorf("%v, %v, %v", text, keys, err)
	}
	dir := t.TempDir()
	given, err := CreateKeys(filepath.Join(dir, CredentialName), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if _, keys, err := ExportKey(path); err != nil || keys.Generation() != given.Generation() {
		t.Errorf("systemd's: %v, %v", keys, err)
	}
}
