package dovecot_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// The tests of this file follow the checklist of the wire protocol that the
// project keeps, point by point; the transcripts show the same for each client.

// 1: one write at accept, MECH before SPID, below 1024 bytes, fresh cookie and CUID for each connection.
func TestConformance01OneWriteHandshake(t *testing.T) {
	path := serve(t, &dovecot.Server{Mechanisms: manyMechanisms, Backend: script{}}, dovecot.KindClient)
	form := regexp.MustCompile(`^VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nMECH\tSCRAM-SHA-256\tmutual-auth\n` +
		`SPID\t` + strconv.Itoa(os.Getpid()) + `\nCUID\t(\d+)\nCOOKIE\t([0-9a-f]{32})\nDONE\n$`)
	seen := make(map[string]bool)
	for range 20 {
		nc := dialConn(t, path)
		buf := make([]byte, 1024) // Radicale's one recv
		n, err := nc.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		found := form.FindStringSubmatch(string(buf[:n]))
		if found == nil || n >= 1024 {
			t.Fatalf("%d bytes: %q", n, buf[:n])
		}
		for _, value := range found[1:] {
			if seen[value] {
				t.Errorf("%s a second time", value)
			}
			seen[value] = true
		}
	}
}

// 1, the other half: what cannot be told in such a handshake is refused before the first client comes.
func TestConformance01HandshakeThatDoesNotFit(t *testing.T) {
	many := make([]dovecot.Mechanism, 60)
	for i := range many {
		many[i] = dovecot.Mechanism{Name: fmt.Sprintf("MECHANISM-%02d", i), Flags: []string{"plaintext"}}
	}
	for name, mechs := range map[string][]dovecot.Mechanism{
		"none":            nil,
		"too long":        many,
		"channel binding": {{Name: "SCRAM-SHA-256-PLUS"}},
		"nothing else":    {{Name: "SCRAM-SHA-256-PLUS", ChannelBinding: true}},
		"unmeant word":    {{Name: "PLAIN", Flags: []string{"channel-binding"}}},
		"lower case":      {{Name: "plain"}},
		"line break":      {{Name: "PLAIN", Flags: []string{"plain\ntext"}}},
		"empty flag":      {{Name: "PLAIN", Flags: []string{""}}},
	} {
		s := &dovecot.Server{Mechanisms: func() []dovecot.Mechanism { return mechs }, Backend: script{}}
		if err := s.Serve(newPipeListener(), dovecot.KindClient); !errors.Is(err, dovecot.ErrMechanisms) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "too long" {
			continue // Dovecot's logins take it
		}
		if err := s.Serve(newPipeListener(), dovecot.KindLogin); !errors.Is(err, dovecot.ErrMechanisms) {
			t.Errorf("%s on a login socket: %v", name, err)
		}
	}
}

// 1, sockets of Dovecot 2.4's logins: VERSION 1.4 at accept, the rest in one write
// after the client's VERSION; mechanisms with channel binding last and for minor 3 and up.
func TestConformance01LoginSocketKnowsMinor(t *testing.T) {
	many := append(transcriptMechanisms(), dovecot.Mechanism{Name: "SCRAM-SHA-1-PLUS", Flags: []string{"mutual-auth", "channel-binding"}, ChannelBinding: true})
	for i := range 60 {
		many = append(many, dovecot.Mechanism{Name: fmt.Sprintf("MECHANISM-%02d", i), Flags: []string{"plaintext"}})
	}
	s := &dovecot.Server{Mechanisms: func() []dovecot.Mechanism { return many }, Backend: script{}, SPID: 3}
	path := serve(t, s, dovecot.KindLogin)
	form := regexp.MustCompile(`^MECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nMECH\tSCRAM-SHA-256\tmutual-auth\nMECH\tEXTERNAL\n(?:MECH\tMECHANISM-\d\d\tplaintext\n){60}` +
		`(MECH\tSCRAM-SHA-256-PLUS\tmutual-auth\tchannel-binding\nMECH\tSCRAM-SHA-1-PLUS\tmutual-auth\tchannel-binding\n)?SPID\t3\nCUID\t\d+\nCOOKIE\t[0-9a-f]{32}\nDONE\n$`)
	for minor, bound := range map[string]bool{"0": false, "2": false, "3": true, "4": true, "9": true} {
		nc := dialConn(t, path)
		buf := make([]byte, 8192)
		if n, err := nc.Read(buf); err != nil || string(buf[:n]) != "VERSION\t1\t4\n" {
			t.Fatalf("minor %s: %q, %v", minor, buf[:n], err)
		}
		if _, err := nc.Write([]byte("VERSION\t1\t" + minor + "\n")); err != nil {
			t.Fatal(err)
		}
		n, err := nc.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if found := form.FindSubmatch(buf[:n]); found == nil || (len(found[1]) > 0) != bound {
			t.Errorf("minor %s: %q", minor, buf[:n])
		}
	}
}

