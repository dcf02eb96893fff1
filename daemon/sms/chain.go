package sms

import "time"

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

// NewChain returns a Sender that asks one sender after the other until one takes
// the message.
func NewChain(o ChainOptions) Sender { return notBuilt{} }
