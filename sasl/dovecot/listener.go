package dovecot

import "net/netip"

// ListenerOptions say what the clients of a listener are and what of their words
// counts. The zero value is a KindClient listener whose clients are believed, as
// fits a unix socket that only mail servers can open.
type ListenerOptions struct {
	Kind Kind
	// DistrustRIP takes the addresses and ports out of every Auth: all requests of
	// the listener then seem to come from one place, which has no address. Whoever
	// may name the address itself escapes every limit that counts by address.
	DistrustRIP bool
	// IgnoreNoPenalty takes NoPenalty out of every Auth.
	IgnoreNoPenalty bool
}

// disbelieve takes out of an AUTH what its listener does not believe.
func (o *ListenerOptions) disbelieve(a *Auth) {
	if o.DistrustRIP {
		a.LocalIP, a.RemoteIP, a.RealLocalIP, a.RealRemoteIP = netip.Addr{}, netip.Addr{}, netip.Addr{}, netip.Addr{}
		a.LocalPort, a.RemotePort, a.RealLocalPort, a.RealRemotePort = 0, 0, 0, 0
	}
	if o.IgnoreNoPenalty {
		a.NoPenalty = false
	}
}
