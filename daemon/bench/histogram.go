package bench

import (
	"math/bits"
	"time"
)

// A histogram's buckets double in width with each power of two, and each power
// of two has subBuckets of them: a quantile is at most 1/32 too high.
const (
	subBits    = 5
	subBuckets = 1 << subBits
	buckets    = (64 - subBits) * subBuckets
)

// histogram counts durations. It has a fixed size and adding one allocates
// nothing.
type histogram struct {
	count [buckets]uint64
	n     uint64
	max   time.Duration
}

// bucket returns where a duration is counted: below subBuckets nanoseconds each
// has its own, above that the first subBits+1 digits decide.
func bucket(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return shift<<subBits + int(v>>shift)
}

// upper returns the longest duration that bucket i counts.
func upper(i int) time.Duration {
	if i < subBuckets {
		return time.Duration(i)
	}
	shift := i>>subBits - 1
	return time.Duration((uint64(i)-uint64(shift)<<subBits+1)<<shift - 1)
}

func (h *histogram) add(d time.Duration) {
	h.count[bucket(d)]++
	h.n++
	h.max = max(h.max, d)
}

// merge adds what another one counted.
func (h *histogram) merge(other *histogram) {
	for i, n := range other.count {
		h.count[i] += n
	}
	h.n += other.n
	h.max = max(h.max, other.max)
}

// quantile returns the duration that a share of q, 0 to 1, did not exceed; zero
// if nothing was counted.
func (h *histogram) quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.n))
	var seen uint64
	for i, n := range h.count {
		if seen += n; n > 0 && (seen > rank || seen == h.n) {
			return min(upper(i), h.max)
		}
	}
	return 0
}
