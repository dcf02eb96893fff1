package portal

import (
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/portal/locale"
)

// keysOfTemplates are the texts that templates ask for by name, with the values
// that they give.
func keysOfTemplates(t *testing.T) map[string][]string {
	t.Helper()
	comments := regexp.MustCompile(`(?s)\{\{-? ?/\*.*?\*/ ?-?\}\}`)
	calls := regexp.MustCompile(`[({]-?\s*(?:if |else if |or )?(t|countdown) "([^"]+)"([^})]*)`)
	names := regexp.MustCompile(`"([a-z_]+)"`)
	keys := map[string][]string{}
	err := fs.WalkDir(templates, "template", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := templates.ReadFile(path)
		for _, call := range calls.FindAllStringSubmatch(comments.ReplaceAllString(string(body), ""), -1) {
			given := []string{"left"}
			if call[1] == "t" {
				given = nil
				for _, name := range names.FindAllStringSubmatch(call[3], -1) {
					given = append(given, name[1])
				}
			}
			keys[call[2]] = given
		}
		return err
	})
	if err != nil || len(keys) < 100 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	return keys
}

// keysOfCode are the texts that the package's own files name.
func keysOfCode(t *testing.T, prefixes []string) []string {
	t.Helper()
	literal := regexp.MustCompile(`"([a-z]+(?:_[a-z]+)*)\.([a-z0-9_]+)"`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range literal.FindAllStringSubmatch(string(body), -1) {
			if slices.Contains(prefixes, found[1]) && found[2] != "html" {
				keys = append(keys, found[1]+"."+found[2])
			}
		}
	}
	return keys
}

// lastOnes are the keys that told makes of another one's, when no try is left.
func lastOnes() []string { return []string{"failure.wrong_code_last", "failure.wrong_recovery_last"} }

// TestKeys: every text that is asked for exists, with the values that it wants,
// and none is left that nobody asks for.
func TestKeys(t *testing.T) {
	catalogs, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	catalog := catalogs.All()[0]
	var prefixes []string
	for _, key := range catalog.Keys() {
		prefix, _, _ := strings.Cut(key, ".")
		prefixes = append(prefixes, prefix)
	}
	used := append(keysOfCode(t, prefixes), lastOnes()...)
	for key, given := range keysOfTemplates(t) {
		used = append(used, key)
		for _, wanted := range catalog.Placeholders(key) {
			if !slices.Contains(given, wanted) {
				t.Errorf("a template asks for %q without %s", key, wanted)
			}
		}
	}
	for _, key := range used {
		if !catalog.Has(key) {
			t.Errorf("there is no text %q", key)
		}
	}
	for _, key := range catalog.Keys() {
		if !slices.Contains(used, key) {
			t.Errorf("nobody asks for %q", key)
		}
	}
}

// TestNothingUntranslated renders every page with each text in brackets: what
// stands outside of them is a name, or was forgotten.
func TestNothingUntranslated(t *testing.T) {
	w := gallery(t)
	catalog, _ := w.pages.catalogs.Find("en")
	funcs := w.funcs(catalog)
	mark := func(s string) string { return "⟦" + s + "⟧" }
	funcs["t"] = func(key string, values ...any) (string, error) {
		text, err := w.text(catalog, key, values...)
		return mark(text), err
	}
	funcs["tell"] = func(m message) (string, error) {
		if m.Key == "" {
			return "", nil
		}
		text, err := w.text(catalog, m.Key, m.Args...)
		return mark(text), err
	}
	funcs["date"] = func(at time.Time) (string, error) { return mark("date"), nil }
	funcs["countdown"] = func(key string, until time.Time, effect, target string) (template.HTML, error) {
		text, err := w.text(catalog, key, "left", "0:00")
		return template.HTML(mark(text)), err
	}
	sets, err := parsePages(funcs)
	if err != nil {
		t.Fatal(err)
	}
	w.pages.sets["en"] = sets
	for _, p := range pictures(w.clock()) {
		a := httptest.NewRecorder()
		w.render(a, p.request("en"), http.StatusOK, p.page(), p.view)
		for _, words := range unmarked(a.Body.String()) {
			if !slices.Contains(namesOnPages(), words) {
				t.Errorf("%s: %q is not translated", p.name, words)
			}
		}
	}
}

// unmarked are the words that stand outside of brackets, in the text and in those
// attributes that people are told.
func unmarked(page string) []string {
	spoken := regexp.MustCompile(`\s(?:aria-label|title|alt|placeholder|data-label|data-text)="([^"]*)"`)
	var text strings.Builder
	for _, found := range spoken.FindAllStringSubmatch(page, -1) {
		text.WriteString(found[1] + "\n")
	}
	page = regexp.MustCompile(`(?s)<!--.*?-->|<(?:style|script)[^>]*>.*?</(?:style|script)>`).ReplaceAllString(page, "")
	text.WriteString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, "\n"))
	outside := regexp.MustCompile(`(?s)⟦.*?⟧`).ReplaceAllString(text.String(), "\n")
	var words []string
	for line := range strings.FieldsFuncSeq(outside, func(r rune) bool { return r == '\n' || r == '·' }) {
		if line = strings.Trim(line, " \t–+"); regexp.MustCompile(`\pL`).MatchString(line) {
			words = append(words, line)
		}
	}
	return words
}

// namesOnPages are what is called the same in every language.
func namesOnPages() []string {
	names := []string{"Example Mail", "Helpdesk", alice, "简体中文", "English", "Foxmail", "Outlook", "Thunderbird",
		"imap.example.org", "pop.example.org", "smtp.example.org", "SSL/TLS", "STARTTLS", "IMAP", "POP3", "SMTP",
		phoneName, officeName, "HP", "Nexus", "Backup", "Desk", longAddr, "192.0.2.7", "abcd", "efgh", "jkmn", "pqrs", "abcd-efgh-jkmn",
		"iOS 18", "Edge 140", "Windows", "Foxmail 7"}
	return names
}

// TestUnmarked keeps the test above from seeing nothing.
func TestUnmarked(t *testing.T) {
	got := unmarked(`<h1 class="left out">⟦Said⟧</h1> – <p aria-label="Spoken">Forgotten ⟦said⟧ 12</p><script>code()</script>`)
	if want := []string{"Spoken", "Forgotten"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q", got)
	}
}