// 1, a client that never says its version, or not its CPID, has HandshakeTimeout.
func TestConformance01LoginSocketWithoutVersion(t *testing.T) {
	s := &dovecot.Server{Mechanisms: transcriptMechanisms, Backend: script{}, HandshakeTimeout: 7 * time.Second}
	bubble(t, s, func(t *testing.T, _ func() *wire, log *logBuffer) {
		dial := servePipes(t, s, dovecot.KindLogin)
		mute, half := dial(), dial()
		go mute.read()
		go half.read()
		mute.want("VERSION\t1\t4")
		half.want("VERSION\t1\t4")
		half.send("VERSION\t1\t4")
		for line := ""; line != "DONE"; {
			line = half.line()
		}
		time.Sleep(7*time.Second - time.Nanosecond)
		mute.wantSilence()
		half.wantSilence()
		mute.wantEnd()
		half.wantEnd()
		synctest.Wait()
		if n := strings.Count(log.String(), "no handshake in time"); n != 2 {
			t.Errorf("log: %s", log.String())
		}
	})
}

// 1: CANCEL is answered to minor 4 and up and to nobody else, whichever socket it
// is (transcripts dovecot-2.4-cancel, dovecot-2.4.1-cancel, odd-cancel-bad-id). What
// the back end says later is not sent.
func TestConformance01Cancelled(t *testing.T) {
	b := &latchedBackend{}
	s := &dovecot.Server{Backend: b}
	bubble(t, s, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		login := servePipes(t, s, dovecot.KindLogin)
		for n, w := range []*wire{dial().hello("3"), login().helloLogin("3"), dial().hello("4"), login().helloLogin("4"), login().helloLogin("5")} {
			w.send(plain("1", "slow"), "CANCEL\t1", "CANCEL\t2")
			if n > 1 {
				w.want("CANCELLED\t1", "CANCELLED\t2")
			}
			w.wantSilence()
			r := b.request(n)
			if r.Context().Err() == nil {
				t.Errorf("%d: the context of a cancelled request goes on", n)
			}
			r.OK(dovecot.OK{User: "u@example"})
			w.wantSilence()
			w.send(plain("1", "right"))
			w.want(accepted("1"))
		}
	})
}

// 2: the client's part before or after ours, AUTH behind CPID, byte by byte, CRLF.
func TestConformance02WhoeverSpeaksFirst(t *testing.T) {
	path := serve(t, &dovecot.Server{Mechanisms: manyMechanisms, Backend: script{}}, dovecot.KindClient)
	all := "VERSION\t1\t0\r\nCPID\t9\r\n" + strings.Replace(plain("1", "right"), "PLAIN", "plain", 1) + "\n"
	for _, step := range []int{1, 7, len(all)} {
		nc := dialConn(t, path)
		for i := 0; i < len(all); i += step {
			if _, err := nc.Write([]byte(all[i:min(i+step, len(all))])); err != nil {
				t.Fatal(err)
			}
		}
		in := bufio.NewReader(nc)
		var line string
		for range 9 {
			var err error
			if line, err = in.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		if line != accepted("1")+"\n" {
			t.Errorf("in steps of %d: %q", step, line)
		}
	}
}

// 3: ids belong to a connection, several are open at once, abandoned ones expire
// (TestExpiry), the rules of resp= (transcripts odd-empty-resp, odd-after-resp, odd-base64).
func TestConformance03ManyOpenIDs(t *testing.T) {
	b := &latchedBackend{}
	bubble(t, &dovecot.Server{Backend: b}, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		one, two := dial().hello("2"), dial().hello("2")
		one.send(plain("1", "slow"), plain("4294967295", "slow"), plain("3", "slow"))
		synctest.Wait()
		two.send(plain("1", "right"))
		two.want(accepted("1"))
		for _, i := range []int{2, 0, 1} {
			b.request(i).OK(dovecot.OK{User: "u@example"})
			synctest.Wait()
		}
		one.want("OK\t3\tuser=u@example", "OK\t1\tuser=u@example", "OK\t4294967295\tuser=u@example")
	})
}

