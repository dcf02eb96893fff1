package dovecot_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// The transcripts in testdata/transcripts are read like a session's log. TABs are
// TABs, other odd bytes are written as in a Go string.
//
//	C: / S:   client and server on a client socket (L: / S: on a login one)
//	M: / A:   post-login process and server on a master socket (U: / A: on a userdb one)
//	C: (shuts its write side)
//	S: (end of stream)     nothing but the end follows
//
// Neighbouring C: lines leave in one write. {cookie} and {pid} stand for the
// server's cookie and for this process, {hello} for a whole handshake of the
// server (to minor 3 and up, if on a login socket), {16384} for what fills the line up to that many bytes.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			playTranscript(t, string(text))
		})
	}
}

// stream is one connection of a transcript.
type stream struct {
	path string
	nc   *net.UnixConn
	in   *bufio.Reader
	out  []byte // not yet written
}

type player struct {
	t       *testing.T
	streams map[byte]*stream
	client  byte // the stream that S: reads from
	asking  byte // the stream that A: reads from
	cookie  string
}

func playTranscript(t *testing.T, text string) {
	log := new(logBuffer)
	s := &dovecot.Server{Mechanisms: transcriptMechanisms, SPID: 4711, Log: log.logger(), Backend: script{}, Master: scriptMaster{}}
	p := &player{t: t, client: 'C', streams: map[byte]*stream{
		'C': {path: serve(t, s, dovecot.KindClient)},
		'L': {path: serve(t, s, dovecot.KindLogin)},
		'M': {path: serve(t, s, dovecot.KindMaster)},
		'U': {path: serve(t, s, dovecot.KindUserdb)},
	}}
	ended := false
	for n, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		who, what, ok := strings.Cut(line, ": ")
		if !ok || len(who) != 1 {
			t.Fatalf("line %d: cannot read %q", n+1, line)
		}
		if ended = p.step(who[0], what); t.Failed() {
			t.Fatalf("line %d of the transcript\nlog:\n%s", n+1, log.String())
		}
	}
	if !ended {
		t.Fatal("the transcript does not end with (end of stream)")
	}
	if secret := regexp.MustCompile(`cmlnaHQ|d3Jvbmc|right|wrong|bGF0ZXI`).FindString(log.String()); secret != "" {
		t.Errorf("the log shows %q:\n%s", secret, log.String())
	}
}

// step plays one line and says whether it was the end of a stream.
func (p *player) step(who byte, what string) bool {
	switch who {
	case 'C', 'L':
		p.client = who
		p.say(p.streams[who], what)
	case 'M', 'U':
		p.asking = who
		p.say(p.streams[who], what)
	case 'S':
		return p.hear(p.streams[p.client], what)
	case 'A':
		return p.hear(p.streams[p.asking], what)
	default:
		p.t.Errorf("who is %c?", who)
	}
	return false
}

func (p *player) connect(s *stream) {
	if s.nc != nil {
		return
	}
	nc := dialConn(p.t, s.path)
	s.nc, s.in = nc.(*net.UnixConn), bufio.NewReader(nc)
}

func (p *player) say(s *stream, what string) {
	p.connect(s)
	if what == "(shuts its write side)" {
		p.flush(s)
		if err := s.nc.CloseWrite(); err != nil {
			p.t.Error(err)
		}
		return
	}
	s.out = append(append(s.out, p.expand(what)...), '\n')
}

func (p *player) flush(s *stream) {
	if len(s.out) == 0 {
		return
	}
	if _, err := s.nc.Write(s.out); err != nil {
		p.t.Error(err)
	}
	s.out = nil
}

func (p *player) hear(s *stream, what string) bool {
	p.connect(s)
	p.flush(s)
	if what == "(end of stream)" {
		rest, err := io.ReadAll(s.in)
		if len(rest) > 0 || err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
			p.t.Errorf("want the end of the stream, got %q, %v", rest, err)
		}
		return true
	}
	if what == "{hello}" {
		version, binding := "VERSION\t1\t2", []string(nil)
		if p.client == 'L' {
			version, binding = "VERSION\t1\t4", []string{"MECH\tSCRAM-SHA-256-PLUS\tmutual-auth\tchannel-binding"}
		}
		lines := []string{version, "MECH\tPLAIN\tplaintext", "MECH\tLOGIN\tplaintext", "MECH\tSCRAM-SHA-256\tmutual-auth", "MECH\tEXTERNAL"}
		lines = append(append(lines, binding...), "SPID\t4711", "CUID\t1", "COOKIE\t{cookie}", "DONE")
		for _, line := range lines {
			p.hear(s, line)
		}
		return false
	}
	got, err := s.in.ReadString('\n')
	if err != nil {
		p.t.Errorf("want %q, got %q, %v", what, got, err)
		return false
	}
	got = strings.TrimSuffix(got, "\n")
	if cookie, ok := strings.CutPrefix(got, "COOKIE\t"); ok {
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(cookie) {
			p.t.Errorf("cookie %q", cookie)
		}
		p.cookie = cookie
	}
	if want := p.expand(what); got != want {
		p.t.Errorf("want %q, got %q", want, got)
	}
	return false
}

