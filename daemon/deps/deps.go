// Package deps keeps modules in go.mod until their first user lands.
package deps

import (
	_ "github.com/chromedp/chromedp"
	_ "github.com/mileusna/useragent"
	_ "golang.org/x/crypto/acme/autocert"
	_ "golang.org/x/text/language"
)
