package accounts

import (
	"errors"
	"regexp"
	"testing"
)

func TestMobileNumber(t *testing.T) {
	for typed, want := range map[string]string{
		"13812345678":       "+8613812345678",
		"138 1234 5678":     "+8613812345678",
		"+86 138-1234-5678": "+8613812345678",
		"008613812345678":   "+8613812345678",
		"１３８１２３４５６７８":       "+8613812345678",
		"＋８６　１３８１２３４５６７８": "+8613812345678",
		"+852 9123 4567":        "+85291234567",
		"+1 (201) 555-0123":     "+12015550123",
		"+49 1512 3456789":      "+4915123456789",
		"+8613812345678x":       "",
		"+8613812345678;ext=1":  "",
		"tel:+8613812345678":    "",
		"+86 10 6255 2288":      "", // a landline in Beijing
		"1381234567":            "",
		"138123456789":          "",
		"":                      "",
		"+":                     "",
		"110":                   "",
		"+8613812345678 +":      "",
		"1-800-FLOWERS":         "",
		"+86138\u202e12345678":  "",
		"+999 138 1234 5678":    "",
		"+86 138 1234 5678\x00": "",
	} {
		got, err := mobileNumber(typed)
		if got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, ErrNumber) {
			t.Errorf("%q -> %q, %v; want %q", typed, got, err, want)
		}
	}
}

func FuzzMobileNumber(f *testing.F) {
	for _, s := range []string{"13812345678", "+86 138-1234-5678", "００８６１３８１２３４５６７８", "+1 (201) 555-0123", "+8613812345678x", "++86", "(((", "+86.138.1234.5678"} {
		f.Add(s)
	}
	e164 := regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	f.Fuzz(func(t *testing.T, typed string) {
		got, err := mobileNumber(typed)
		if err != nil {
			return
		}
		if !e164.MatchString(got) {
			t.Errorf("%q -> %q", typed, got)
		}
		if again, err := mobileNumber(got); err != nil || again != got {
			t.Errorf("%q -> %q -> %q, %v", typed, got, again, err)
		}
	})
}
