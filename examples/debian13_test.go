package examples

import (
	"path/filepath"
	"testing"
)

var debian13Peers = []peer{
	{"Debian 13 (.ci/debian13)", "../.build/debian13/stamp"},
}

// inDebian13 begins a command line whose program lies in the Debian 13 that
// .ci/debian13 makes. It sees the place where everybody else does.
func inDebian13(t *testing.T, p *place) []string {
	t.Helper()
	script, err := filepath.Abs("../.ci/in-debian13")
	if err != nil {
		t.Fatal(err)
	}
	return []string{script, p.dir}
}
