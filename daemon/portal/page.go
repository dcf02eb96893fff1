package portal

import (
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/latchkey-mail/latchkey/daemon/portal/locale"
)

// page is what every page shows beside its own view.
type page struct {
	Language  string           // BCP 47
	Languages []languageChoice // to choose from
	Site      string
	HelpText  string
	HelpPhone string
	Address   string // whose session it is; "" = signed out
	Token     string // of every form inside the session
	Nav       []navItem
	Messages  []message
	Back      string // where a choice of language leads
}

type languageChoice struct {
	Tag     string
	Name    string // in the language itself
	Current bool
}

type navItem struct {
	Path    string
	Key     string
	Current string // of aria-current: "page", "true" for what lies behind it, "" elsewhere
}

// page gathers it.
func (s *Server) page(r *http.Request, catalog *locale.Catalog) page {
	v, portal := visitOf(r), s.Config().Portal
	p := page{Language: catalog.Tag, Site: portal.Name, HelpText: portal.HelpText, HelpPhone: portal.HelpPhone,
		Token: v.formToken(), Messages: v.messages, Back: "/"}
	if s.isPage(r.URL.Path) {
		p.Back = r.URL.Path
	}
	for _, tag := range locale.Tags() {
		p.Languages = append(p.Languages, languageChoice{tag, languageName(tag), tag == catalog.Tag})
	}
	if v.session == nil {
		return p
	}
	p.Address = v.session.Address
	if v.stands() == inside {
		p.Nav = navigation(r.URL.Path)
	}
	return p
}

// languageName is what a language calls itself.
func languageName(tag string) string {
	return map[string]string{"zh-CN": "简体中文", "en": "English"}[tag]
}

// navigation is the way around inside.
func navigation(here string) []navItem {
	items := []navItem{
		{Path: pathSecurity, Key: "nav.security"},
		{Path: pathAppPasswords, Key: "nav.app_passwords"},
		{Path: pathDevices, Key: "nav.devices"},
		{Path: pathGuide, Key: "nav.guide"},
	}
	at := 0 // whatever else there is can be come to from the first
	for i, item := range items {
		if here == item.Path || strings.HasPrefix(here, item.Path+"/") {
			at = i
		}
	}
	items[at].Current = "true"
	if here == items[at].Path {
		items[at].Current = "page"
	}
	return items
}

// catalog is the language to answer r in: the one chosen in this browser, else
// what the browser asks for, else the configured one.
func (s *Server) catalog(r *http.Request) *locale.Catalog {
	if chosen, found := s.pages.catalogs.Find(s.readCookie(r, languageCookie)); found {
		return chosen
	}
	return s.pages.catalogs.Match(r.Header.Get("Accept-Language"), s.Config().Portal.Language)
}

// language is its tag.
func (s *Server) language(r *http.Request) string { return s.catalog(r).Tag }

// countdown writes a sentence whose {left} counts down. The script counts from
// the server's remaining seconds, never from the browser's clock. At zero, ends
// closes the form with the id target and shows what has the id <target>-over;
// opens lets the button with the id target be pressed and hides the sentence.
func countdown(sentence string, left string, seconds int, effect, target string) template.HTML {
	const mark = "\x00"
	before, after, _ := strings.Cut(sentence, mark)
	return template.HTML(`<span class="countdown">` + template.HTMLEscapeString(before) +
		`<span role="timer" data-left="` + strconv.Itoa(seconds) + `" data-` + template.HTMLEscapeString(effect) + `="` +
		template.HTMLEscapeString(target) + `">` + left + `</span>` + template.HTMLEscapeString(after) + `</span>`)
}
