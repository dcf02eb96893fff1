package accounts

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/latchkey-mail/latchkey/store"
)

// maxSessions is how many sessions an account has at most that wait for a code,
// and how many others.
const maxSessions = 50

// makeRoom removes sessions that ended by themselves, and keeps those few that
// have come as far as this one. Sessions that a main password alone has made have
// room of their own: who has stolen one pushes nobody out who is inside.
func (o *own) makeRoom() error {
	all, err := intact(o.Sessions(o.account.ID))
	if err != nil {
		return err
	}
	var rivals []store.Session
	for _, record := range all {
		switch {
		case record.ID == o.session.ID:
		case o.s.over(record, o.now):
			if err := o.DeleteSession(o.account.ID, record.ID); err != nil {
				return err
			}
		case waits(record) == waits(o.session):
			rivals = append(rivals, record)
		}
	}
	for len(rivals) >= maxSessions {
		i := o.s.leastWanted(rivals)
		if err := o.DeleteSession(o.account.ID, rivals[i].ID); err != nil {
			return err
		}
		rivals = slices.Delete(rivals, i, i+1)
	}
	return nil
}

// waits tells whether nothing but the main password was given in a session.
func waits(record store.Session) bool { return record.Stage == store.StageCode }

// leastWanted is which of several sessions is given up. None is refused its
// beginning, or a thief with the main password could keep the owner out; so one
// has to go, and it must not be the owner's, who is looking for the phone while a
// thief signs in over and over. Those of browsers that were inside before stay
// longest; of the others one goes of the network that has most of them, and of
// those the oldest.
func (s *Service) leastWanted(of []store.Session) int {
	held := make(map[netip.Prefix]int)
	for _, record := range of {
		held[s.network(record.Addr)]++
	}
	least := 0
	for i := range of {
		if s.lessWanted(of[i], of[least], held) {
			least = i
		}
	}
	return least
}

func (s *Service) lessWanted(a, b store.Session, held map[netip.Prefix]int) bool {
	return cmp.Or(
		cmp.Compare(a.Stage, b.Stage),
		cmp.Compare(rank(a), rank(b)),
		cmp.Compare(held[s.network(b.Addr)], held[s.network(a.Addr)]),
		a.Made.Compare(b.Made),
	) < 0
}

// rank is higher for a browser that is a device of the account.
func rank(record store.Session) int {
	if record.Device.IsZero() {
		return 0
	}
	return 1
}

// network is what an address is counted with.
func (s *Service) network(addr netip.Addr) netip.Prefix {
	if s.Network == nil {
		return netip.PrefixFrom(addr, addr.BitLen())
	}
	return s.Network(addr)
}
