// Package locale holds what the portal says, in each of its languages.
//
// A catalog is a folder of JSON files, key to text. A text may hold
// placeholders: {name} stands for a value, {tries:try|tries} for the word that
// fits the number, one or many. Numbers are written without separators: what
// the portal counts are tries, ports and days.
//
// A missing key or value is an error and never shows on a page: tests hold the
// catalogs against each other and against the templates.
package locale

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"golang.org/x/text/language"
)

//go:embed en/*.json zh-CN/*.json
var files embed.FS

// ErrText means that a text is missing, or does not fit its values.
var ErrText = errors.New("locale: no such text")

// Catalogs are all languages.
type Catalogs struct {
	all     []*Catalog
	matcher language.Matcher
}

// Catalog is what the portal says in one language.
type Catalog struct {
	Tag   string // BCP 47: "zh-CN"
	texts map[string]text
}

// Load reads the catalogs. The first is the one for who asks for neither.
func Load() (*Catalogs, error) {
	c := &Catalogs{}
	var tags []language.Tag
	for _, tag := range Tags() {
		catalog, err := load(files, tag)
		if err != nil {
			return nil, err
		}
		c.all = append(c.all, catalog)
		tags = append(tags, language.MustParse(tag))
	}
	c.matcher = language.NewMatcher(tags)
	return c, nil
}

// Tags are the languages that there are.
func Tags() []string { return []string{"zh-CN", "en"} }

// All returns the catalogs in the order of Tags.
func (c *Catalogs) All() []*Catalog { return c.all }

func load(from fs.FS, tag string) (*Catalog, error) {
	catalog := &Catalog{Tag: tag, texts: map[string]text{}}
	names, err := fs.Glob(from, path.Join(tag, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := catalog.add(from, name); err != nil {
			return nil, fmt.Errorf("locale: %s: %w", name, err)
		}
	}
	return catalog, nil
}

func (c *Catalog) add(from fs.FS, name string) error {
	raw, err := fs.ReadFile(from, name)
	if err != nil {
		return err
	}
	var written map[string]string
	if err := json.Unmarshal(raw, &written); err != nil {
		return err
	}
	for key, source := range written {
		if _, twice := c.texts[key]; twice {
			return fmt.Errorf("%q stands in another file, too", key)
		}
		parsed, err := parseText(source)
		if err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
		c.texts[key] = parsed
	}
	return nil
}
