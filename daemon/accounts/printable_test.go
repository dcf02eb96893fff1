package accounts

import (
	"testing"
	"unicode"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"Alice's phone": "Alice's phone", "打印机 📱": "打印机 📱", "می\u200cخواهم": "می\u200cخواهم",
		"a\x1b[31mb": "a?[31mb", "a\nb\tc": "a?b?c", "a\u202eb": "a?b", "a\u2028b": "a?b", "a\u2029b": "a?b",
		"a\xffb": "a?b", "a\ufffdb": "a?b", "a\u009b31mb": "a?31mb", "a\x7fb": "a?b", "a\u200bb": "a?b", "a\ue000b": "a?b",
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q -> %q, want %q", in, got, want)
		}
	}
	for r := range rune(unicode.MaxRune) {
		if (unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r)) && IsPrintable(r) {
			t.Errorf("%U is printable", r)
		}
	}
}
