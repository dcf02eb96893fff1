package examples

import (
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// complaints are what the browser's console says about the pages: a script that
// throws, a style or a script that the pages' policy forbids. That an answer has
// an error's status is none.
type complaints struct {
	mu   sync.Mutex // guards list
	list []string
}

// hear begins to listen to the console.
func (c *complaints) hear(t *testing.T, b *browser) {
	t.Helper()
	err := chromedp.Listen(b.ctx, func(event any) {
		switch event := event.(type) {
		case *log.EventEntryAdded:
			if e := event.Entry; e.Level == log.EntryLevelError && e.Source != log.EntrySourceNetwork {
				c.add(e.URL + ": " + e.Text)
			}
		case *runtime.EventExceptionThrown:
			c.add(event.ExceptionDetails.URL + ": " + described(event.ExceptionDetails))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (c *complaints) add(complaint string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, complaint)
}

// take gives what came since the last time. The console's events come in one
// line with the answers to our actions: after one of those, nothing older is
// still on its way.
func (c *complaints) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	c.list = nil
	return list
}

// described is what was thrown, in words.
func described(e *runtime.ExceptionDetails) string {
	if e.Exception != nil && e.Exception.Description != "" {
		return e.Exception.Description
	}
	return e.Text
}
