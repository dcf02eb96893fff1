package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/kv"
)

// own gives an account userdb fields of its own.
func (r *running) own(t *testing.T, address string, pairs ...string) {
	t.Helper()
	var fields []store.UserdbField
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		fields = append(fields, store.UserdbField{Key: key, Value: value})
	}
	err := r.store.Update(t.Context(), func(w *store.Writer) error {
		a, err := w.Account(address)
		if err != nil {
			return err
		}
		return errors.Join(w.PutUserdb(a, fields), w.PutAccount(a))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// asker is a connection to a master or userdb socket.
func asker(t *testing.T, path string) *dovecot.MasterClient {
	t.Helper()
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	m, err := dovecot.NewMasterClient(nc)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// told is a reply in one line.
func told(reply dovecot.UserReply, err error) string {
	if err != nil {
		return err.Error()
	}
	line := [...]string{"FAIL", "NOTFOUND", "USER"}[reply.Outcome]
	if reply.Reason != "" {
		line += " reason=" + reply.Reason
	}
	if reply.User != "" {
		line += " " + reply.User
	}
	for _, f := range reply.Fields {
		line += " " + f.Key + "=" + f.Value
	}
	return line
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func listed(t *testing.T, m *dovecot.MasterClient, mask string) (string, error) {
	t.Helper()
	var names []string
	err := m.List(t.Context(), &dovecot.ListQuery{Mask: mask, Service: "doveadm"}, func(user string) bool {
		names = append(names, user)
		return true
	})
	slices.Sort(names)
	return strings.Join(names, " "), err
}

// login lets an account in and asks for its mailbox, as imap-login and imap would.
func (r *running) login(t *testing.T, address, password string) string {
	t.Helper()
	nc, err := net.Dial("unix", r.cfg.SocketPaths().Client)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c, err := dovecot.NewClient(nc, dovecot.ClientOptions{Minor: 2, PID: 4711})
	if err != nil {
		t.Fatal(err)
	}
	reply, err := c.Authenticate(t.Context(), &dovecot.AuthRequest{Mechanism: "PLAIN", Service: "imap", Session: "s1",
		Initial: []byte("\x00" + address + "\x00" + password)}, nil)
	if err != nil || !reply.OK {
		t.Fatalf("not let in: %+v, %v", reply, err)
	}
	return told(asker(t, r.cfg.SocketPaths().Master).Request(t.Context(), dovecot.LoginRequest{ClientPID: 4711, ClientID: reply.ID, Cookie: c.Cookie}))
}

// An account's own fields stand in the place of the templates, for look-ups and
// after a login, and no login needs them to be read.
func TestOwnUserdbFields(t *testing.T) {
	uid := uint32(1234)
	d := start(t, func(c *config.Config) {
		c.Userdb = config.Userdb{UID: &uid, Home: "/var/mail/%n", Fields: []config.UserdbField{{Key: "quota_rule", Value: "*:storage=1G"}}}
	})
	account, letters := d.withAppPassword(t, "u@example.org")
	d.account(t, "v@example.org", nil)
	d.own(t, "u@example.org", "gid=77", "home=/srv/%d/%n", "quota_rule=*:storage=5%%", "uid=4321")
	lmtp := asker(t, d.cfg.SocketPaths().Userdb)
	const fields = "uid=4321 home=/srv/example.org/u quota_rule=*:storage=5% gid=77"
	same(t, "its own", told(lmtp.User(t.Context(), "U@example.org", "lmtp")), "USER u@example.org "+fields)
	same(t, "another's", told(lmtp.User(t.Context(), "v@example.org", "lmtp")), "USER v@example.org uid=1234 home=/var/mail/v quota_rule=*:storage=1G")
	same(t, "after a login", d.login(t, "u@example.org", letters), "USER u@example.org "+fields+" user_apw="+store.AppPasswordID{1}.String())

	d.stop()
	d.flipRecord(t, append(append([]byte{'b'}, account.ID[:]...), 'f'))
	d = startIn(t, d.cfg)
	lmtp = asker(t, d.cfg.SocketPaths().Userdb)
	same(t, "damaged", told(lmtp.User(t.Context(), "u@example.org", "lmtp")), "FAIL")
	same(t, "damaged, PASS", told(lmtp.Pass(t.Context(), "u@example.org", "lmtp")), "FAIL")
	same(t, "damaged, after a login", d.login(t, "u@example.org", letters), "FAIL") // which is let in: login fails the test otherwise
	same(t, "damaged, another's", told(lmtp.User(t.Context(), "v@example.org", "lmtp"))[:4], "USER")
}

// flipRecord flips a bit of a record while the daemon is stopped.
func (r *running) flipRecord(t *testing.T, key []byte) {
	t.Helper()
	engine, err := boltkv.Open(filepath.Join(r.cfg.DataDir, DatabaseFile), boltkv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = engine.Update(t.Context(), func(w kv.Writer) error {
		value, err := w.Get(key)
		if err != nil {
			return err
		}
		value = bytes.Clone(value)
		value[len(value)-1] ^= 1
		return w.Put(key, value)
	})
	if err := errors.Join(err, engine.Close()); err != nil {
		t.Fatal(err)
	}
}

// PASS says that an account exists, and LIST which: never a credential.
func TestPassAndList(t *testing.T) {
	d := start(t, nil)
	account, letters := d.withAppPassword(t, "u@example.org")
	d.account(t, "disabled@example.org", func(a *store.Account) { a.Disabled = true })
	d.account(t, "w@example.com", nil)
	for _, path := range []string{d.cfg.SocketPaths().Userdb, d.cfg.SocketPaths().Master} {
		m := asker(t, path)
		same(t, "PASS", told(m.Pass(t.Context(), "U@Example.org", "lmtp")), "USER u@example.org")
		same(t, "PASS, disabled", told(m.Pass(t.Context(), "disabled@example.org", "lmtp")), "USER disabled@example.org")
		same(t, "PASS, unknown", told(m.Pass(t.Context(), "nobody@example.org", "lmtp")), "NOTFOUND")
		same(t, "PASS, no name", told(m.Pass(t.Context(), "a@b@c", "lmtp")), "NOTFOUND")
		for mask, want := range map[string]string{"": "disabled@example.org u@example.org w@example.com", "*@EXAMPLE.org": "disabled@example.org u@example.org", "?@*": "u@example.org w@example.com", "x": ""} {
			names, err := listed(t, m, mask)
			if err != nil || names != want {
				t.Errorf("%q: %q, %v; want %q", mask, names, err, want)
			}
		}
	}
	if n, err := asker(t, d.cfg.SocketPaths().Master).CacheFlush(t.Context(), "u@example.org"); n != 0 || err != nil {
		t.Errorf("CACHE-FLUSH: %d, %v", n, err)
	}
	raw := dialPath(t, d.cfg.SocketPaths().Userdb)
	raw.send("VERSION\t1\t1", "PASS\t1\tu@example.org\tservice=lmtp")
	raw.line()
	raw.line()
	if line := raw.line(); line != "PASS\t1\tuser=u@example.org" || strings.Contains(line, letters) || strings.Contains(line, account.MainHash) {
		t.Errorf("%q", line)
	}
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	d.broken = true
	m := asker(t, d.cfg.SocketPaths().Userdb)
	same(t, "PASS, store away", told(m.Pass(t.Context(), "u@example.org", "lmtp")), "FAIL")
	if _, err := listed(t, m, ""); !errors.Is(err, dovecot.ErrList) {
		t.Errorf("LIST, store away: %v", err)
	}
}

// A list of several pages is whole, and while its peer does not read, accounts can
// be changed: no transaction is held.
func TestLongList(t *testing.T) {
	const accounts = 12_000
	d := start(t, nil)
	err := d.store.Update(t.Context(), func(w *store.Writer) error {
		for i := range accounts {
			if _, err := w.CreateAccount(fmt.Sprintf("user%05d.%s@example.org", i, strings.Repeat("x", 50)), ""); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p := dialPath(t, d.cfg.SocketPaths().Userdb)
	p.send("VERSION\t1\t1", "LIST\t1\tuser=*")
	p.line()
	p.line()
	for i := range accounts {
		p.expect(fmt.Sprintf("LIST\t1\tuser%05d.%s@example.org", i, strings.Repeat("x", 50)))
		if i == 10 {
			d.edit(t, "user00001."+strings.Repeat("x", 50)+"@example.org", func(a *store.Account) { a.Disabled = true })
		}
	}
	p.expect("DONE\t1\t")
}

// A damaged account is missing from a list, which says so at its end.
func TestListWithDamage(t *testing.T) {
	d := start(t, nil)
	for _, name := range []string{"a", "b", "c"} {
		d.account(t, name+"@example.org", nil)
	}
	d.stop()
	d.flipRecord(t, []byte("ab@example.org"))
	again := startIn(t, d.cfg)
	names, err := listed(t, asker(t, again.cfg.SocketPaths().Userdb), "")
	if names != "a@example.org c@example.org" || !errors.Is(err, dovecot.ErrList) {
		t.Errorf("%q, %v", names, err)
	}
}

// otherUserdb is the userdb of a Dovecot that is relayed: what it says about each
// name, and what it was asked.
type otherUserdb struct {
	mu    sync.Mutex // guards what follows
	says  map[string]dovecot.UserReply
	asked []string
	came  chan struct{} // not nil: gets one for each question, none of which is answered
}

func (o *otherUserdb) Request(context.Context, any, *dovecot.LoginQuery) dovecot.UserReply {
	return dovecot.UserReply{}
}

func (o *otherUserdb) User(ctx context.Context, q *dovecot.UserQuery) dovecot.UserReply {
	o.mu.Lock()
	o.asked = append(o.asked, strings.TrimSpace(q.User+" "+q.Service+" "+q.Session))
	reply, known := o.says[q.User]
	o.mu.Unlock()
	if o.came != nil {
		o.came <- struct{}{}
		<-ctx.Done()
	}
	if !known {
		return dovecot.UserReply{Outcome: dovecot.NotFound}
	}
	return reply
}

func (o *otherUserdb) List(_ context.Context, _ *dovecot.ListQuery, yield func(string) bool) error {
	_ = yield("u@example.org") && yield("theirs@example.org")
	return nil
}

func (o *otherUserdb) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.asked) == 0 {
		return ""
	}
	return o.asked[len(o.asked)-1]
}

// serve makes it answer on a socket; the function returned stops it.
func (o *otherUserdb) serve(t *testing.T, path string) (stop func()) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &dovecot.Server{Master: o}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l, dovecot.KindUserdb) }()
	return sync.OnceFunc(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
}

// relaying starts a daemon that relays another userdb, which is stopped at the end.
func relaying(t *testing.T, o *otherUserdb) (d *running, path string, stop func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "auth-userdb")
	if len(path) > 100 { // a socket's
		t.Fatal(path)
	}
	stop = o.serve(t, path)
	t.Cleanup(stop)
	return start(t, func(c *config.Config) { c.Userdb.Relay = path }), path, stop
}

func found(user string, pairs ...string) dovecot.UserReply {
	reply := dovecot.UserReply{Outcome: dovecot.Found, User: user}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		reply.Fields = append(reply.Fields, dovecot.Field{Key: key, Value: value})
	}
	return reply
}

func TestRelayedUserdb(t *testing.T) {
	o := &otherUserdb{says: map[string]dovecot.UserReply{
		"u@example.org":       found("u@example.org", "uid=5000", "home=/srv/u", "password=hunter2", "nopassword=y", "user_apw=forged", "quota_rule=*:storage=1G"),
		"theirs@example.org":  found("theirs", "uid=5001", "pass=hunter2"),
		"a@b@c":               found("a@b@c", "uid=5002"),
		"trouble@example.org": {Reason: "disk is away"},
		"down@example.org":    {},
	}}
	d, path, stop := relaying(t, o)
	_, letters := d.withAppPassword(t, "u@example.org")
	d.account(t, "disabled@example.org", func(a *store.Account) { a.Disabled = true })
	d.account(t, "trouble@example.org", nil)
	d.account(t, "ours@example.org", nil)
	lmtp := asker(t, d.cfg.SocketPaths().Userdb)
	user := func(name, want string) {
		t.Helper()
		same(t, name, told(lmtp.User(t.Context(), name, "lmtp")), want)
	}
	const fields = "USER u@example.org uid=5000 home=/srv/u quota_rule=*:storage=1G"
	user("U@Example.org", fields)
	same(t, "asked", o.last(), "u@example.org lmtp")
	user("theirs@example.org", "USER theirs uid=5001")
	user("a@b@c", "USER a@b@c uid=5002")
	user("nobody@example.org", "NOTFOUND")
	user("ours@example.org", "FAIL")     // known here, not there: mail is kept
	user("disabled@example.org", "FAIL") // likewise
	user("trouble@example.org", "FAIL reason=disk is away")
	user("down@example.org", "FAIL")

	app := " user_apw=" + store.AppPasswordID{1}.String()
	same(t, "after a login", d.login(t, "u@example.org", letters), fields+app)
	same(t, "asked after a login", o.last(), "u@example.org imap s1")
	same(t, "after a login, not known there", d.login(t, "ours@example.org", mainPass), "FAIL")
	same(t, "after a login, FAIL there", d.login(t, "trouble@example.org", mainPass), "FAIL reason=disk is away")

	d.own(t, "u@example.org", "home=/own/%n", "uid=6000")
	user("u@example.org", "USER u@example.org uid=6000 home=/own/u quota_rule=*:storage=1G")
	same(t, "PASS", told(lmtp.Pass(t.Context(), "u@example.org", "lmtp")), "USER u@example.org")
	same(t, "PASS, only theirs", told(lmtp.Pass(t.Context(), "theirs@example.org", "lmtp")), "NOTFOUND")
	if names, err := listed(t, lmtp, "t*"); err != nil || names != "theirs@example.org" {
		t.Errorf("LIST: %q, %v", names, err)
	}

	// It goes away, and comes back.
	stop()
	user("u@example.org", "FAIL")
	user("nobody@example.org", "FAIL")
	same(t, "after a login, away", d.login(t, "u@example.org", letters), "FAIL")
	if _, err := listed(t, lmtp, ""); !errors.Is(err, dovecot.ErrList) {
		t.Errorf("LIST, away: %v", err)
	}
	defer o.serve(t, path)()
	user("theirs@example.org", "USER theirs uid=5001")

	// A reload names another, or none.
	second := &otherUserdb{says: map[string]dovecot.UserReply{"u@example.org": found("u@example.org", "uid=7000")}}
	defer second.serve(t, path+"2")()
	next := *d.cfg
	next.Userdb.Relay = path + "2"
	d.Reload(&next)
	user("theirs@example.org", "NOTFOUND")
	next2 := next
	next2.Userdb = config.Userdb{Home: "/t/%n"}
	d.Reload(&next2)
	user("ours@example.org", "USER ours@example.org home=/t/ours")
}

// When our own store cannot answer, the relayed userdb does not answer in its
// place: the account's own fields are not known.
func TestRelayedUserdbWithoutStore(t *testing.T) {
	o := &otherUserdb{says: map[string]dovecot.UserReply{"u@example.org": found("u@example.org", "uid=5000")}}
	d, _, _ := relaying(t, o)
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	d.broken = true
	same(t, "USER", told(asker(t, d.cfg.SocketPaths().Userdb).User(t.Context(), "u@example.org", "lmtp")), "FAIL")
	same(t, "asked", o.last(), "")
}

// A relayed userdb that does not answer holds up its askers, and nothing else; the
// daemon stops all the same.
func TestRelayedUserdbHangs(t *testing.T) {
	o := &otherUserdb{came: make(chan struct{}, 1)}
	d, _, _ := relaying(t, o)
	_, letters := d.withAppPassword(t, "u@example.org")
	p := dialPath(t, d.cfg.SocketPaths().Userdb)
	p.send("VERSION\t1\t1", "USER\t1\tu@example.org\tservice=lmtp")
	<-o.came
	if answer := d.dial(t, 2).login("PLAIN", "service=imap", "u@example.org", letters); !strings.HasPrefix(answer, "OK\t") {
		t.Errorf("%q", answer)
	}
	began := time.Now()
	if err := d.server.Close(); err != nil || time.Since(began) > 8*time.Second {
		t.Errorf("it took %v to stop, %v", time.Since(began), err)
	}
}
