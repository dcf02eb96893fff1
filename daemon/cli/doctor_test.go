package cli

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/doctor"
)

// TestPrintDiagnosis: what a person sees.
func TestPrintDiagnosis(t *testing.T) {
	_, out, _ := testApp()
	d := &diagnosis{Open: 1, Warnings: 1, Reports: []doctor.Report{
		{Part: "System", Findings: []doctor.Finding{{Level: doctor.Note, Text: "a note"}, {Level: doctor.Warning, Text: "a warning", Fix: []string{"chmod it"}}}},
		{Part: "Dovecot", Findings: []doctor.Finding{{Level: doctor.Open, Text: "a door", Fix: []string{"at the end:", "  so {", "  }"}}, {Level: doctor.Good, Text: "another"}}},
	}}
	printDiagnosis(out, d)
	want := `System
  –        a note
  warning  a warning
             chmod it

Dovecot
  OPEN     a door
             at the end:
               so {
               }
  ok       another
`
	if out.String() != want {
		t.Errorf("%s", out)
	}
	out.Reset()
	printDiagnosis(out, &diagnosis{OK: true, Warnings: 2})
	if out.String() != "\nevery door asks latchkey; 2 warnings\n" {
		t.Errorf("%q", out)
	}
}

// TestDiagnoseBinding: doctor is told which of the mechanisms that are offered bind.
func TestDiagnoseBinding(t *testing.T) {
	a, _, _ := testApp()
	a.zone = time.UTC
	for _, offered := range [][]string{{"PLAIN", "SCRAM-SHA-256"}, {"PLAIN", "SCRAM-SHA-256-PLUS"}} {
		cfg := config.Default()
		cfg.DataDir, cfg.RunDir, cfg.Auth.Mechanisms = t.TempDir(), t.TempDir(), offered
		m := &doctor.Machine{Run: func(context.Context, string, ...string) ([]byte, error) { return nil, doctor.ErrAbsent }}
		a.diagnose(t.Context(), cfg, m)
		if want := slices.Contains(offered, "SCRAM-SHA-256-PLUS"); slices.Contains(m.Binding, "SCRAM-SHA-256-PLUS") != want || len(m.Binding) > 1 {
			t.Errorf("of %q these bind: %q", offered, m.Binding)
		}
	}
}
