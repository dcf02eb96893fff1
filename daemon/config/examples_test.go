package config

import (
	"os"
	"path/filepath"
	"testing"
)

// README has people install the sample, and each example's README has them add its
// sections to it: TOML refuses a table that is there twice.
func TestExamplesAddToSample(t *testing.T) {
	all, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../examples/*/latchkey.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		more, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(file, append(all[:len(all):len(all)], more...)); err != nil {
			t.Errorf("added to the sample: %v", err)
		}
	}
}
