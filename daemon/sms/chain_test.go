package sms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// senderFunc is a Sender for tests.
type senderFunc func(context.Context, Message) error

func (f senderFunc) Send(ctx context.Context, m Message) error { return f(ctx, m) }

func sends(context.Context, Message) error { return nil }

func TestChain(t *testing.T) {
	refuses := errors.New("refuses")
	fails := func(context.Context, Message) error { return refuses }
	waits := func(ctx context.Context, _ Message) error { <-ctx.Done(); return ctx.Err() }
	var released chan struct{} // at a test's end
	hangs := func(context.Context, Message) error { <-released; return nil }
	panics := func(_ context.Context, m Message) error { panic("code " + string(m.Code[:])) }
	slips := func(_ context.Context, m Message) error { return []error{}[m.Minutes] }
	const each = 10 * time.Second
	const silent = each + tellWithin // one that does not say that it has ended
	unreached := func(ctx context.Context, _ Message) error {
		<-ctx.Done()
		return fmt.Errorf("%w: %w", ErrUnreached, ctx.Err())
	}
	for name, tt := range map[string]struct {
		senders []senderFunc
		calls   string // names of who was told: the failed, then who sent
		took    time.Duration
		kinds   []error
	}{
		"first":                 {[]senderFunc{sends, fails}, "a", 0, nil},
		"second":                {[]senderFunc{fails, sends, fails}, "-a b", 0, nil},
		"hanging is left":       {[]senderFunc{hangs, sends}, "-a b", silent, nil},
		"waiting is left":       {[]senderFunc{waits, hangs, sends}, "-a -b c", each + silent, nil},
		"panicking is passed":   {[]senderFunc{panics, slips, sends}, "-a -b c", 0, nil},
		"all fail":              {[]senderFunc{fails, hangs}, "-a -b", silent, []error{refuses, ErrNoAnswer, context.DeadlineExceeded}},
		"all panic":             {[]senderFunc{panics, slips}, "-a -b", 0, []error{ErrNoAnswer}},
		"none reached":          {[]senderFunc{unreached, fails}, "-a -b", each, []error{ErrUnreached, refuses}},
		"not reached is left":   {[]senderFunc{unreached, sends}, "-a b", each, nil},
		"one may have sent":     {[]senderFunc{unreached, hangs, unreached}, "-a -b -c", each + silent + each, []error{ErrNoAnswer, ErrUnreached}},
		"nobody":                {nil, "", 0, nil},
		"the same sender twice": {[]senderFunc{fails, fails}, "-a -b", 0, []error{refuses}},
	} {
		synctest.Test(t, func(t *testing.T) {
			released = make(chan struct{})
			defer close(released)
			var calls []string
			o := ChainOptions{
				Sent: func(name string) { calls = append(calls, name) },
				Failed: func(name string, err error) {
					calls = append(calls, "-"+name)
					tellsNothing(t, err.Error())
				},
			}
			for i, s := range tt.senders {
				o.Senders = append(o.Senders, Named{string(rune('a' + i)), s})
			}
			begun := time.Now()
			err := NewChain(o).Send(context.Background(), message())
			if got := strings.Join(calls, " "); got != tt.calls || time.Since(begun) != tt.took {
				t.Errorf("%s: told %q after %v, want %q after %v", name, got, time.Since(begun), tt.calls, tt.took)
			}
			sent := slices.ContainsFunc(calls, func(s string) bool { return s[0] != '-' })
			if (err == nil) != sent {
				t.Errorf("%s: %v", name, err)
			}
			for _, kind := range tt.kinds {
				failed(t, err, kind)
			}
			if !slices.Contains(tt.kinds, ErrNoAnswer) {
				neverLeft(t, err)
			}
		})
	}
}

func TestChainNamesWhoFailed(t *testing.T) {
	fails := senderFunc(func(context.Context, Message) error { return ErrRefused })
	err := NewChain(ChainOptions{Senders: []Named{{"one", fails}, {"two", fails}}}).Send(context.Background(), message())
	if err == nil || err.Error() != "one: sms: not accepted\ntwo: sms: not accepted" {
		t.Errorf("got %v", err)
	}
}

// A person who has left is sent nothing by the next sender.
func TestChainEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		leaves := senderFunc(func(ctx context.Context, _ Message) error { cancel(); <-ctx.Done(); return ctx.Err() })
		asked := false
		next := senderFunc(func(context.Context, Message) error { asked = true; return nil })
		err := NewChain(ChainOptions{Senders: []Named{{"one", leaves}, {"two", next}}}).Send(ctx, message())
		failed(t, err, context.Canceled)
		synctest.Wait()
		if asked {
			t.Error("the next sender was asked")
		}
	})
}

// What is no message is the fault of no sender.
func TestChainChecksFirst(t *testing.T) {
	c := NewChain(ChainOptions{Senders: []Named{{"one", senderFunc(sends)}}, Failed: func(name string, _ error) { t.Errorf("%s failed", name) }})
	m := message()
	m.To += ","
	failed(t, c.Send(context.Background(), m), ErrMessage)
}
