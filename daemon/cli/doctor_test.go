package cli

import (
	"testing"

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