// 4: user= first, bare words bare, at most 14 parameters, resp= only with final-resp-ok.
func TestConformance04OK(t *testing.T) {
	fields := make([]dovecot.Field, 13)
	for i := range fields {
		fields[i] = dovecot.Field{Key: "k" + strconv.Itoa(i), Value: "v\t"}
	}
	fields[0] = dovecot.Field{Key: "nologin"}
	b := backend{
		auth: func(r *dovecot.Request) {
			ok := dovecot.OK{User: "u@example", Fields: fields, Final: []byte("v=x")}
			if r.ID == 1 {
				ok.Final = nil
			}
			if r.ID > 2 {
				ok.Fields = fields[:1]
			}
			r.OK(ok)
		},
	}
	bubble(t, &dovecot.Server{Backend: b}, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := dial().hello("2")
		w.send(plain("1", "x"))
		got := strings.Split(w.line(), "\t")
		if len(got) != 16 || got[2] != "user=u@example" || got[3] != "nologin" || got[4] != "k1=v\x01t" {
			t.Errorf("%q", got)
		}
		final := func(id string) string {
			return strings.Replace(plain(id, "x"), "\tresp=", "\tfinal-resp-ok\tresp=", 1)
		}
		w.send(final("2")) // 15 parameters
		w.want("FAIL\t2\tcode=temp_fail")
		w.send(final("3"))
		w.want("OK\t3\tuser=u@example\tnologin\tresp=dj14")
		w.send(plain("4", "x"))
		w.want("CONT\t4\tdj14")
		w.send("CONT\t4\t")
		w.want("OK\t4\tuser=u@example\tnologin")
	})
}

// 5: user=, code= with the old word for minor 0 and 1, printable reason=; back end
// down: close for minor 0 and 1, code=temp_fail for others.
func TestConformance05Fail(t *testing.T) {
	codes := []string{dovecot.TempFail, dovecot.AuthzFail, dovecot.UserDisabled, dovecot.PassExpired, ""}
	b := backend{auth: func(r *dovecot.Request) {
		if int(r.ID) > len(codes) {
			r.TemporaryFailure("", time.Time{})
			return
		}
		r.Fail(dovecot.Fail{User: "u@example", Code: codes[r.ID-1], Reason: "a\tb\xff"})
	}}
	bubble(t, &dovecot.Server{Backend: b}, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		words := []string{"\tcode=temp_fail\ttemp", "\tcode=authz_fail\tauthz", "\tcode=user_disabled\tuser_disabled", "\tcode=pass_expired\tpass_expired", ""}
		mta, login := dial().hello("1"), dial().hello("2")
		for i, word := range words {
			id := strconv.Itoa(i + 1)
			mta.send(plain(id, "x"))
			mta.want("FAIL\t" + id + "\tuser=u@example" + word + "\treason=a?b?")
			login.send(plain(id, "x"))
			word, _, _ = strings.Cut(strings.TrimPrefix(word, "\t"), "\t")
			if word != "" {
				word = "\t" + word
			}
			login.want("FAIL\t" + id + "\tuser=u@example" + word + "\treason=a?b?")
		}
		mta.send(plain("9", "x"))
		mta.wantEnd()
		login.send(plain("9", "x"))
		login.want("FAIL\t9\tcode=temp_fail")
	})
}

// 6: the TAB after the id is always there, and nothing follows the data.
func TestConformance06Cont(t *testing.T) {
	bubble(t, &dovecot.Server{Backend: script{}}, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		for _, minor := range []string{"0", "2", "4"} {
			w := dial().hello(minor)
			w.send("AUTH\t1\tPLAIN\tservice=smtp", "AUTH\t2\tLOGIN\tservice=smtp")
			w.want("CONT\t1\t", "CONT\t2\tVXNlcm5hbWU6")
		}
	})
}

