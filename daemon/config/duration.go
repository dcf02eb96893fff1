package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	second = time.Second
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * time.Hour
)

// Duration is a span of time as the file writes it: "2s", "30m", "90d".
type Duration time.Duration

var errDuration = errors.New(`wants a span of time such as "2s", "30m", "12h" or "90d"`)

// ParseDuration reads what time.ParseDuration reads, and whole days ("90d",
// of 24 hours each). A negative span is an error.
func ParseDuration(s string) (Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || time.Duration(n) > math.MaxInt64/day {
			return 0, errDuration
		}
		return Duration(time.Duration(n) * day), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, errDuration
	}
	return Duration(d), nil
}

// String is what ParseDuration reads back, days where they come out even.
func (d Duration) String() string {
	span := time.Duration(d)
	if span > 0 && span%day == 0 {
		return fmt.Sprintf("%dd", span/day)
	}
	s := span.String() // "1h0m0s": drop the zero parts behind the first
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
