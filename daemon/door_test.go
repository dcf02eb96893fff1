package daemon

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// withAppPassword makes an account that has one and returns both.
func (r *running) withAppPassword(t *testing.T, address string) (*store.Account, string) {
	t.Helper()
	letters, err := secret.NewAppPassword(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	account := r.account(t, address, func(a *store.Account) {
		a.AppPasswords = []store.AppPasswordRow{{
			ID: store.AppPasswordID{1}, Tag: r.keys(t).AppPasswordTag(a.ID, letters), Scopes: store.ScopeAll, State: store.Live,
		}}
	})
	return account, string(letters[:])
}

// edit changes an account that exists.
func (r *running) edit(t *testing.T, address string, edit func(*store.Account)) {
	t.Helper()
	err := r.store.Update(t.Context(), func(w *store.Writer) error {
		a, err := w.Account(address)
		if err != nil {
			return err
		}
		edit(a)
		return w.PutAccount(a)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Every refusal leaves no earlier than failure_delay after the line that carried
// the secret, and holds nobody else up.
func TestOneAge(t *testing.T) {
	const delay = 700 * time.Millisecond
	d := start(t, func(c *config.Config) { c.Auth.FailureDelay = config.Duration(delay) })
	_, letters := d.withAppPassword(t, "u@example.org")
	d.account(t, "bound@example.org", func(a *store.Account) { a.Bound = time.Now() })
	p := d.dial(t, 2)
	// A long exchange begins now and sends its password when the rest is over.
	p.send("AUTH\t9\tLOGIN\tservice=imap", "CONT\t9\t"+b64("u@example.org"))
	p.expect("CONT\t9\t" + b64("Username:"))
	p.expect("CONT\t9\t" + b64("Password:"))
	sent := make(map[string]time.Time)
	refuse := func(id, mechanism, resp string) {
		sent[id] = time.Now()
		p.send("AUTH\t" + id + "\t" + mechanism + "\tservice=imap\tresp=" + resp)
	}
	refuse("1", "PLAIN", b64("\x00u@example.org\x00wrong"))
	refuse("2", "PLAIN", b64("\x00nobody@example.org\x00wrong"))
	refuse("3", "PLAIN", b64("\x00bound@example.org\x00"+mainPass))
	refuse("4", "PLAIN", b64("not a message"))
	refuse("5", "PLAIN", b64("other@example.org\x00u@example.org\x00"+letters))
	refuse("6", "PLAIN", b64("\x00a@b@c\x00wrong"))
	p.send("AUTH\t7\tPLAIN\tservice=imap\tresp=" + b64("\x00u@example.org\x00"+letters))
	if answer := p.line(); !strings.HasPrefix(answer, "OK\t7\tuser=u@example.org\t") {
		t.Fatalf("a good login waited behind refusals: %q", answer)
	}
	for range 6 {
		answer := p.line()
		id := strings.Split(answer, "\t")[1]
		if age := time.Since(sent[id]); age < delay {
			t.Errorf("%q left at the age of %v", answer, age)
		}
		if id == "5" && !strings.Contains(answer, "\tcode=authz_fail") {
			t.Errorf("somebody else's name: %q", answer)
		}
		if id != "5" && !strings.HasSuffix(answer, "\treason="+sentence) {
			t.Errorf("not the sentence: %q", answer)
		}
		delete(sent, id)
	}
	if len(sent) != 0 {
		t.Errorf("unanswered: %v", sent)
	}
	// The long exchange: its age counts from the password, not from AUTH.
	secretSent := time.Now()
	p.send("CONT\t9\t" + b64("wrong"))
	if answer := p.line(); time.Since(secretSent) < delay || !strings.HasPrefix(answer, "FAIL\t9\t") {
		t.Errorf("%q left at the age of %v", answer, time.Since(secretSent))
	}
}

// When the store cannot answer, Dovecot's logins are told temp_fail, and mail
// servers that know no such word find their connection closed.
func TestUndecided(t *testing.T) {
	d := start(t, nil)
	_, letters := d.withAppPassword(t, "u@example.org")
	dovecot, postfix, exim := d.dial(t, 2), d.dial(t, 1), d.dial(t, 0)
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	d.broken = true
	if answer := dovecot.login("PLAIN", "service=imap", "u@example.org", letters); answer != "FAIL\tuser=u@example.org\tcode=temp_fail" {
		t.Errorf("to Dovecot: %q", answer)
	}
	for name, p := range map[string]*peer{"Postfix": postfix, "Exim": exim} {
		p.send("AUTH\t1\tPLAIN\tservice=smtp\tnologin\tresp=" + b64("\x00u@example.org\x00"+letters))
		if rest, err := io.ReadAll(p.in); err != nil || len(rest) != 0 {
			t.Errorf("to %s: %q, %v; want a closed connection", name, rest, err)
		}
	}
	master := dialPath(t, d.cfg.SocketPaths().Userdb)
	master.send("VERSION\t1\t1", "USER\t1\tu@example.org\tservice=lmtp")
	master.expect("VERSION\t1\t2")
	if spid := master.line(); !strings.HasPrefix(spid, "SPID\t") {
		t.Errorf("got %q", spid)
	}
	master.expect("FAIL\t1")
}

// REQUEST decides again: what was accepted just before a revocation opens
// nothing after it.
func TestPostLogin(t *testing.T) {
	uid := uint32(1234)
	d := start(t, func(c *config.Config) {
		c.Userdb = config.Userdb{UID: &uid, GID: &uid, Home: "/var/mail/%d/%n", Fields: []config.UserdbField{{Key: "mail", Value: "maildir:~/%u"}}}
	})
	account, letters := d.withAppPassword(t, "u@example.org")
	userdb := "uid=1234\tgid=1234\thome=/var/mail/example.org/u\tmail=maildir:~/u@example.org"
	client := d.dial(t, 2)
	cookie := ""
	for _, line := range client.hand {
		if c, found := strings.CutPrefix(line, "COOKIE\t"); found {
			cookie = c
		}
	}
	master := dialPath(t, d.cfg.SocketPaths().Master)
	master.send("VERSION\t1\t1")
	master.expect("VERSION\t1\t2")
	master.line() // SPID
	n := 0
	request := func(password string, between func()) string {
		t.Helper()
		if answer := client.login("PLAIN", "service=imap", "u@example.org", password); !strings.HasPrefix(answer, "OK\t") {
			t.Fatalf("not let in: %q", answer)
		}
		if between != nil {
			between()
		}
		n++
		master.send(fmt.Sprintf("REQUEST\t%d\t4711\t%d\t%s", n, client.id, cookie))
		answer := master.line()
		_, after, _ := strings.Cut(answer, fmt.Sprintf("\t%d", n))
		return strings.SplitN(answer, "\t", 2)[0] + after
	}
	app := "\tuser_apw=" + store.AppPasswordID{1}.String()
	main := "\tuser_apw=main-" + account.ID.String()
	refused := "FAIL\treason=" + sentence
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	check(request(letters, nil), "USER\tu@example.org\t"+userdb+app)
	check(request(mainPass, nil), "USER\tu@example.org\t"+userdb+main)
	check(request(mainPass, func() {
		d.edit(t, "u@example.org", func(a *store.Account) { a.Bound = time.Now() })
	}), refused)
	check(request(letters, nil), "USER\tu@example.org\t"+userdb+app)
	check(request(letters, func() {
		d.edit(t, "u@example.org", func(a *store.Account) { a.AppPasswords[0].State = store.Revoked })
	}), refused)

	// Disabled accounts are found: their mail still arrives.
	d.edit(t, "u@example.org", func(a *store.Account) { a.Disabled = true })
	lmtp := dialPath(t, d.cfg.SocketPaths().Userdb)
	lmtp.send("VERSION\t1\t1", "USER\t1\tU@Example.org\tservice=lmtp", "USER\t2\tnobody@example.org\tservice=lmtp", "USER\t3\ta@b@c\tservice=lmtp")
	lmtp.line()
	lmtp.line()
	lmtp.expect("USER\t1\tu@example.org\t" + userdb)
	lmtp.expect("NOTFOUND\t2")
	lmtp.expect("NOTFOUND\t3")
}

// A second daemon on the same folder stops before it takes the first one's
// sockets away, and what was there before a restart is there after it.
func TestRestart(t *testing.T) {
	d := start(t, nil)
	_, letters := d.withAppPassword(t, "u@example.org")
	if second, err := Open(d.cfg, Options{}); !errors.Is(err, kv.ErrLocked) {
		if err == nil {
			second.Close()
		}
		t.Fatalf("a second daemon: %v", err)
	}
	in := func(d *running) {
		t.Helper()
		if answer := d.dial(t, 2).login("PLAIN", "service=imap", "u@example.org", letters); !strings.HasPrefix(answer, "OK\t") {
			t.Errorf("%q", answer)
		}
	}
	in(d)
	d.stop()
	for _, path := range []string{d.cfg.SocketPaths().Client, d.cfg.SocketPaths().Admin} {
		if info, err := os.Stat(path); err != nil || info.Mode().Type() != fs.ModeSocket {
			t.Errorf("a stop took the socket away: %v", err)
		}
	}
	again := startIn(t, d.cfg)
	in(again)
	events, err := again.store.Events(t.Context(), store.EventQuery{Address: "u@example.org"})
	if err != nil || len(events) != 1 || events[0].Reason != store.ReasonAppPassword {
		t.Errorf("the event of before the restart: %+v, %v", events, err)
	}
}

func TestSocketModes(t *testing.T) {
	d := start(t, func(c *config.Config) {
		c.Listeners = []config.Listener{{Path: c.RunDir + "/sub/postfix", Kind: config.KindClient, Mode: 0o666}}
	})
	paths := d.cfg.SocketPaths()
	for path, mode := range map[string]fs.FileMode{
		paths.Client: 0o660, paths.Master: 0o660, paths.Userdb: 0o660, paths.Admin: 0o600, d.cfg.RunDir + "/sub/postfix": 0o666,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want mode %v", path, info, err, mode)
		}
	}
	for _, file := range []string{"/" + KeyFile, "/" + DatabaseFile} {
		if info, err := os.Stat(d.cfg.DataDir + file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
}

// A reload is in force for the next request of connections that are open.
func TestReload(t *testing.T) {
	d := start(t, nil)
	d.account(t, "u@example.org", nil)
	p := d.dial(t, 2)
	if answer := p.login("PLAIN", "service=imap", "u@example.org", mainPass); !strings.HasPrefix(answer, "OK\t") {
		t.Fatalf("%q", answer)
	}
	next := *d.cfg
	next.Auth.Refusal = "Another sentence."
	next.Auth.Mechanisms = []string{"PLAIN"}
	next.TwoStep = config.TwoStep{Timezone: "UTC", EnforceFrom: &config.Date{Year: 2020, Month: 1, Day: 1}}
	d.Reload(&next)
	if answer := p.login("PLAIN", "service=imap", "u@example.org", mainPass); answer != "FAIL\tuser=u@example.org\treason=Another sentence." {
		t.Errorf("%q", answer)
	}
	// The connection is older than the reload and was told of LOGIN.
	p.send("AUTH\t99\tLOGIN\tservice=imap")
	p.expect("FAIL\t99\treason=Another sentence.")
	if hand := strings.Join(d.dial(t, 2).hand, "\n"); strings.Contains(hand, "LOGIN") || !strings.Contains(hand, "MECH\tPLAIN\tplaintext") {
		t.Errorf("a new connection is told: %s", hand)
	}
}

// While the one worker is busy, a main password whose turn does not come is
// Undecided, at the usual age and in each client's own language; what needs no
// hash is answered as always.
func TestBusy(t *testing.T) {
	busy := make(chan struct{})
	d := start(t, func(c *config.Config) { c.Auth.FailureDelay = config.Duration(800 * time.Millisecond) })
	d.block(busy)
	defer close(busy)
	_, letters := d.withAppPassword(t, "u@example.org")
	first, dovecot, postfix := d.dial(t, 2), d.dial(t, 2), d.dial(t, 1)
	first.send("AUTH\t1\tPLAIN\tservice=imap\tresp=" + b64("\x00u@example.org\x00"+mainPass)) // the worker has it
	<-d.blocked
	sent := time.Now()
	postfix.send("AUTH\t1\tPLAIN\tservice=smtp\tresp=" + b64("\x00u@example.org\x00another"))
	dovecot.send("AUTH\t1\tPLAIN\tservice=imap\tresp="+b64("\x00u@example.org\x00wrong"),
		"AUTH\t2\tPLAIN\tservice=imap\tresp="+b64("\x00u@example.org\x00"+letters))
	if answer := dovecot.line(); !strings.HasPrefix(answer, "OK\t2\t") {
		t.Errorf("an app password waits for the hasher: %q", answer)
	}
	dovecot.expect("FAIL\t1\tuser=u@example.org\tcode=temp_fail")
	if age := time.Since(sent); age < 800*time.Millisecond {
		t.Errorf("temp_fail left at the age of %v", age)
	}
	if rest, err := io.ReadAll(postfix.in); err != nil || len(rest) != 0 {
		t.Errorf("to Postfix: %q, %v; want a closed connection", rest, err)
	}
	first.expect("FAIL\t1\tuser=u@example.org\tcode=temp_fail") // although the worker is stuck with it
}

func TestRequireSecured(t *testing.T) {
	d := start(t, func(c *config.Config) { c.Auth.RequireSecured = true })
	_, letters := d.withAppPassword(t, "u@example.org")
	p := d.dial(t, 2)
	for params, word := range map[string]string{"service=imap": "FAIL", "service=imap\tsecured": "OK", "service=imap\tsecured=tls": "OK"} {
		if answer := p.login("PLAIN", params, "u@example.org", letters); !strings.HasPrefix(answer, word+"\tuser=u@example.org") {
			t.Errorf("%s: %q, want %s", params, answer, word)
		}
	}
}

// The configuration, the mechanisms and the daemon know the same names.
func TestEveryMechanismIsOffered(t *testing.T) {
	var all []string
	for _, m := range sasl.Mechanisms() {
		all = append(all, m.Name)
	}
	if names := config.Mechanisms(); !slices.Equal(names, all) {
		t.Errorf("the configuration takes %v, there are %v", names, all)
	}
	d := start(t, func(c *config.Config) { c.Auth.Mechanisms = all })
	hand := strings.Join(d.dial(t, 2).hand, "\n") + "\n"
	for _, m := range sasl.Mechanisms() {
		// What binds to a channel is for login sockets: TestSCRAMPlus.
		line := "MECH\t" + m.Name + "\t" + strings.Join(m.Flags, "\t") + "\n"
		if strings.Contains(hand, line) == m.Binds {
			t.Errorf("%q is in the handshake: %v", line, m.Binds)
		}
	}
}

// A key without its database, or with an empty one, is a loss and not a new
// beginning: LMTP would bounce the mail of everybody.
func TestLostDatabase(t *testing.T) {
	d := start(t, nil)
	d.account(t, "u@example.org", nil)
	d.stop()
	database := d.cfg.DataDir + "/" + DatabaseFile
	// In this order: what is removed can no longer be emptied.
	for _, loss := range []struct {
		what string
		lose func() error
	}{
		{"empty", func() error { return os.Truncate(database, 0) }},
		{"removed", func() error { return os.Remove(database) }},
	} {
		if err := loss.lose(); err != nil {
			t.Fatal(err)
		}
		if again, err := Open(d.cfg, Options{Offline: true}); !errors.Is(err, ErrDatabaseLost) {
			t.Errorf("%s: %v", loss.what, err)
			if err == nil {
				again.Close()
			}
		}
	}

	// The same where systemd has the key: it is not in data_dir then.
	credentials := t.TempDir()
	if err := os.Rename(d.cfg.DataDir+"/"+KeyFile, credentials+"/"+secret.CredentialName); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	if again, err := Open(d.cfg, Options{Offline: true}); !errors.Is(err, ErrDatabaseLost) {
		t.Errorf("with systemd's key: %v", err)
		if err == nil {
			again.Close()
		}
	}
	if _, err := os.Stat(database); err == nil {
		t.Error("a database was made beside systemd's key")
	}

	// To begin anew is to start once without it.
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	again, err := Open(d.cfg, Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	if again, err := Open(d.cfg, Options{Offline: true}); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("with the key of the lost database: %v", err)
		if err == nil {
			again.Close()
		}
	}
	// That key is systemd's from now on.
	if err := os.Rename(d.cfg.DataDir+"/"+KeyFile, credentials+"/"+secret.CredentialName); err != nil {
		t.Fatal(err)
	}
	if again, err = Open(d.cfg, Options{Offline: true}); err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
