package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/latchkey-mail/latchkey"

// layers says how high each package stands. A package may import those of lower
// layers; of its own layer only what sideways lists. A new package is entered
// here by whoever makes it.
var layers = map[string]int{
	// leaves: libraries only
	"sasl": 0, "sasl/accept": 0, "sasl/dovecot": 0, "sasl/saslauthd": 0, "store/kv": 0, "store/secret": 0,
	"daemon/config": 0, "daemon/hasher": 0, "daemon/sms": 0, "daemon/metrics": 0,
	// storage
	"store": 1, "store/boltkv": 1, "store/memkv": 1, "store/kvtest": 1,
	// decisions
	"daemon/policy": 2, "daemon/accounts": 2, "daemon/audit": 2,
	// doors
	"daemon/accountfile": 3, "daemon/authserver": 3, "daemon/cyrusauth": 3, "daemon/portal": 3, "daemon/portal/locale": 0, "daemon/admin": 3, "daemon/harness": 3, "daemon/nginxauth": 3, "daemon/bench": 3, "daemon/doctor": 3,
	// wiring
	"daemon": 4, "daemon/cli": 5, "daemon/bench/sidebyside": 5, "": 6,
	"examples": 6, // tests only
}

// sideways are the imports allowed within a layer.
var sideways = map[string][]string{
	"daemon/hasher":  {"store/secret"}, // it hashes
	"sasl/dovecot":   {"sasl/accept"},
	"sasl/saslauthd": {"sasl/accept"},
}

// storageLeaves are the only leaves that storage may lean on.
var storageLeaves = []string{"store/kv", "store/secret"}

// TestLayers fails on any import that goes up or sideways. Test files are not
// looked at: a test may put together what the product keeps apart.
func TestLayers(t *testing.T) {
	imports := listImports(t)
	if len(imports) < 10 {
		t.Fatalf("go list names only %d packages", len(imports))
	}
	for from, list := range imports {
		if _, known := layers[from]; !known {
			t.Errorf("package %q is not in the table of layers", from)
			continue
		}
		for _, to := range list {
			if !mayImport(from, to) {
				t.Errorf("%q (layer %d) imports %q (layer %d)", from, layers[from], to, layers[to])
			}
		}
	}
}

// TestLayersRefuses keeps mayImport from passing everything.
func TestLayersRefuses(t *testing.T) {
	for _, edge := range [][2]string{
		{"sasl", "sasl/dovecot"}, {"sasl/dovecot", "sasl"}, {"store", "store/boltkv"}, {"store", "daemon/config"},
		{"daemon/policy", "daemon/audit"}, {"daemon/authserver", "daemon/admin"}, {"store/kv", "store"},
		{"daemon/accounts", "daemon/authserver"}, {"daemon/policy", "daemon"}, {"daemon/hasher", "store"},
	} {
		if mayImport(edge[0], edge[1]) {
			t.Errorf("%q may import %q", edge[0], edge[1])
		}
	}
	for _, edge := range [][2]string{
		{"daemon/hasher", "store/secret"}, {"store/boltkv", "store/kv"}, {"daemon/policy", "store"},
		{"daemon/authserver", "sasl/dovecot"}, {"daemon", "daemon/policy"}, {"", "daemon/cli"},
	} {
		if !mayImport(edge[0], edge[1]) {
			t.Errorf("%q may not import %q", edge[0], edge[1])
		}
	}
}

func mayImport(from, to string) bool {
	if slices.Contains(sideways[from], to) {
		return true
	}
	lower := layers[to] < layers[from]
	if lower && layers[from] == layers["store"] {
		return slices.Contains(storageLeaves, to)
	}
	return lower
}

// listImports gives, for each package of the module, the packages of the module
// that it imports; all named from the module's root.
func listImports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := map[string][]string{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return imports
		} else if err != nil {
			t.Fatal(err)
		}
		from := inModule(p.ImportPath)
		imports[from] = nil
		for _, to := range p.Imports {
			if to == module || strings.HasPrefix(to, module+"/") {
				imports[from] = append(imports[from], inModule(to))
			}
		}
	}
}

func inModule(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
}