// 6: channel binding is asked of minor 3 and up (transcripts dovecot-2.4-scram-plus,
// odd-binding, odd-cont-parameter); others never see the question.
func TestConformance06ChallengeBinding(t *testing.T) {
	kinds := []string{"tls-exporter", "", "a\tb", strings.Repeat("x", 65)}
	b := backend{
		auth: func(r *dovecot.Request) {
			r.ChallengeBinding([]byte{}, kinds[r.ID-1])
			r.OK(dovecot.OK{User: "second"})
		},
		cont: func(r *dovecot.Request, response []byte) {
			if response == nil || string(r.Binding) != "bound" {
				t.Errorf("response %q, binding %q", response, r.Binding)
			}
			r.Challenge(nil)
		},
	}
	s := &dovecot.Server{Backend: b}
	bubble(t, s, func(t *testing.T, dial func() *wire, log *logBuffer) {
		mta, old, login := dial().hello("1"), dial().hello("2"), servePipes(t, s, dovecot.KindLogin)().helloLogin("3")
		mta.send(plain("1", "x"))
		mta.wantEnd()
		old.send(plain("1", "x"))
		old.want("FAIL\t1\tcode=temp_fail")
		login.send(plain("2", "x"), plain("3", "x"), plain("4", "x"))
		login.want("FAIL\t2\tcode=temp_fail", "FAIL\t3\tcode=temp_fail", "FAIL\t4\tcode=temp_fail")
		for _, line := range []string{"channel binding cannot be asked for", "second answer ignored"} {
			if n := strings.Count(log.String(), line); n != 5 {
				t.Errorf("%s: %d lines of 5 in the log:\n%s", line, n, log.String())
			}
		}
	})
	b.auth = func(r *dovecot.Request) { r.ChallengeBinding([]byte{}, "tls-exporter") }
	s = &dovecot.Server{Backend: b}
	bubble(t, s, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := servePipes(t, s, dovecot.KindLogin)().helloLogin("3")
		w.send(plain("1", "x"))
		w.want("CONT\t1\t\tchannel_binding=tls-exporter")
		w.send("CONT\t1\t\tchannel_binding=Ym91bmQ=")
		w.want("CONT\t1\t")
	})
}

// 7: where a listener's clients are not believed, all their requests come from one
// place; other listeners of the server are not concerned.
func TestConformance07Disbelieved(t *testing.T) {
	const place = "\tno-penalty\tlip=192.0.2.25\trip=198.51.100.7\tlport=993\trport=51234\treal_lip=10.0.0.1\treal_rip=10.0.0.2\treal_lport=10993\treal_rport=40000\tresp"
	const here = "l=192.0.2.25:993 r=198.51.100.7:51234 real=10.0.0.1:10993,10.0.0.2:40000"
	const nowhere = "l=invalid IP:0 r=invalid IP:0 real=invalid IP:0,invalid IP:0"
	s := &dovecot.Server{Backend: script{}}
	bubble(t, s, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		for _, c := range []struct {
			w           *wire
			where, more string
		}{
			{dial().hello("2"), here, "nopen=true"},
			{servePipesWith(t, s, dovecot.ListenerOptions{DistrustRIP: true})().hello("2"), nowhere, "nopen=true"},
			{servePipesWith(t, s, dovecot.ListenerOptions{IgnoreNoPenalty: true})().hello("2"), here, "nopen=false"},
			{servePipesWith(t, s, dovecot.ListenerOptions{Kind: dovecot.KindLogin, DistrustRIP: true, IgnoreNoPenalty: true})().helloLogin("2"), nowhere, "nopen=false"},
		} {
			c.w.send(strings.Replace(plain("1", "facts"), "\tresp", place, 1))
			if got := c.w.line(); !strings.Contains(got, c.where) || !strings.Contains(got, c.more) {
				t.Errorf("want %s and %s, got %q", c.where, c.more, got)
			}
		}
	})
}

// 7: one slow request holds up no other, a refusal leaves at its time
// (TestRefusalLeavesAtItsTime), and the back end learns what throttling needs.
func TestConformance07NobodyWaitsForAnother(t *testing.T) {
	b := &latchedBackend{}
	bubble(t, &dovecot.Server{Backend: b}, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		w := dial().hello("0")
		began := time.Now()
		w.send(strings.Replace(plain("1", "slow"), "\tresp", "\tno-penalty\trip=2001:db8::1\tresp", 1))
		for i := range 100 {
			id := strconv.Itoa(i + 2)
			w.send(plain(id, "right"))
			w.want(accepted(id))
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("behind a slow request logins took %v", waited)
		}
		r := b.request(0)
		if !r.NoPenalty || r.RemoteIP.String() != "2001:db8::1" || r.Listener().Addr().String() != "pipe" || r.RemoteAddr() == nil || !r.Received.Equal(began) {
			t.Errorf("%+v", r.Auth)
		}
	})
}

