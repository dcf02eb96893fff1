package bench

import (
	"context"
	"net"
	"strings"

	"github.com/latchkey-mail/latchkey/sasl/saslauthd"
)

// RunSaslauthd puts the load on a socket of saslauthd's protocol, as servers with
// Cyrus SASL do: one login on each connection, its name cut at the last "@". The
// load must be of PLAIN with one login in flight. What comes back is as of [Run].
func RunSaslauthd(ctx context.Context, o Options) (*Result, error) {
	if err := o.checkOnce(); err != nil {
		return nil, err
	}
	requests := make([]saslauthd.Request, len(o.Accounts))
	for i := range requests {
		requests[i] = saslauthdRequest(&o.Accounts[i], o.Service)
	}
	return runOnce(ctx, &o, func(ctx context.Context, nc net.Conn, account int) (verdict, error) {
		reply, err := saslauthd.Ask(ctx, nc, &requests[account])
		if err != nil {
			return undecided, err
		}
		switch reply.Outcome {
		case saslauthd.OK:
			return accepted, nil
		case saslauthd.No:
			return rejected, nil
		}
		return undecided, nil
	})
}

func saslauthdRequest(a *Account, service string) saslauthd.Request {
	r := saslauthd.Request{Login: a.name, Service: service, Password: func() string { return string(a.secret) }}
	if at := strings.LastIndexByte(a.name, '@'); at >= 0 {
		r.Login, r.Realm = a.name[:at], a.name[at+1:]
	}
	return r
}
