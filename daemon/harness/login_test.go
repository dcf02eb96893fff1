package harness

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func plain(secret string) string { return b64("\x00alice@example.org\x00" + secret) }

var outcomes = []struct{ secret, imap, smtp string }{
	{"app", "OK [CAPABILITY *] *", "235 2.0.0 Authentication succeeded"},
	{"main", "NO [ALERT] " + sentence, "535 5.7.8 " + sentence},
	{"wrong", "NO [AUTHENTICATIONFAILED] Authentication failed.", "535 5.7.8 Authentication failed."},
	{"down", "NO [UNAVAILABLE] Temporary authentication failure.", "454 4.7.0 Temporary authentication failure."},
	{"hangup", "NO [UNAVAILABLE] Temporary authentication failure.", "454 4.7.0 Temporary authentication failure."},
}

func TestIMAPLogins(t *testing.T) {
	f := newFixture(t)
	scripts := map[string]string{
		"LOGIN command":     "C: a LOGIN alice@example.org SECRET",
		"PLAIN, SASL-IR":    "C: a AUTHENTICATE PLAIN PLAINRESP",
		"PLAIN, continued":  "C: a AUTHENTICATE plain\nS: + \nC: PLAINRESP",
		"LOGIN mechanism":   "C: a AUTHENTICATE LOGIN\nS: + " + b64("Username:") + "\nC: " + b64("alice@example.org") + "\nS: + " + b64("Password:") + "\nC: LOGINRESP",
		"LOGIN with a name": "C: a AUTHENTICATE LOGIN " + b64("alice@example.org") + "\nS: + " + b64("Password:") + "\nC: LOGINRESP",
	}
	for name, script := range scripts {
		for _, o := range outcomes {
			t.Run(name+"/"+o.secret, func(t *testing.T) {
				k := f.dial(f.Addrs().IMAPS, true)
				k.script("S: * OK [CAPABILITY * AUTH=PLAIN AUTH=LOGIN] *")
				k.script(fill(script, o.secret) + "\nS: a " + o.imap)
				k.script("C: b LOGOUT\nS: * BYE *\nS: b OK *")
				k.ends()
			})
		}
	}
}

func TestSMTPLogins(t *testing.T) {
	f := newFixture(t)
	scripts := map[string]string{
		"PLAIN, initial":    "C: AUTH PLAIN PLAINRESP",
		"PLAIN, continued":  "C: AUTH plain\nS: 334 \nC: PLAINRESP",
		"LOGIN":             "C: AUTH LOGIN\nS: 334 " + b64("Username:") + "\nC: " + b64("alice@example.org") + "\nS: 334 " + b64("Password:") + "\nC: LOGINRESP",
		"LOGIN with a name": "C: AUTH LOGIN " + b64("alice@example.org") + "\nS: 334 " + b64("Password:") + "\nC: LOGINRESP",
	}
	for name, script := range scripts {
		for _, o := range outcomes {
			t.Run(name+"/"+o.secret, func(t *testing.T) {
				k := f.dial(f.Addrs().Submissions, true)
				k.script("S: 220 localhost *\nC: HELO test\nS: 250 *")
				k.script(fill(script, o.secret) + "\nS: " + o.smtp)
				k.script("C: QUIT\nS: 221 *")
				k.ends()
			})
		}
	}
}

func fill(script, secret string) string {
	return strings.NewReplacer("SECRET", secret, "PLAINRESP", plain(secret), "LOGINRESP", b64(secret)).Replace(script)
}

func TestNoSecretsWithoutTLS(t *testing.T) {
	f := newFixture(t)
	k := f.dial(f.Addrs().IMAP, false)
	k.script("S: * OK [CAPABILITY * STARTTLS LOGINDISABLED] *\nC: a LOGIN alice@example.org app\nS: a NO [PRIVACYREQUIRED] *")
	k = f.dial(f.Addrs().Submission, false)
	k.script("S: 220 *\nC: HELO test\nS: 250 *\nC: AUTH PLAIN " + plain("app") + "\nS: 523 5.7.10 *")
	if len(f.backend.seen) != 0 {
		t.Error("the daemon was asked")
	}
}

// The daemon hears what a real mail server would tell it.
func TestParameters(t *testing.T) {
	f := newFixture(t)
	k := f.dial(f.Addrs().IMAP, false)
	k.script("S: * OK *\nC: a STARTTLS\nS: a OK *")
	k.startTLS()
	k.script("C: b LOGIN alice@example.org app\nS: b OK *")
	f.wantParameters(k, "imap")

	k = f.dial(f.Addrs().Submission, false)
	k.script("S: 220 *\nC: HELO test\nS: 250 *\nC: STARTTLS\nS: 220 *")
	k.startTLS()
	k.script("C: HELO test\nS: 250 *\nC: AUTH PLAIN " + plain("app") + "\nS: 235 *")
	f.wantParameters(k, "smtp")
}

