package dovecot

import "time"

// remembered are the last OKs of one connection, for REQUEST: a ring, because an
// unbounded map would let one busy login process, or one that never hands its
// logins on, take all memory. A REQUEST follows its OK within milliseconds, so
// the search begins at the newest.
type remembered struct {
	ring   []rememberedOK // grown as needed up to max, then overwritten
	next   int            // where the newest goes once the ring is full
	lastID uint32         // the highest id ever added
	max    int
}

type rememberedOK struct {
	id    uint32 // 0: taken out
	at    time.Time
	login any
}

func (m *remembered) add(id uint32, at time.Time, login any) {
	m.lastID = max(m.lastID, id)
	entry := rememberedOK{id, at, login}
	if len(m.ring) < m.max {
		m.ring = append(m.ring, entry)
		return
	}
	m.ring[m.next] = entry
	if m.next++; m.next == len(m.ring) {
		m.next = 0
	}
}

// take removes and returns the newest entry of that id: each OK opens one session.
func (m *remembered) take(id uint32) (rememberedOK, bool) {
	if id == 0 || id > m.lastID {
		return rememberedOK{}, false
	}
	i := m.next
	for range m.ring {
		if i--; i < 0 {
			i = len(m.ring) - 1
		}
		if entry := m.ring[i]; entry.id == id {
			m.ring[i] = rememberedOK{}
			return entry, true
		}
	}
	return rememberedOK{}, false
}

// drop takes out all entries of that id: it was cancelled, or is being used anew.
// Ids count up, so for a new request there is nearly always nothing to search.
func (m *remembered) drop(id uint32) {
	for {
		if _, found := m.take(id); !found {
			return
		}
	}
}
