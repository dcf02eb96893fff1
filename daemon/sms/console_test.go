package sms

import (
	"context"
	"strconv"
	"sync"
	"testing"
)

func TestConsoleKeepsTheLast(t *testing.T) {
	var shown []Message
	c := NewConsole(func(m Message) { shown = append(shown, m) })
	for i := range maxKept + 5 {
		m := message()
		m.To = "+861380000" + strconv.Itoa(1000+i)
		if err := c.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	kept := c.Messages()
	if len(kept) != maxKept || kept[0].To != "+8613800001005" || kept[maxKept-1].To != "+8613800001104" || len(shown) != maxKept+5 {
		t.Errorf("kept %d from %s to %s, shown %d", len(kept), kept[0].To, kept[len(kept)-1].To, len(shown))
	}
	kept[0].To = "changed"
	if c.Messages()[0].To == "changed" {
		t.Error("what it keeps can be changed")
	}
}

func TestConsoleAtTheSameTime(t *testing.T) {
	c := NewConsole(nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range maxKept {
				_ = c.Send(context.Background(), message())
				_ = c.Messages()
			}
		})
	}
	all.Wait()
	if n := len(c.Messages()); n != maxKept {
		t.Errorf("%d", n)
	}
}
