package hasher

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store/secret"
)

func frameOf(payload string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}

func TestReadFrame(t *testing.T) {
	for _, test := range []struct {
		name, in, want string
		err            error
	}{
		{"one", "\x00\x00\x00\x02ab", "ab", nil},
		{"empty", "\x00\x00\x00\x00", "", nil},
		{"end", "", "", io.EOF},
		{"cut length", "\x00\x00", "", io.ErrUnexpectedEOF},
		{"cut after length", "\x00\x00\x00\x02", "", io.ErrUnexpectedEOF},
		{"cut payload", "\x00\x00\x00\x02a", "", io.ErrUnexpectedEOF},
		{"too large", "\x00\x01\x00\x00", "", errFrameTooLarge},
		{"far too large", "\xff\xff\xff\xff", "", errFrameTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := readFrame(strings.NewReader(test.in), nil)
			if string(got) != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, test.want, test.err)
			}
		})
	}
}

// The longest job that check lets through fits into a frame.
func TestLargestJobFits(t *testing.T) {
	job := request{kind: kindMatch, stored: strings.Repeat("s", maxStored), password: secret.New(strings.Repeat("p", MaxPassword))}
	if err := job.check(); err != nil {
		t.Fatal(err)
	}
	var pipe bytes.Buffer
	if err := writeFrame(&pipe, job.appendTo(newFrame(0))); err != nil {
		t.Fatal(err)
	}
	b, err := readFrame(&pipe, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseRequest(b)
	if err != nil || got.stored != job.stored || got.password.Reveal() != job.password.Reveal() {
		t.Errorf("did not come through: %v", err)
	}
}

// What is longer than any password or stored hash is refused before a worker sees it.
func TestTooLongJob(t *testing.T) {
	c := NewCounting()
	defer c.Close()
	for _, test := range []struct{ stored, password int }{{513, 1}, {1, 1025}} {
		ticket, ok := c.Reserve(Mail, prefix(netA))
		if !ok {
			t.Fatal("no room")
		}
		_, err := ticket.Match(t.Context(), strings.Repeat("s", test.stored), secret.New(strings.Repeat("p", test.password)))
		if !errors.Is(err, ErrTooLong) || c.Matches() != 0 {
			t.Errorf("%+v: %v, %d matched", test, err, c.Matches())
		}
	}
}

func TestWriteFrameWipes(t *testing.T) {
	frame := append(newFrame(0), "secret"...)
	if err := writeFrame(io.Discard, frame); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(frame, make([]byte, len(frame))) {
		t.Errorf("left %q in memory", frame)
	}
}

func TestErrorsKeepTheirIdentity(t *testing.T) {
	for _, want := range []error{secret.ErrUnknownScheme, secret.ErrMalformedHash, secret.ErrTooCostly} {
		_, err := parseReply(appendReply(nil, kindMatch, reply{}, want))
		if !errors.Is(err, want) {
			t.Errorf("%v became %v", want, err)
		}
	}
	_, err := parseReply(appendReply(nil, kindMatch, reply{}, errors.New("else\n")))
	if err == nil || err.Error() != `hash worker: "else\n"` || errors.Is(err, errFrameMalformed) {
		t.Errorf("got %v", err)
	}
}

// Print and parse are inverse: whatever is accepted is written the same again.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("m\x00\x01$pw"))
	f.Add([]byte("h\x00\x00\x00\x08\x00\x00\x00\x01\x01pw"))
	f.Add([]byte("m\x00\x05$"))
	f.Add([]byte("h\x00"))
	f.Add([]byte("i\x00\x00\xc3\x50"))
	f.Add([]byte("i\x00"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRequest(b)
		if err != nil {
			if !errors.Is(err, errFrameMalformed) {
				t.Errorf("unexpected error %v", err)
			}
			return
		}
		if err := r.check(); err != nil {
			t.Errorf("accepted what no pool sends: %v", err)
		}
		if got := r.appendTo(nil); !bytes.Equal(got, b) {
			t.Errorf("%q became %q", b, got)
		}
	})
}

func FuzzReply(f *testing.F) {
	f.Add([]byte("y"))
	f.Add([]byte("n"))
	f.Add([]byte("h$argon2id$"))
	f.Add([]byte("e\x01text"))
	f.Add([]byte("e"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseReply(b)
		if err != nil && (r != reply{}) {
			t.Errorf("an answer %v beside the error %v", r, err)
		}
		if err == nil && r.matches && string(b) != "y" {
			t.Errorf("%q reads as a match", b)
		}
	})
}

// A worker answers every stream with hello and whole frames, and ends with it.
func FuzzServe(f *testing.F) {
	f.Add(frameOf("m\x00\x01$pw"))
	f.Add(frameOf("h\x00\x00\x00\x08\x00\x00\x00\x01\x01pw"))
	f.Add(append(frameOf("m\x00\x00"), frameOf("x")...))
	f.Add(frameOf("i\x00\x00\x00\x01"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 200 || bytes.Contains(in, []byte("argon2")) || tooDear(in) {
			t.Skip("hashing is not what is fuzzed here")
		}
		var out bytes.Buffer
		_ = serve(bytes.NewReader(in), &out, zeros{})
		b, err := readFrame(&out, nil)
		if err != nil || string(b) != hello {
			t.Fatalf("hello %q, %v", b, err)
		}
		for {
			b, err := readFrame(&out, nil)
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parseReply(b); errors.Is(err, errFrameMalformed) {
				t.Fatalf("reply %q", b)
			}
		}
	})
}

// tooDear holds if a job in the stream asks for more than a few KiB or a
// millisecond's rest.
func tooDear(in []byte) bool {
	r := bytes.NewReader(in)
	for {
		b, err := readFrame(r, nil)
		if err != nil {
			return false
		}
		if job, err := parseRequest(b); err == nil && (job.cost.MemoryKiB > 64 || job.cost.Time > 3 || job.idle > time.Millisecond) {
			return true
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
