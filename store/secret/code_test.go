package secret

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
)

// TestCodeKnownAnswers freezes how a code follows from its challenge: codes on
// their way during an upgrade stay valid. testdata/known_answers.py computed them.
func TestCodeKnownAnswers(t *testing.T) {
	k := newKeys(t, sequence())
	for challenge, want := range map[[16]byte]string{
		[16]byte(bytes.Repeat([]byte{0}, 16)): "373432",
		[16]byte(bytes.Repeat([]byte{1}, 16)): "403527",
		[16]byte(bytes.Repeat([]byte{2}, 16)): "455712",
		[16]byte(bytes.Repeat([]byte{3}, 16)): "637131",
		{14: 2576 >> 8, 15: 2576 & 0xff}:      "000395", // zeros in front stay
	} {
		if got := k.Code(challenge); string(got[:]) != want {
			t.Errorf("code of %x is %s, not %s", challenge, got, want)
		}
	}
	if k.Code([16]byte{1}) == newKeys(t, [32]byte{1}).Code([16]byte{1}) {
		t.Error("another key gives the same code")
	}
}

// TestCodeEven bounds chi-square over the thousand leading halves and the
// thousand trailing halves of 600,000 codes: with 999 degrees of freedom it
// exceeds 1144 once in a thousand. Three bytes modulo 1,000,000 give about 1,300.
func TestCodeEven(t *testing.T) {
	k := newKeys(t, [32]byte{7})
	const codes, cells = 600_000, 1000
	var leading, trailing [cells]int
	for i := range codes {
		var challenge [16]byte
		binary.BigEndian.PutUint32(challenge[:], uint32(i))
		code := k.Code(challenge)
		n := 0
		for _, c := range code {
			if c < '0' || c > '9' {
				t.Fatalf("code %q", code)
			}
			n = n*10 + int(c-'0')
		}
		leading[n/cells]++
		trailing[n%cells]++
	}
	for name, counts := range map[string][cells]int{"leading": leading, "trailing": trailing} {
		chi := 0.0
		for _, n := range counts {
			chi += math.Pow(float64(n)-codes/cells, 2) / (codes / cells)
		}
		if chi > 1144 {
			t.Errorf("chi-square %.0f: the %s digits are not even", chi, name)
		}
	}
}
