package cli

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// garbage is how much the daemon lets come together before it collects, in
	// bytes, or as much as is in use if that is more, up to heapMost. With as much as
	// is in use, 5 to 50 MiB, as Go has it, it collects dozens of times in a second
	// under load, a fifth of all CPU time; with several times as much it holds
	// hundreds of MiB where a million accounts log in.
	garbage = 40 << 20

	// heapMost is where a heap with its garbage ends, while half of what is in use
	// has room below it: under full load some 10 MiB more come while it is collected.
	heapMost = 112 << 20

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

// garbagePercent is how much garbage there may be, in percent of what is in use.
func garbagePercent(inUse uint64) int {
	inUse = max(inUse, 1<<20)
	may := max(garbage, inUse)
	if inUse+may > heapMost {
		may = max(inUse/2, heapMost-min(inUse, heapMost))
	}
	return int(may * 100 / inUse)
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
