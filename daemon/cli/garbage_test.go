package cli

import (
	"runtime"
	"runtime/metrics"
	"testing"
)

func TestGarbagePercent(t *testing.T) {
	for inUse, want := range map[uint64]int{0: 4000, 5 << 20: 800, 20 << 20: 200, 40 << 20: 100, 56 << 20: 100, 64 << 20: 75, 75 << 20: 50, 112 << 20: 50, 1 << 30: 50} {
		if got := garbagePercent(inUse); got != want {
			t.Errorf("%d bytes in use: %d percent, want %d", inUse, got, want)
		}
	}
}

// TestBoundGarbage holds a good deal, and the pace follows: again after each
// collection, not after the first alone.
func TestBoundGarbage(t *testing.T) {
	boundGarbage() // for the rest of this package's tests, too
	pace := func() int {
		sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(sample)
		return int(sample[0].Value.Uint64())
	}
	settle := func(good func(int) bool) {
		t.Helper()
		for range 1000 {
			runtime.GC()
			if good(pace()) {
				return
			}
		}
		t.Errorf("%d percent", pace())
	}
	var much []byte
	for range 2 {
		settle(func(percent int) bool { return percent > 101 && percent != startPercent })
		much = make([]byte, 2*garbage)
		settle(func(percent int) bool { return percent == 50 })
		runtime.KeepAlive(much)
		much = nil
	}
}
