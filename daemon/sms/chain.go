package sms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"
)

const defaultTimeout = 10 * time.Second

// tellWithin is how long a sender whose time is over may take to say how far it had
// come. One that does not keep to its context says nothing.
const tellWithin = time.Second

// ChainOptions are the senders to ask, in this order.
type ChainOptions struct {
	Senders []Named
	Timeout time.Duration                // for each of them; 0: 10 s
	Sent    func(name string)            // nil: nobody asks
	Failed  func(name string, err error) // nil: nobody asks
}

// Named is a sender with the name that logs and metrics know it by.
type Named struct {
	Name   string
	Sender Sender
}

// chain asks one sender after the other.
type chain struct{ o ChainOptions }

// NewChain returns a Sender that asks one sender after the other until one takes
// the message. A sender that does not answer in time is left behind, as one that is
// [ErrNoAnswer]: should it send after all, the same code arrives twice.
func NewChain(o ChainOptions) Sender {
	o.Senders = slices.Clone(o.Senders)
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	if o.Sent == nil {
		o.Sent = func(string) {}
	}
	if o.Failed == nil {
		o.Failed = func(string, error) {}
	}
	return &chain{o}
}

// Send returns the errors of all senders if none took the message. When ctx ends,
// no further sender is asked.
func (c *chain) Send(ctx context.Context, m Message) error {
	if len(c.o.Senders) == 0 {
		return errors.New("sms: no sender")
	}
	if err := m.check(); err != nil { // no sender's fault
		return err
	}
	var failures []error
	for _, s := range c.o.Senders {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(failures, err)...)
		}
		err := c.try(ctx, s.Sender, m)
		if err == nil {
			c.o.Sent(s.Name)
			return nil
		}
		c.o.Failed(s.Name, err)
		failures = append(failures, fmt.Errorf("%s: %w", s.Name, err))
	}
	return errors.Join(failures...)
}

// try gives one sender its time, whether it keeps to ctx or not.
func (c *chain) try(ctx context.Context, s Sender, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- sendSafely(ctx, s, m) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(tellWithin)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return fmt.Errorf("%w: %w", ErrNoAnswer, ctx.Err())
	}
}

// sendSafely turns a panic into an error: on this goroutine nobody else would, and
// mail logins must not end because a message cannot be sent. How far the sender had
// come is not known.
func sendSafely(ctx context.Context, s Sender, m Message) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case runtime.Error: // its text holds types and indexes only
			err = fmt.Errorf("%w: the sender panicked: %w", ErrNoAnswer, p)
		default:
			err = fmt.Errorf("%w: the sender panicked", ErrNoAnswer)
		}
	}()
	return s.Send(ctx, m)
}
