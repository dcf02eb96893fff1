package cli

import (
	"strings"
	"testing"
)

// The address stands in front of the verb, and nothing else is taken for either.
func TestVerbBehindTheAddress(t *testing.T) {
	const id = "0123456789abcdef"
	for line, want := range map[string]string{
		"devices":                                       "ADDRESS missing: latchkey devices ADDRESS [list | untrust ID | delete ID]",
		"devices a@example.org":                         "",
		"devices a@example.org list":                    "",
		"devices a@example.org untrust " + id:           "",
		"devices a@example.org delete " + id:            "",
		"devices a@example.org delete":                  "ID missing: latchkey devices ADDRESS delete ID",
		"devices a@example.org untrust " + id + " HUSH": "too many arguments: latchkey devices ADDRESS untrust ID",
		"devices a@example.org list HUSH":               "too many arguments: latchkey devices ADDRESS list",
		"devices a@example.org HUSH":                    "behind the address stands list, untrust or delete",
		"devices list a@example.org":                    "the address stands in front of list",
		"devices delete":                                "the address stands in front of delete",
		"devices list list":                             "",
		"sessions a@example.org end":                    "",
		"sessions a@example.org":                        "end missing: latchkey sessions ADDRESS end",
		"sessions":                                      "ADDRESS missing: latchkey sessions ADDRESS end",
		"sessions end a@example.org":                    "the address stands in front of end",
		"sessions a@example.org end now":                "too many arguments: latchkey sessions ADDRESS end",
	} {
		a, _, said := testApp()
		status := a.run(append(strings.Fields(line), "--config", "/nonexistent/latchkey.toml"))
		text := said.String()
		switch {
		case want == "" && status != exitConfig: // so far that only the configuration is missing
			t.Errorf("%s: status %d, %s", line, status, text)
		case want != "" && (status != exitUsage || !strings.HasPrefix(text, "latchkey: error: "+want+"\n")):
			t.Errorf("%s: status %d, %s", line, status, text)
		}
		if strings.Contains(text, "HUSH") {
			t.Errorf("%s: an argument is repeated: %s", line, text)
		}
	}
}

func TestVerbBehindTheAddressIsCompleted(t *testing.T) {
	for line, want := range map[string]string{
		"__complete devices a@example.org ":      "list\nuntrust\ndelete\n:4\n",
		"__complete devices a@example.org list ": ":4\n",
		"__complete sessions a@example.org ":     "end\n:4\n",
	} {
		a, out, _ := testApp()
		a.run(append(strings.Fields(line), ""))
		if out.String() != want {
			t.Errorf("%s: %q", line, out)
		}
	}
}
