package cli

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// garbage is how much the daemon lets come together before it collects, in
	// bytes, or as much as is in use if that is more. With as much as is in use, 5 to
	// 50 MiB, as Go has it, it collects dozens of times in a second under load, a
	// fifth of all CPU time; with several times as much it holds hundreds of MiB
	// where a million accounts log in.
	garbage = 40 << 20

	startPercent = 400 // until the first collection has shown what is in use
)

// boundGarbage sets the garbage collector's pace, and again after each collection.
func boundGarbage() {
	debug.SetGCPercent(startPercent)
	afterCollection()
}

// afterCollection waits for the end of the next one: an object that nobody keeps
// is cleaned up by it.
func afterCollection() {
	unreachable := new([16]byte) // not a tiny object, which others would keep
	runtime.AddCleanup(unreachable, func(struct{}) {
		debug.SetGCPercent(garbagePercent(heapInUse()))
		afterCollection()
	}, struct{}{})
}

// garbagePercent is garbage in percent of what is in use, 100 at least.
func garbagePercent(inUse uint64) int {
	return int(max(100, garbage*100/max(inUse, 1<<20)))
}

// heapInUse is how many bytes the last collection has left.
func heapInUse() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