// 8: an OK is kept by cookie, CPID and id until REQUEST, CANCEL, close or 150 s.
func TestConformance08Remember(t *testing.T) {
	s := &dovecot.Server{Mechanisms: manyMechanisms, Backend: script{}, Master: scriptMaster{}, MaxRemembered: 2}
	client, master := serve(t, s, dovecot.KindClient), serve(t, s, dovecot.KindMaster)
	c := dial(t, client, dovecot.ClientOptions{Minor: 2, PID: 70})
	m, err := dovecot.NewMasterClient(dialConn(t, master))
	if err != nil || m.SPID != c.SPID {
		t.Fatalf("master: %v, SPID %d, want %d", err, m.SPID, c.SPID)
	}
	login := func() uint32 {
		reply, err := c.Authenticate(t.Context(), &dovecot.AuthRequest{Mechanism: "PLAIN", Service: "imap", Initial: []byte("\x00u@example\x00right")}, nil)
		if err != nil || !reply.OK {
			t.Fatalf("login: %+v, %v", reply, err)
		}
		return reply.ID
	}
	request := func(q dovecot.LoginRequest) dovecot.UserOutcome {
		t.Helper()
		reply, err := m.Request(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return reply.Outcome
	}
	id := login()
	good := dovecot.LoginRequest{ClientPID: 70, ClientID: id, Cookie: c.Cookie, SessionPID: uint32(os.Getpid())}
	for name, spoil := range map[string]func(*dovecot.LoginRequest){
		"pid":         func(q *dovecot.LoginRequest) { q.ClientPID++ },
		"id":          func(q *dovecot.LoginRequest) { q.ClientID++ },
		"cookie":      func(q *dovecot.LoginRequest) { q.Cookie = strings.Repeat("0", 32) },
		"short":       func(q *dovecot.LoginRequest) { q.Cookie = q.Cookie[:30] },
		"session_pid": func(q *dovecot.LoginRequest) { q.SessionPID++ },
	} {
		bad := good
		if spoil(&bad); request(bad) != dovecot.Failed {
			t.Errorf("REQUEST with a wrong %s was answered", name)
		}
	}
	if request(good) != dovecot.Found || request(good) != dovecot.Failed {
		t.Error("a login must be good for one REQUEST")
	}
	good.ClientID = login()
	if err := errors.Join(c.Cancel(good.ClientID), c.Flush()); err != nil {
		t.Fatal(err)
	}
	oldest := login() // also sees that the CANCEL has been read
	if request(good) != dovecot.Failed {
		t.Error("a cancelled login was answered")
	}
	newest := []uint32{login(), login()}
	good.ClientID = oldest
	if request(good) != dovecot.Failed {
		t.Error("the ring is longer than it should be")
	}
	for _, good.ClientID = range newest {
		if request(good) != dovecot.Found {
			t.Errorf("login %d was forgotten", good.ClientID)
		}
	}
	mta := dial(t, client, dovecot.ClientOptions{Minor: 1, PID: 71})
	if reply, err := mta.Authenticate(t.Context(), &dovecot.AuthRequest{Mechanism: "PLAIN", Service: "smtp", Initial: []byte("\x00u@example\x00right")}, nil); err != nil || !reply.OK {
		t.Fatalf("%+v, %v", reply, err)
	}
	if request(dovecot.LoginRequest{ClientPID: 71, ClientID: 1, Cookie: mta.Cookie}) != dovecot.Failed {
		t.Error("the login of a client of minor 1 was remembered")
	}
}

// 8: after 150 seconds an OK opens nothing, and an id used anew opens only what it last stood for.
func TestConformance08RememberedExpires(t *testing.T) {
	s := &dovecot.Server{Backend: script{}, Master: scriptMaster{}}
	bubble(t, s, func(t *testing.T, dial func() *wire, _ *logBuffer) {
		client := dial()
		go client.read()
		var cookie string
		for line := ""; line != "DONE"; {
			line = client.line()
			if value, ok := strings.CutPrefix(line, "COOKIE\t"); ok {
				cookie = value
			}
		}
		client.send("VERSION\t1\t2", "CPID\t7", plain("1", "right"), plain("2", "right"), plain("3", "right"))
		client.want(accepted("1"), accepted("2"), accepted("3"))
		client.send(plain("3", "wrong"))
		client.want(refused("3"))

		master := servePipes(t, s, dovecot.KindMaster)()
		go master.read()
		master.want("VERSION\t1\t2", "SPID\t"+strconv.Itoa(os.Getpid()))
		request := func(id string) string { return "REQUEST\t" + id + "\t7\t" + id + "\t" + cookie }
		master.send("VERSION\t1\t1")
		time.Sleep(150*time.Second - time.Nanosecond)
		master.send(request("1"), request("3"))
		master.want("USER\t1\tu@example\tuid=5000\tgid=5000\thome=/var/mail/u", "FAIL\t3")
		time.Sleep(time.Nanosecond)
		master.send(request("2"))
		master.want("FAIL\t2")
		client.send(plain("4", "right"))
		client.want(accepted("4"))
		_ = client.nc.Close() // the login process has ended
		synctest.Wait()
		master.send(request("4"))
		master.want("FAIL\t4")
	})
}

// 9: VERSION and SPID and nothing else; the commands; replies of at most 8 KiB (transcript master-unsupported).
func TestConformance09MasterSocket(t *testing.T) {
	users := func(n int) master {
		return master{user: func(_ context.Context, q *dovecot.UserQuery) dovecot.UserReply {
			if q.User != "u" || q.Service != "lmtp" || q.Session != "s" || q.RemoteIP.String() != "192.0.2.1" || q.LocalName != "mx" || !q.Peer.Known {
				t.Errorf("%+v", q)
			}
			return dovecot.UserReply{Outcome: dovecot.Found, User: "u", Fields: []dovecot.Field{{Key: "k", Value: strings.Repeat("x", n)}}}
		}}
	}
	const most = 8192 - len("USER\t1\tu\tk=\n")
	for n, want := range map[int]string{most: "USER\t1\tu\tk=" + strings.Repeat("x", most) + "\n", most + 1: "FAIL\t1\n"} {
		nc := dialConn(t, serve(t, &dovecot.Server{Master: users(n), SPID: 3}, dovecot.KindUserdb))
		in := bufio.NewReaderSize(nc, 16384)
		buf := make([]byte, 1024)
		if got, err := in.Read(buf); err != nil || string(buf[:got]) != "VERSION\t1\t2\nSPID\t3\n" {
			t.Fatalf("%q, %v", buf[:got], err)
		}
		if _, err := nc.Write([]byte("VERSION\t1\t0\nUSER\t1\tu\tservice=lmtp\tsession=s\trip=192.0.2.1\tlocal_name=mx\n")); err != nil {
			t.Fatal(err)
		}
		if line, err := in.ReadString('\n'); err != nil || line != want {
			t.Errorf("%.40q (%d bytes), %v", line, len(line), err)
		}
	}
}

// 10: where sockets live is the daemon's business; a listening socket that is kept
// across a restart serves the clients that came in between.
func TestConformance10SocketOutlivesServer(t *testing.T) {
	dir, err := os.MkdirTemp("", "lk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a leftover in the temporary folder fails nothing
	path := filepath.Join(dir, "auth")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	held, err := l.File() // systemd's copy
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }() // the end of the test
	first := &dovecot.Server{Mechanisms: manyMechanisms, Backend: script{}}
	served := make(chan error, 1)
	go func() { served <- first.Serve(l, dovecot.KindClient) }()
	c := dial(t, path, dovecot.ClientOptions{})
	if err := first.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-served; !errors.Is(err, dovecot.ErrServerClosed) {
		t.Fatal(err)
	}
	if err := c.ReadReply(new(dovecot.Reply)); err == nil {
		t.Error("the old connection is still there")
	}
	between := dialConn(t, path) // waits in the backlog
	again, err := net.FileListener(held)
	if err != nil {
		t.Fatal(err)
	}
	second := &dovecot.Server{Mechanisms: manyMechanisms, Backend: script{}}
	go func() { served <- second.Serve(again, dovecot.KindClient) }()
	if _, err := dovecot.NewClient(between, dovecot.ClientOptions{}); err != nil {
		t.Errorf("the client that came in between: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, dovecot.ErrServerClosed) {
		t.Error(err)
	}
}