func (f *fixture) wantParameters(k *talk, service string) {
	f.Helper()
	got := f.backend.last()
	local, remote := addrPort(k.conn.LocalAddr()), addrPort(k.conn.RemoteAddr())
	want := dovecot.Auth{
		ID: got.ID, Mechanism: "PLAIN", Service: service, Secured: true, TLS: true, Session: got.Session, Initial: got.Initial,
		LocalIP: remote.Addr(), LocalPort: remote.Port(), RemoteIP: local.Addr(), RemotePort: local.Port(),
	}
	if len(got.Session) < 8 {
		f.Errorf("session %q", got.Session)
	}
	// Not sent, but filled in by the server if it likes.
	got.RealLocalIP, got.RealRemoteIP, got.RealLocalPort, got.RealRemotePort = want.RealLocalIP, want.RealRemoteIP, 0, 0
	if !equalAuth(got, want) {
		f.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func equalAuth(a, b dovecot.Auth) bool {
	if string(a.Initial) != string(b.Initial) {
		return false
	}
	return a.ID == b.ID && a.Mechanism == b.Mechanism && a.Service == b.Service && a.Secured == b.Secured && a.TLS == b.TLS &&
		a.Session == b.Session && a.LocalIP == b.LocalIP && a.LocalPort == b.LocalPort && a.RemoteIP == b.RemoteIP && a.RemotePort == b.RemotePort
}

// go-smtp alone would close the connection at 2000 bytes.
func TestLongInitialResponse(t *testing.T) {
	f := newFixture(t)
	k := f.dial(f.Addrs().Submissions, true)
	k.script("S: 220 *\nC: HELO test\nS: 250 *\nC: AUTH PLAIN " + plain(strings.Repeat("x", 8000)) + "\nS: 535 5.7.8 *")
}

func TestUnknownMechanism(t *testing.T) {
	f := newFixture(t)
	k := f.dial(f.Addrs().Submissions, true)
	k.script("S: 220 *\nC: HELO test\nS: 250 *\nC: AUTH NTLM\nS: 504 *")
	k = f.dial(f.Addrs().IMAPS, true)
	k.script("S: * OK *\nC: a AUTHENTICATE NTLM\nS: a NO Unsupported authentication mechanism.\nC: b LOGIN alice@example.org app\nS: b OK *")
}

func TestDaemonRestart(t *testing.T) {
	f := newFixture(t)
	login := func(want string) {
		t.Helper()
		k := f.dial(f.Addrs().Submissions, true)
		k.script("S: 220 *\nC: HELO test\nS: 250 *\nC: AUTH PLAIN " + plain("app") + "\nS: " + want)
	}
	login("235 *")
	f.stop()
	login("454 4.7.0 *") // the kept connection is dead, and nobody listens
	login("454 4.7.0 *")
	f.startDaemon()
	login("235 *")
	f.stop()
	f.startDaemon()
	login("235 *") // with a dead connection kept
}

func TestSilentDaemon(t *testing.T) {
	f := newFixture(t)
	f.auth.timeout = 50 * time.Millisecond
	k := f.dial(f.Addrs().Submissions, true)
	k.script("S: 220 *\nC: HELO test\nS: 250 *\nC: AUTH PLAIN " + plain("silent") + "\nS: 454 4.7.0 *")
	k = f.dial(f.Addrs().IMAPS, true)
	k.script("S: * OK *\nC: a LOGIN alice@example.org silent\nS: a NO [UNAVAILABLE] *")
	f.wantNoExchanges()
}

func TestTooManyLogins(t *testing.T) {
	f := newFixture(t)
	for range maxExchanges {
		f.auth.slots <- struct{}{}
	}
	k := f.dial(f.Addrs().Submissions, true)
	k.script("S: 220 *\nC: HELO test\nS: 250 *\nC: AUTH PLAIN " + plain("app") + "\nS: 454 4.7.0 *")
}

// A login that the mail program leaves half-way gives back what it held.
func TestAbandonedLogins(t *testing.T) {
	f := newFixture(t)
	k := f.dial(f.Addrs().Submissions, true)
	k.script("S: 220 *\nC: HELO test\nS: 250 *")
	k.script("C: AUTH LOGIN\nS: 334 *\nC: *\nS: 501 *")
	k.script("C: AUTH LOGIN\nS: 334 *\nC: *\nS: 501 *")
	if n := len(f.auth.slots); n != 1 {
		t.Errorf("%d exchanges held, want the last one only", n)
	}
	k.script("C: AUTH PLAIN " + plain("app") + "\nS: 235 *")
	f.wantNoExchanges()

	k = f.dial(f.Addrs().IMAPS, true)
	k.script("S: * OK *\nC: a AUTHENTICATE LOGIN\nS: + *\nC: *\nS: a BAD *\nC: b LOGOUT\nS: * BYE *\nS: b OK *")
	k.ends()
	f.wantNoExchanges()
}

func (f *fixture) wantNoExchanges() {
	f.Helper()
	for deadline := time.Now().Add(5 * time.Second); len(f.auth.slots) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			f.Fatalf("%d exchanges held", len(f.auth.slots))
		}
	}
}

// Close does not wait for logins that are under way.
func TestCloseDuringLogin(t *testing.T) {
	f := newFixture(t)
	k := f.dial(f.Addrs().Submissions, true)
	k.script("S: 220 *\nC: HELO test\nS: 250 *\nC: AUTH LOGIN\nS: 334 *")
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	f.wantNoExchanges()
}
