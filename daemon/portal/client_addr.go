package portal

import (
	"net/http"
	"net/netip"
	"strings"
)

// maxForwarded bounds how many hops of X-Forwarded-For are looked at.
const maxForwarded = 16

// clientAddr is the address that a request comes from. X-Forwarded-For is
// believed only as far as trusted proxies have written it: from the right, the
// first address that is no trusted proxy is the browser's. The zero Addr means
// that none is known.
func (s *Server) clientAddr(r *http.Request) netip.Addr {
	addr := hostAddr(r.RemoteAddr)
	hops := forwarded(r)
	for range maxForwarded {
		if !s.trusts(addr) || len(hops) == 0 {
			return addr
		}
		addr = hostAddr(hops[len(hops)-1])
		hops = hops[:len(hops)-1]
	}
	return addr
}

// trusts says whether addr is that of a trusted proxy.
func (s *Server) trusts(addr netip.Addr) bool {
	return s.Config().Portal.Trusts(addr)
}

// forwarded is what X-Forwarded-For names, the last hop last.
func forwarded(r *http.Request) []string {
	all := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	if all == "" {
		return nil
	}
	return strings.Split(all, ",")
}

// hostAddr reads an address with or without a port.
func hostAddr(text string) netip.Addr {
	text = strings.TrimSpace(text)
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}
