package locale

import "golang.org/x/text/language"

// maxAccept bounds how much of an Accept-Language header is looked at.
const maxAccept = 256

// Find is the catalog with this tag; false: there is none.
func (c *Catalogs) Find(tag string) (*Catalog, bool) {
	for _, catalog := range c.all {
		if catalog.Tag == tag {
			return catalog, true
		}
	}
	return nil, false
}

// Match is the catalog for what a browser accepts (RFC 9110, section 12.5.4),
// and otherwise the one with the tag fallback. Whoever reads Chinese in any
// script gets ours: it is nearer to them than English.
func (c *Catalogs) Match(accept, fallback string) *Catalog {
	if len(accept) > maxAccept {
		accept = accept[:maxAccept]
	}
	if wanted, _, err := language.ParseAcceptLanguage(accept); err == nil && len(wanted) > 0 {
		chinese, _ := language.Chinese.Base()
		for i, tag := range wanted {
			if base, _ := tag.Base(); base == chinese {
				wanted[i] = language.SimplifiedChinese
			}
		}
		if _, at, sure := c.matcher.Match(wanted...); sure > language.No {
			return c.all[at]
		}
	}
	if catalog, found := c.Find(fallback); found {
		return catalog
	}
	return c.all[0]
}
