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
// arrived. After an error, [MayHaveLeft] says whether it may have left all the same.
// Send keeps to ctx and may be called at the same time.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Why a message was not sent. What went wrong before a gateway was asked is
// neither.
var (
	ErrUnreached = errors.New("sms: not reached")  // no connection came about, so that nothing was sent
	ErrNoAnswer  = errors.New("sms: no answer")    // it was asked, and its answer came too late, broke off or is not HTTP
	ErrUnclear   = errors.New("sms: unclear")      // the answer does not tell: its status is a 5xx, or it is not of the gateway's form
	ErrRefused   = errors.New("sms: not accepted") // the gateway answered, and did not take it
)

// MayHaveLeft says whether a message that was not sent, says the error, may have
// left: who was asked did not say that it took it, nor that it did not.
func MayHaveLeft(err error) bool { return errors.Is(err, ErrNoAnswer) || errors.Is(err, ErrUnclear) }

// notTaken is what an answer with that status comes to that does not say "taken".
// The gateway, or what stands before it, may have got stuck after the message had
// gone (RFC 9110 section 15.6): a 5xx is no refusal.
func notTaken(status int) error {
	if status >= 500 {
		return ErrUnclear
	}
	return ErrRefused
}
