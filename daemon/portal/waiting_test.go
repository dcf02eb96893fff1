package portal

import (
	"net/netip"
	"testing"
)

func TestWaiting(t *testing.T) {
	q := newWaiting(3, 2)
	one, two := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	leave, room := q.enter(one)
	if !room {
		t.Fatal("no room at first")
	}
	if _, room = q.enter(one); !room {
		t.Error("no room for a second of one place")
	}
	if _, room = q.enter(one); room {
		t.Error("room for a third of one place")
	}
	if _, room = q.enter(two); !room {
		t.Error("one place shut out another")
	}
	if _, room = q.enter(two); room {
		t.Error("room for a fourth in all")
	}
	leave()
	if _, room = q.enter(two); !room {
		t.Error("no room although one has left")
	}
	if q.all != 3 || q.count[one] != 1 || q.count[two] != 2 {
		t.Errorf("%d waiting: %v", q.all, q.count)
	}
}
