package sms

import (
	"context"
	"slices"
	"sync"
)

const maxKept = 100 // messages of a Console

// Console is a Sender that sends nothing: it keeps the last messages in memory,
// for whoever plays the phone.
type Console struct {
	show func(Message)

	mu   sync.Mutex // guards kept
	kept []Message  // the newest last
}

// NewConsole returns a Console that also hands each message to show, unless that
// is nil.
func NewConsole(show func(Message)) *Console { return &Console{show: show} }

// Send keeps the message.
func (c *Console) Send(_ context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	c.mu.Lock()
	c.kept = append(c.kept, m)
	c.kept = c.kept[max(0, len(c.kept)-maxKept):]
	c.mu.Unlock()
	if c.show != nil {
		c.show(m)
	}
	return nil
}

// Messages returns the last 100 messages, the newest last.
func (c *Console) Messages() []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.kept)
}
