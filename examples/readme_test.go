package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeLines looks for every line that README.md gives for mail servers in the
// files that the real servers are tried with.
func TestReadmeLines(t *testing.T) {
	blocks := readmeBlocks(t, "../README.md", "## Install")
	files, err := filepath.Glob("*/*")
	if err != nil || len(blocks) != 2 {
		t.Fatal(len(blocks), err)
	}
	known := make(map[string]bool)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(strings.ReplaceAll(string(text), "LATCHKEY_SOCKET", "/run/latchkey/exim")) {
			known[strings.TrimSpace(line)] = true
		}
	}
	for line := range strings.Lines(blocks[1]) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" && !known[line] {
			t.Errorf("no example has the line %q", line)
		}
	}
}
