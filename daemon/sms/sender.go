// Package sms sends codes to phones. A [Sender] takes one [Message] and says
// whether somebody has taken charge of it; [NewHTTP] speaks to any gateway that
// takes an HTTP request, [NewAliyun] and [NewTencent] to two carriers' interfaces,
// [NewChain] asks several senders one after the other, and [Console] shows
// messages instead of sending them.
//
// A code is worth as much as the password beside it, and a number is personal:
// no error of this package holds a code, a number, a secret, a URL's query, or
// anything of a gateway's answer but its status and the letters of its error
// code. Nothing here logs. Secrets are read from their files for every message,
// so that they can be replaced at any time.
//
// Requests go straight to the configured host: no redirect is followed, no proxy
// of the environment is asked, and http:// reaches other hosts than this one only
// where the configuration says so.
package sms

import (
	"context"
	"errors"
)

// Sender sends a message. No error means that a gateway took it, not that it
// arrived. An error that is [ErrNoAnswer] means that it may have left all the same;
// any other, that it did not. Send keeps to ctx and may be called at the same time.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Why a message was not sent. What went wrong before a gateway was asked is
// neither.
var (
	ErrUnreached = errors.New("sms: not reached")  // no connection came about, so that nothing was sent
	ErrNoAnswer  = errors.New("sms: no answer")    // it was asked, and its answer came too late, broke off or is not HTTP
	ErrRefused   = errors.New("sms: not accepted") // the gateway answered, and did not take it
)
