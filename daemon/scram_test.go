package daemon

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// scramKeys gives the account SCRAM keys for its app passwords, whose letters come
// in the order of its rows.
func (r *running) scramKeys(t *testing.T, a *store.Account, letters ...[16]byte) {
	t.Helper()
	salt := r.keys(t).SCRAMSalt(a.Address)
	k := store.SCRAMKeys{Salt: salt[:], Iterations: sasl.SCRAMIterations}
	for i, row := range a.AppPasswords {
		made := store.SCRAMRow{ID: row.ID}
		for _, form := range []string{string(letters[i][:]), secret.GroupAppPassword(letters[i])} {
			key, err := sasl.DeriveSCRAM(form, salt[:], sasl.SCRAMIterations)
			if err != nil {
				t.Fatal(err)
			}
			made.Keys = append(made.Keys, key[:]...)
		}
		k.Rows = append(k.Rows, made)
	}
	err := r.store.Update(t.Context(), func(w *store.Writer) error {
		return errors.Join(w.PutSCRAMKeys(a.ID, k), w.PutAccount(a))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// withSCRAM is withAppPassword with its SCRAM keys.
func (r *running) withSCRAM(t *testing.T, address string) (*store.Account, string) {
	t.Helper()
	a, app := r.withAppPassword(t, address)
	letters, _ := secret.FoldAppPassword(app)
	r.scramKeys(t, a, letters)
	return a, app
}

func withSCRAM(c *config.Config) { c.Auth.Mechanisms = []string{"PLAIN", "SCRAM-SHA-256"} }

func scramClient(t *testing.T, name, password string) *scram.Client {
	t.Helper()
	c, err := scram.SHA256.NewClient(name, password, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// channel is the data of a channel that a login process and its client see.
const channel = "thirty-two bytes of this channel"

// sendSCRAM runs an exchange of SCRAM up to the answer, which comes next. begin is
// the AUTH line without resp=. A server that takes the password must prove that it
// knows it, as this client does not say final-resp-ok: in a challenge of its own.
// With plus the client is bound to the channel, and the server has to ask for it.
func (p *peer) sendSCRAM(begin, id, name, password string, plus bool) {
	p.t.Helper()
	client, asked, told := scramClient(p.t, name, password).NewConversation(), "", ""
	if plus {
		bound := scram.ChannelBinding{Type: scram.ChannelBindingTLSExporter, Data: []byte(channel)}
		client = scramClient(p.t, name, password).NewConversationWithChannelBinding(bound)
		asked, told = "\tchannel_binding=tls-exporter", "\tchannel_binding="+b64(channel)
	}
	first, _ := client.Step("")
	p.send(begin + "\tresp=" + b64(first))
	final, err := client.Step(p.challenge(id, asked))
	if err != nil {
		p.t.Fatal(err)
	}
	p.send("CONT\t" + id + "\t" + b64(final) + told)
	if next, err := p.in.Peek(4); err != nil || string(next) != "CONT" {
		return // it is the answer, or its absence
	}
	if _, err := client.Step(p.challenge(id, "")); err != nil || !client.Valid() {
		p.t.Errorf("the client refuses the server: %v", err)
	}
	p.send("CONT\t" + id + "\t")
}

// challenge reads a CONT line of that id, which ends with what is asked for.
func (p *peer) challenge(id, asked string) string {
	p.t.Helper()
	line := p.line()
	data, found := strings.CutPrefix(line, "CONT\t"+id+"\t")
	data, ends := strings.CutSuffix(data, asked)
	text, err := base64.StdEncoding.DecodeString(data)
	if !found || !ends || err != nil {
		p.t.Fatalf("got %q; want a challenge to %s with %q", line, id, asked)
	}
	return string(text)
}

// TestSCRAMFinalMessage: who says final-resp-ok gets the server's proof with the
// OK, and nobody gets it before the OK is certain.
func TestSCRAMFinalMessage(t *testing.T) {
	d := start(t, withSCRAM)
	_, app := d.withSCRAM(t, "u@example.org")
	p := d.dial(t, 2)
	if hand := strings.Join(p.hand, "\n"); !strings.Contains(hand, "MECH\tSCRAM-SHA-256\tmutual-auth\n") {
		t.Errorf("handshake: %s", hand)
	}
	client := scramClient(t, "u@example.org", app).NewConversation()
	first, _ := client.Step("")
	p.send("AUTH\t1\tscram-sha-256\tservice=imap\tfinal-resp-ok\tresp=" + b64(first))
	final, err := client.Step(p.challenge("1", ""))
	if err != nil {
		t.Fatal(err)
	}
	p.send("CONT\t1\t" + b64(final))
	ok, resp, found := strings.Cut(p.line(), "\tresp=")
	last, err := base64.StdEncoding.DecodeString(resp)
	if want := "OK\t1\tuser=u@example.org\tuser_apw=" + (store.AppPasswordID{1}).String(); ok != want || !found || err != nil {
		t.Errorf("%q, %q, %v; want %q", ok, resp, err, want)
	}
	if _, err := client.Step(string(last)); err != nil || !client.Valid() {
		t.Errorf("the client refuses the server's %q: %v", last, err)
	}

	// Without an initial response the server asks for one with an empty challenge.
	client = scramClient(t, "u@example.org", "wrong").NewConversation()
	first, _ = client.Step("")
	p.send("AUTH\t2\tSCRAM-SHA-256\tservice=imap\tfinal-resp-ok")
	p.expect("CONT\t2\t")
	p.send("CONT\t2\t" + b64(first))
	final, err = client.Step(p.challenge("2", ""))
	if err != nil {
		t.Fatal(err)
	}
	p.send("CONT\t2\t" + b64(final))
	p.expect("FAIL\t2\tuser=u@example.org\treason=" + sentence)
}

// TestSCRAMRevokedBeforeTheEnd: a client that takes its time over the server's proof
// is not let in by what was revoked meanwhile, and both verdicts are recorded.
func TestSCRAMRevokedBeforeTheEnd(t *testing.T) {
	d := start(t, withSCRAM)
	_, app := d.withSCRAM(t, "u@example.org")
	p := d.dial(t, 1)
	client := scramClient(t, "u@example.org", app).NewConversation()
	first, _ := client.Step("")
	p.send("AUTH\t1\tSCRAM-SHA-256\tservice=smtp\tresp=" + b64(first))
	final, err := client.Step(p.challenge("1", ""))
	if err != nil {
		t.Fatal(err)
	}
	p.send("CONT\t1\t" + b64(final))
	if _, err := client.Step(p.challenge("1", "")); err != nil || !client.Valid() {
		t.Errorf("the client refuses the server: %v", err)
	}
	d.edit(t, "u@example.org", func(a *store.Account) { a.AppPasswords[0].State = store.Revoked })
	p.send("CONT\t1\t")
	p.expect("FAIL\t1\tuser=u@example.org\treason=" + sentence)
	d.stop()
	d = startIn(t, d.cfg)
	events, err := d.store.Events(t.Context(), store.EventQuery{Address: "u@example.org"})
	var reasons []store.Reason
	for _, e := range events {
		reasons = append(reasons, e.Reason)
	}
	slices.Sort(reasons)
	want := []store.Reason{store.ReasonAppPassword, store.ReasonRevoked}
	slices.Sort(want)
	if err != nil || !slices.Equal(reasons, want) {
		t.Errorf("events: %v, %v; want %v", reasons, err, want)
	}
}

// TestSCRAMUnknownAccount: up to the refusal an account is no different from one
// that does not exist, and one with app passwords from one without.
func TestSCRAMUnknownAccount(t *testing.T) {
	const delay = 300 * time.Millisecond
	d := start(t, func(c *config.Config) { withSCRAM(c); c.Auth.FailureDelay = config.Duration(delay) })
	d.withSCRAM(t, "u@example.org")
	d.withAppPassword(t, "keyless@example.org")
	d.account(t, "bound@example.org", func(a *store.Account) { a.Bound = time.Now() })
	p := d.dial(t, 2)
	for i, name := range []string{"u@example.org", "keyless@example.org", "bound@example.org", "nobody@example.org"} {
		var first [2]string
		for try := range first {
			id := fmt.Sprint(10*i + try + 1)
			p.send("AUTH\t" + id + "\tSCRAM-SHA-256\tservice=imap\tresp=" + b64("n,,n="+name+",r=mine"))
			challenge := p.challenge(id, "")
			nonce, rest, _ := strings.Cut(challenge, ",")
			first[try] = rest
			salt, iterations, _ := strings.Cut(rest, ",")
			if raw, err := base64.StdEncoding.DecodeString(salt[2:]); err != nil || len(raw) != 16 || iterations != "i=4096" || len(nonce) != len("r=mine")+26 {
				t.Errorf("%s: %q", name, challenge)
			}
			sent := time.Now()
			p.send("CONT\t" + id + "\t" + b64("c=biws,"+nonce+",p="+b64(strings.Repeat("x", 32))))
			p.expect("FAIL\t" + id + "\tuser=" + name + "\treason=" + sentence)
			if age := time.Since(sent); age < delay {
				t.Errorf("%s: refused at the age of %v", name, age)
			}
		}
		if first[0] != first[1] {
			t.Errorf("%s: the salt changes: %q, %q", name, first[0], first[1])
		}
	}
}

// TestSCRAMEndsEarly: what is refused or undecided before the proof.
func TestSCRAMEndsEarly(t *testing.T) {
	d := start(t, withSCRAM)
	d.withSCRAM(t, "u@example.org")
	login, postfix := d.dial(t, 2), d.dial(t, 1)
	for message, answer := range map[string]string{
		"n,a=boss@example.org,n=u@example.org,r=x": "FAIL\t1\tuser=u@example.org\tcode=authz_fail",
		"n,a=u,n=u@example.org,r=x":                "FAIL\t1\tuser=u@example.org\tcode=authz_fail",
		"n,,n=u@example.org":                       "FAIL\t1\treason=" + sentence,
		"n,,m=x,n=u@example.org,r=x":               "FAIL\t1\treason=" + sentence,
		"p=tls-exporter,,n=u@example.org,r=x":      "FAIL\t1\treason=" + sentence,
	} {
		login.send("AUTH\t1\tSCRAM-SHA-256\tservice=imap\tresp=" + b64(message))
		login.expect(answer)
	}
	// Its own name as the authorization identity is nobody else's.
	login.send("AUTH\t1\tSCRAM-SHA-256\tservice=imap\tresp=" + b64("n,a=U@example.org,n=u@example.org,r=x"))
	login.challenge("1", "")
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	d.broken = true
	login.send("CONT\t1\t" + b64("c=biws,r=x,p="+b64(strings.Repeat("x", 32)))) // another nonce: malformed whatever the store says
	login.expect("FAIL\t1\treason=" + sentence)
	login.send("AUTH\t2\tSCRAM-SHA-256\tservice=imap\tresp=" + b64("n,,n=u@example.org,r=x"))
	login.expect("FAIL\t2\tuser=u@example.org\tcode=temp_fail")
	postfix.send("AUTH\t1\tSCRAM-SHA-256\tservice=smtp\tresp=" + b64("n,,n=u@example.org,r=x"))
	if rest, err := io.ReadAll(postfix.in); err != nil || len(rest) != 0 {
		t.Errorf("to Postfix: %q, %v; want a closed connection", rest, err)
	}
}

// dialLogin connects as a login process of Dovecot 2.4 does, to a listener for
// those.
func (r *running) dialLogin(t *testing.T, minor int) *peer {
	t.Helper()
	path := filepath.Join(r.cfg.RunDir, fmt.Sprintf("login-%d", minor))
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- r.server.Serve(l, dovecot.KindLogin) }()
	t.Cleanup(func() {
		r.stop()
		if err := <-served; !errors.Is(err, dovecot.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	p := dialPath(t, path)
	p.send(fmt.Sprintf("VERSION\t1\t%d", minor), "CPID\t4711")
	for {
		line := p.line()
		p.hand = append(p.hand, line)
		if line == "DONE" {
			return p
		}
	}
}

// TestSCRAMPlus: the mechanism with channel binding is told to login processes
// that can do it and to nobody else; the binding has to be that of the client's
// channel; and a client that would bind but saw nothing to do it by is refused
// where it was there to be seen.
func TestSCRAMPlus(t *testing.T) {
	d := start(t, func(c *config.Config) {
		c.Auth.Mechanisms = []string{"PLAIN", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}
	})
	_, app := d.withSCRAM(t, "u@example.org")
	const mech = "MECH\tSCRAM-SHA-256-PLUS\tmutual-auth\tchannel-binding"
	plain, old, login := d.dial(t, 4), d.dialLogin(t, 2), d.dialLogin(t, 4)
	for name, p := range map[string]*peer{"client socket": plain, "login socket, minor 2": old, "login socket, minor 4": login} {
		if told := strings.Contains(strings.Join(p.hand, "\n"), mech); told != (p == login) {
			t.Errorf("%s is told of it: %v", name, told)
		}
	}

	bound := scram.ChannelBinding{Type: scram.ChannelBindingTLSExporter, Data: []byte(channel)}
	for name, tc := range map[string]struct {
		password, data string
		want           string
	}{
		"good":           {app, channel, "OK\t1\tuser=u@example.org\tuser_apw=" + (store.AppPasswordID{1}).String()},
		"wrong password": {"wrong", channel, "FAIL\t1\tuser=u@example.org\treason=" + sentence},
		"other channel":  {app, "thirty-two bytes of that channel", "FAIL\t1\treason=" + sentence},
	} {
		client := scramClient(t, "u@example.org", tc.password).NewConversationWithChannelBinding(bound)
		first, _ := client.Step("")
		login.send("AUTH\t1\tSCRAM-SHA-256-PLUS\tprotocol=imap\tsecured=tls\tfinal-resp-ok\tresp=" + b64(first))
		final, err := client.Step(login.challenge("1", "\tchannel_binding=tls-exporter"))
		if err != nil {
			t.Fatal(err)
		}
		login.send("CONT\t1\t" + b64(final) + "\tchannel_binding=" + b64(tc.data))
		answer, _, _ := strings.Cut(login.line(), "\tresp=")
		if answer != tc.want {
			t.Errorf("%s: %q; want %q", name, answer, tc.want)
		}
	}

	for name, tc := range map[string]struct {
		p       *peer
		params  string
		refused bool
	}{
		"login socket, TLS":           {login, "protocol=imap\tsecured=tls", true},
		"login socket, TLS elsewhere": {login, "protocol=imap\tsecured", false},
		"login socket, minor 2":       {old, "protocol=imap\tsecured=tls", false},
		"client socket":               {plain, "service=smtp\tsecured=tls", false},
	} {
		tc.p.send("AUTH\t7\tSCRAM-SHA-256\t" + tc.params + "\tresp=" + b64("y,,n=u@example.org,r=x"))
		if line := tc.p.line(); strings.HasPrefix(line, "FAIL\t") != tc.refused {
			t.Errorf("%s: flag y is answered %q", name, line)
		}
		if !tc.refused {
			tc.p.send("CANCEL\t7")
			if tc.p == login { // minor 4
				tc.p.expect("CANCELLED\t7")
			}
		}
	}
}