func (p *player) expand(what string) string {
	what = strings.ReplaceAll(what, "{cookie}", p.cookie)
	what = strings.ReplaceAll(what, "{pid}", strconv.Itoa(os.Getpid()))
	for _, length := range []int{16384, 16385} {
		mark := fmt.Sprintf("{%d}", length)
		if before, after, found := strings.Cut(what, mark); found {
			what = before + strings.Repeat("x", length-len("\n")-len(before)-len(after)) + after
		}
	}
	if !strings.Contains(what, `\`) {
		return what
	}
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(what, `"`, `\"`) + `"`)
	if err != nil {
		p.t.Fatalf("cannot read %q: %v", what, err)
	}
	return s
}

func manyMechanisms() []dovecot.Mechanism {
	return append(plainOnly(), dovecot.Mechanism{Name: "SCRAM-SHA-256", Flags: []string{"mutual-auth"}})
}

// transcriptMechanisms has the one with channel binding in front: it is listed last.
func transcriptMechanisms() []dovecot.Mechanism {
	plus := dovecot.Mechanism{Name: "SCRAM-SHA-256-PLUS", Flags: []string{"mutual-auth"}, ChannelBinding: true}
	return append([]dovecot.Mechanism{plus}, append(manyMechanisms(), dovecot.Mechanism{Name: "EXTERNAL"})...)
}

// sentence is what a refused person reads.
const sentence = "Use an app password: https://mail.example/"

// script is a back end that does what the password says.
type script struct{}

func (script) Auth(r *dovecot.Request) {
	switch {
	case r.Mechanism == "SCRAM-SHA-256-PLUS" && strings.HasPrefix(string(r.Initial), "p=tls-unique"):
		r.State = "early" // asks before its first message
		r.ChallengeBinding(nil, "tls-unique")
	case r.Mechanism == "SCRAM-SHA-256-PLUS":
		r.ChallengeBinding([]byte("r=nonce,s=salt,i=4096"), "tls-exporter")
	case r.Mechanism == "EXTERNAL":
		r.OK(dovecot.OK{User: "u@example", Fields: []dovecot.Field{{Key: "facts", Value: facts(r)}}})
	case r.Mechanism == "SCRAM-SHA-256" && r.Initial != nil:
		r.Challenge([]byte("r=nonce,s=salt,i=4096"))
	case r.Mechanism == "PLAIN" && len(r.Initial) > 0:
		script{}.plain(r, r.Initial)
	case r.Mechanism == "LOGIN" && len(r.Initial) > 0:
		r.State = string(r.Initial)
		r.Challenge([]byte("Password:"))
	case r.Mechanism == "LOGIN":
		r.Challenge([]byte("Username:"))
	default:
		r.Challenge(nil)
	}
}

func (script) Continue(r *dovecot.Request, response []byte) {
	name, named := r.State.(string)
	switch {
	case r.Mechanism == "SCRAM-SHA-256-PLUS" && r.Binding != nil && r.State == "early" && response == nil:
		r.State = string(r.Binding)
		r.Challenge([]byte("r=nonce,s=salt,i=4096"))
	case r.Mechanism == "SCRAM-SHA-256-PLUS" && (r.Binding != nil || r.State != nil):
		binding := fmt.Sprintf("%v,%s", r.State, r.Binding)
		r.OK(dovecot.OK{User: "u@example", Fields: []dovecot.Field{{Key: "bound", Value: binding}}, Final: []byte("v=proof"), Login: "u@example"})
	case r.Mechanism == "SCRAM-SHA-256-PLUS":
		r.Fail(dovecot.Fail{Reason: "no channel binding"})
	case r.Mechanism == "SCRAM-SHA-256":
		r.OK(dovecot.OK{User: "u@example", Final: []byte("v=proof"), Login: "u@example"})
	case r.Mechanism == "PLAIN":
		script{}.plain(r, response)
	case !named:
		r.State = string(response)
		r.Challenge([]byte("Password:"))
	default:
		script{}.decide(r, name, string(response))
	}
}

func (script) plain(r *dovecot.Request, message []byte) {
	parts := strings.Split(string(message), "\x00")
	if len(parts) != 3 {
		r.Fail(dovecot.Fail{Reason: sentence})
		return
	}
	script{}.decide(r, parts[1], parts[2])
}

func (script) decide(r *dovecot.Request, name, password string) {
	switch password {
	case "right":
		r.OK(dovecot.OK{User: name, Fields: []dovecot.Field{{Key: "user_apw", Value: "0123456789abcdef"}}, Login: name})
	case "facts":
		r.OK(dovecot.OK{User: name, Fields: []dovecot.Field{{Key: "facts", Value: facts(r)}}})
	case "nologin":
		r.OK(dovecot.OK{User: name, Fields: []dovecot.Field{{Key: "nologin"}, {Key: "reason", Value: "bad\tday\n"}}})
	case "later":
		r.Fail(dovecot.Fail{User: name, Reason: sentence, At: r.Received.Add(100 * time.Millisecond)})
	case "authz":
		r.Fail(dovecot.Fail{User: name, Code: dovecot.AuthzFail, Reason: sentence})
	case "odd":
		r.Fail(dovecot.Fail{User: "u\t\x01@example", Reason: "l\xc3\xb6rem\tipsum\r\n" + strings.Repeat("x", 500)})
	case "down":
		r.TemporaryFailure("", time.Time{})
	case "never":
	case "panic":
		panic("right")
	case "twice":
		r.Fail(dovecot.Fail{User: name, Reason: sentence})
		r.OK(dovecot.OK{User: name})
		r.Drop(time.Time{})
	case "many":
		r.OK(dovecot.OK{User: name, Fields: make([]dovecot.Field, 14)})
	default:
		r.Fail(dovecot.Fail{User: name, Reason: sentence})
	}
}

// facts writes down all that the library understood of an AUTH line.
func facts(r *dovecot.Request) string {
	return fmt.Sprintf("%s %s sec=%t,%t l=%v:%d r=%v:%d real=%v:%d,%v:%d session=%q id=%q name=%q nopen=%t final=%t cert=%t minor=%d",
		r.Mechanism, r.Service, r.Secured, r.TLS, r.LocalIP, r.LocalPort, r.RemoteIP, r.RemotePort,
		r.RealLocalIP, r.RealLocalPort, r.RealRemoteIP, r.RealRemotePort,
		r.Session, r.ClientID, r.LocalName, r.NoPenalty, r.FinalRespOK, r.ValidClientCert, r.Minor)
}

// scriptMaster finds users by what their name begins with.
type scriptMaster struct{}

func (scriptMaster) Request(_ context.Context, login any, q *dovecot.LoginQuery) dovecot.UserReply {
	return lookUp(login.(string))
}

func (scriptMaster) User(_ context.Context, q *dovecot.UserQuery) dovecot.UserReply {
	return lookUp(q.User)
}

func (scriptMaster) Pass(_ context.Context, q *dovecot.UserQuery) dovecot.UserReply {
	reply := lookUp(q.User)
	if reply.Outcome == dovecot.Found && len(reply.Fields) > 1 {
		reply.Fields = []dovecot.Field{{Key: "proxy_maybe"}, {Key: "host", Value: "192.0.2.2"}}
	}
	if strings.HasPrefix(q.User, "giveaway") {
		reply.Fields = append(reply.Fields, dovecot.Field{Key: "Password_noscheme", Value: "right"})
	}
	return reply
}

// List names four users; a mask that is one word has it go wrong.
func (scriptMaster) List(_ context.Context, q *dovecot.ListQuery, yield func(string) bool) error {
	trouble := q.Mask
	switch trouble {
	case "fail", "panic":
		q.Mask = "" // it is the script's own
		yield("a@example")
		if trouble == "panic" {
			panic("right")
		}
		return errors.New("store down")
	case "long":
		q.Mask = ""
		yield(strings.Repeat("x", 8192))
		return nil
	}
	for _, user := range []string{"a@example", "B@example", "tab\tbed@example", "ab@other"} {
		if !yield(user) {
			break
		}
	}
	return nil
}

func lookUp(name string) dovecot.UserReply {
	switch {
	case strings.HasPrefix(name, "down"):
		return dovecot.UserReply{Reason: "store\tdown"}
	case strings.HasPrefix(name, "none"):
		return dovecot.UserReply{Outcome: dovecot.NotFound}
	case strings.HasPrefix(name, "panic"):
		panic("right")
	case strings.HasPrefix(name, "long"):
		return dovecot.UserReply{Outcome: dovecot.Found, User: name, Fields: []dovecot.Field{{Key: "x", Value: strings.Repeat("x", 8192)}}}
	}
	return dovecot.UserReply{Outcome: dovecot.Found, User: name, Fields: []dovecot.Field{{Key: "uid", Value: "5000"}, {Key: "gid", Value: "5000"}, {Key: "home", Value: "/var/mail/u"}}}
}
