package dovecot

import (
	"testing"
	"time"
)

func TestRememberedRing(t *testing.T) {
	m := remembered{max: 3}
	for id := uint32(1); id <= 5; id++ {
		m.add(id, time.Time{}, id)
	}
	if _, found := m.take(2); found || len(m.ring) != 3 {
		t.Errorf("2 is still there, or the ring has %d", len(m.ring))
	}
	m.add(4, time.Time{}, "again")
	if ok, found := m.take(4); !found || ok.login != "again" {
		t.Errorf("the newest of two: %v, %t", ok, found)
	}
	m.drop(4)
	if _, found := m.take(4); found {
		t.Error("4 was dropped")
	}
	if _, found := m.take(5); !found {
		t.Error("5 is gone")
	}
	if _, found := m.take(0); found {
		t.Error("0 stands for an empty place")
	}
}
