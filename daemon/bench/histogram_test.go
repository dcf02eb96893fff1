package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsCoverEverything(t *testing.T) {
	for i := 1; i < buckets; i++ {
		if got := bucket(upper(i-1) + 1); got != i {
			t.Fatalf("%v counts in %d, want %d", upper(i-1)+1, got, i)
		}
		if got := bucket(upper(i)); got != i {
			t.Fatalf("%v counts in %d, want %d", upper(i), got, i)
		}
	}
	if bucket(math.MaxInt64) != buckets-1 || bucket(-1) != 0 {
		t.Errorf("longest in %d, negative in %d", bucket(math.MaxInt64), bucket(-1))
	}
}

func TestQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var a, b histogram
	var all []time.Duration
	for i := range 20000 {
		d := time.Duration(math.Exp(random.Float64()*20)) + 1
		all = append(all, d)
		if i%2 == 0 {
			a.add(d)
		} else {
			b.add(d)
		}
	}
	a.merge(&b)
	slices.Sort(all)
	for _, q := range []float64{0, 0.5, 0.99, 0.999, 1} {
		exact := all[min(int(q*float64(len(all))), len(all)-1)]
		got := a.quantile(q)
		if got < exact || float64(got) > float64(exact)*(1+1.0/subBuckets)+1 {
			t.Errorf("quantile %v: %v, exactly %v", q, got, exact)
		}
	}
	if a.max != all[len(all)-1] || a.n != 20000 {
		t.Errorf("max %v, n %d", a.max, a.n)
	}
	var none histogram
	if none.quantile(0.5) != 0 {
		t.Error("nothing counted")
	}
}
