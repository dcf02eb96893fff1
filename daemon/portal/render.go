package portal

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/portal/locale"
)

//go:embed template
var templates embed.FS

// pages are the templates, parsed once: a set for each page in each language, so
// that nothing is bound anew while a request waits.
type pages struct {
	catalogs *locale.Catalogs
	sets     map[string]map[string]*template.Template // language, then page
}

// shown is what a template sees.
type shown struct {
	Page page
	View any
}

// openPages parses every template in every language.
func (s *Server) openPages() (*pages, error) {
	catalogs, err := locale.Load()
	if err != nil {
		return nil, err
	}
	p := &pages{catalogs: catalogs, sets: map[string]map[string]*template.Template{}}
	for _, catalog := range catalogs.All() {
		if p.sets[catalog.Tag], err = parsePages(s.funcs(catalog)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// parsePages parses the templates of one language: a set for each page, by its
// name.
func parsePages(funcs template.FuncMap) (map[string]*template.Template, error) {
	frame, err := template.New("layout").Funcs(funcs).ParseFS(templates, "template/layout/*.html")
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	files, err := fs.Glob(templates, "template/*.html")
	if err != nil {
		return nil, err
	}
	sets := map[string]*template.Template{}
	for _, file := range files {
		set, err := frame.Clone()
		if err != nil {
			return nil, fmt.Errorf("portal: %w", err)
		}
		if _, err := set.ParseFS(templates, file); err != nil {
			return nil, fmt.Errorf("portal: %w", err)
		}
		sets[strings.TrimSuffix(path.Base(file), ".html")] = set
	}
	return sets, nil
}

// render answers with a page: template/<page>.html, which defines "title" and
// "content" and sees .Page and .View. Nothing is sent before all of it is made.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name string, view any) {
	catalog := s.catalog(r)
	set := s.pages.sets[catalog.Tag][name]
	if set == nil {
		s.broken(w, r, fmt.Errorf("portal: no page %q", name))
		return
	}
	var body bytes.Buffer
	if err := set.ExecuteTemplate(&body, "layout.html", shown{s.page(r, catalog), view}); err != nil {
		s.broken(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", catalog.Tag)
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body.Bytes()) // the browser that went away needs no answer
	}
}

// broken answers when a page cannot be made, which tests ought to have seen.
func (s *Server) broken(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.Error("portal: page", "path", logPath(r), "error", err)
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}

// errorPage says what is wrong where no page can go on.
func (s *Server) errorPage(w http.ResponseWriter, r *http.Request, status int, key string) {
	s.render(w, r, status, "error", errorView{Status: status, Key: key})
}

type errorView struct {
	Status int
	Key    string // of the sentence
}

// funcs are what templates call.
func (s *Server) funcs(catalog *locale.Catalog) template.FuncMap {
	return template.FuncMap{
		"t": func(key string, values ...any) (string, error) { return s.text(catalog, key, values...) },
		"tell": func(m message) (string, error) {
			if m.Key == "" {
				return "", nil
			}
			return s.text(catalog, m.Key, m.Args...)
		},
		"date": func(at time.Time) (template.HTML, error) {
			text, err := s.date(catalog, at)
			return timeElement(at, text), err
		},
		"left": s.left,
		"path": func(below string) string { return s.base() + below },
		"dict": dict,
		"inc":  func(i int) int { return i + 1 },
		"list": func(items ...any) []any { return items },
		"countdown": func(key string, until time.Time, effect, target string) (template.HTML, error) {
			sentence, err := s.text(catalog, key, "left", "\x00")
			return countdown(sentence, s.left(until), s.secondsLeft(until), effect, target), err
		},
	}
}

// dict makes a map of names and values: what a partial is called with.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("dict: a name without a value")
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, good := pairs[i].(string)
		if !good {
			return nil, errors.New("dict: a name that is no text")
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// text is catalog's text of key; times among the values are written as dates.
func (s *Server) text(catalog *locale.Catalog, key string, values ...any) (string, error) {
	written := make([]any, len(values))
	for i, value := range values {
		written[i] = value
		if at, isTime := value.(time.Time); isTime {
			text, err := s.date(catalog, at)
			if err != nil {
				return "", err
			}
			written[i] = text
		}
	}
	return catalog.Text(key, written...)
}
