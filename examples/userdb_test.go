package examples

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// testOwnFields gives one account a home of its own: mail programs and LMTP find
// its mailbox there, and nobody else's.
func testOwnFields(t *testing.T, s *stack, p *people) {
	user, app := p.crowd[0], p.crowdApps[0]
	home := filepath.Join(s.place.dir, "vmail/moved")
	s.latchkey.command(t, "", "account", "userdb", "set", user, "home="+home+"/%n", "userdb_quota_rule=*:storage=1G")
	out, err := s.dovecot.doveadm(t, "user", user)
	if err != nil || !strings.Contains(out, home+"/crowd0\n") || !strings.Contains(out, "quota_rule\t*:storage=1G") || !strings.Contains(out, "uid\t5000") {
		t.Errorf("doveadm user: %v\n%s", err, out)
	}
	if err := s.doors[0].pass(attempt{mechanism: "PLAIN", user: user, secret: app.Secret}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(home, "crowd0/Maildir/cur")); err != nil {
		t.Errorf("its mailbox is elsewhere: %v", err)
	}
	if out, err := s.dovecot.doveadm(t, "user", "-f", "home", p.crowd[1]); err != nil || strings.Contains(out, "moved") {
		t.Errorf("another's home: %q, %v", out, err)
	}
	s.latchkey.command(t, "", "account", "userdb", "unset", user, "--all")
	if out, err := s.dovecot.doveadm(t, "user", "-f", "home", user); err != nil || strings.Contains(out, "moved") {
		t.Errorf("unset: %q, %v", out, err)
	}
}

// kept is a Dovecot that keeps its own userdb, with latchkey before its doors.
type kept struct {
	*stack
	// Accounts: of both, only latchkey's, only Dovecot's.
	both, ours, theirs string
	app, oursApp       appPassword
	conf               string // a small one, that everybody may read
	open               string // a userdb socket of latchkey's with mode 0666
}

// newKept starts what the README of dovecot-2.3 says under "Keep the userdb you
// have", with the lines that stand there.
func newKept(t *testing.T) *kept {
	t.Helper()
	k := &kept{both: "both@example.org", ours: "ours@example.org", theirs: "theirs@example.org"}
	p := newPlace(t)
	p.folder(t, "vmail", "root", 0o777)
	f := newPostfix(t, p) // for its folders; it is not started
	_, relayPort, _ := strings.Cut(f.smtp, ":")
	k.stack = &stack{t: t, place: p, postfix: f, latchkey: newLatchkey(t, p, dovecot23, ""), dovecot: newDovecot(t, p, dovecot23, relayPort)}
	k.open = filepath.Join(k.latchkey.run, "open")
	lines := readmeBlocks(t, "dovecot-2.3/README.md", "## Keep the userdb you have")
	if len(lines) != 3 {
		t.Fatalf("%d blocks in the README", len(lines))
	}
	k.editConfig(t, p.moved(lines[0]))
	users := p.write(t, "users", fmt.Sprintf("%s::5000:5000::%s/vmail/both::userdb_mail=maildir:~/Kept userdb_quota_rule=*:storage=7M userdb_pass=hunter2\n"+
		"%s::5000:5000::%s/vmail/theirs::\n", k.both, p.dir, k.theirs, p.dir))
	userdb := fmt.Sprintf("userdb {\n  driver = passwd-file\n  args = username_format=%%u %s\n}\n", users)
	appendTo(t, k.dovecot.conf, strings.Replace(lines[1], "group = latchkey", "group = root", 1)+lines[2]+userdb)
	k.conf = p.write(t, "small.conf", fmt.Sprintf("base_dir = %s\nssl = no\nlog_path = /dev/stderr\n", p.dir))
	k.dovecot.start(t)
	k.latchkey.start(t)
	k.doors = doors(k.stack)
	for _, address := range []string{k.both, k.ours} {
		k.latchkey.addAccount(t, address, "correct horse 42")
	}
	k.app, k.oursApp = k.latchkey.addAppPassword(t, k.both, ""), k.latchkey.addAppPassword(t, k.ours, "")
	return k
}

// editConfig puts a section [userdb] in the place of the example's, and its last
// listener on another path, with mode 0666.
func (k *kept) editConfig(t *testing.T, section string) {
	t.Helper()
	text, err := os.ReadFile(k.latchkey.config)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), "[userdb]\n")
	_, rest, foundListeners := strings.Cut(rest, "[[listener]]\n")
	if !found || !foundListeners {
		t.Fatalf("the example has no [userdb] before its listeners:\n%s", text)
	}
	edited := before + section + "[[listener]]\n" + rest
	last := fmt.Sprintf("path = %q\nkind = \"userdb\"\nowner = \"dovecot\"\ngroup = \"dovecot\"\nmode = \"0660\"\n", filepath.Join(k.dovecot.base, "auth-userdb"))
	if !strings.Contains(edited, last) {
		t.Fatalf("the example has another listener for delivery:\n%s", edited)
	}
	edited = strings.Replace(edited, last, fmt.Sprintf("path = %q\nkind = \"userdb\"\nmode = \"0666\"\n", k.open), 1)
	if err := os.WriteFile(k.latchkey.config, []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(before, text...), 0o644); err != nil {
		t.Fatal(err)
	}
}

// readmeBlocks gives the code blocks below a heading.
func readmeBlocks(t *testing.T, file, heading string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), heading+"\n")
	if !found {
		t.Fatalf("%s has no %q", file, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var blocks []string
	for i, part := range strings.Split(section, "```") {
		if i%2 == 1 {
			_, lines, _ := strings.Cut(part, "\n") // after the language
			blocks = append(blocks, lines)
		}
	}
	return blocks
}

// TestKeptUserdb lets Dovecot keep its own userdb, which latchkey relays.
func TestKeptUserdb(t *testing.T) {
	requireMailServers(t)
	k := newKept(t)
	relayed := k.latchkey.run + "/auth-userdb"
	login, master := filepath.Join(k.dovecot.base, "login/latchkey/auth"), filepath.Join(k.dovecot.base, "auth-master")
	home := filepath.Join(k.place.dir, "vmail/both")

	t.Run("login", func(t *testing.T) {
		if err := k.doors[0].pass(attempt{mechanism: "PLAIN", user: k.both, secret: k.app.Secret}); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(home, "Kept/cur")); err != nil {
			t.Errorf("its mailbox is not where Dovecot's userdb says: %v", err)
		}
	})
	t.Run("login, only latchkey's", func(t *testing.T) {
		c, err := k.doors[0].open()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.send("a AUTHENTICATE PLAIN"); err != nil {
			t.Fatal(err)
		}
		// The login itself is good, but there is no mailbox: imap-login hangs up
		// without a word, rather than saying "no" to the password.
		answer, err := c.exchange(attempt{mechanism: "PLAIN", user: k.ours, secret: k.oursApp.Secret}, prefixed("+"), "%s")
		if !errors.Is(err, io.EOF) || answer != "" {
			t.Errorf("%q, %v", answer, err)
		}
	})
	steps := []struct {
		name string
		ok   bool
		want string
		args []string
	}{
		{"Dovecot's own socket", true, "quota_rule\t*:storage=7M", []string{"user", k.both}},
		{"Dovecot's own socket, all", true, k.both + "\n" + k.theirs + "\n", []string{"user", "*"}},
		{"auth login", true, "home=" + home, []string{"auth", "login", "-a", login, "-m", master, "-x", "service=imap", k.both, k.app.Secret}},
		{"auth login names the app password", true, "user_apw=" + k.app.ID, []string{"auth", "login", "-a", login, "-m", master, "-x", "service=imap", k.both, k.app.Secret}},
		{"relayed", true, "quota_rule\t*:storage=7M", []string{"user", "-a", relayed, k.both}},
		{"relayed, home", true, home + "\n", []string{"user", "-a", relayed, "-f", "home", k.both}},
		{"relayed, only theirs", true, "uid\t5000", []string{"user", "-a", relayed, k.theirs}},
		{"relayed, only ours", false, "Auth USER lookup failed", []string{"user", "-a", relayed, k.ours}},
		{"relayed, unknown", false, "doesn't exist", []string{"user", "-a", relayed, "nobody@example.org"}},
		{"relayed, all", true, k.both + "\n" + k.theirs + "\n", []string{"user", "-a", relayed, "*"}},
		{"relayed, some", true, k.theirs + "\n", []string{"user", "-a", relayed, "t*"}},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			out, err := k.dovecot.doveadm(t, step.args...)
			if (err == nil) != step.ok || !strings.Contains(out, step.want) || strings.Contains(out, "hunter2") && strings.Contains(step.name, "relayed") {
				t.Errorf("want %q and success %v, got %q, %v", step.want, step.ok, out, err)
			}
		})
	}
	t.Run("lmtp", func(t *testing.T) { testKeptLMTP(t, k) })
	t.Run("a socket of mode 0666", func(t *testing.T) { testOpenSocket(t, k) })
	t.Run("Dovecot restarts", func(t *testing.T) {
		k.dovecot.stop(t)
		out, err := run("", "doveadm", "-c", k.conf, "user", "-a", relayed, k.both)
		if err == nil || !strings.Contains(out, "Auth USER lookup failed") {
			t.Errorf("Dovecot is away: %q, %v", out, err)
		}
		k.dovecot.start(t)
		if err := k.doors[0].pass(attempt{mechanism: "PLAIN", user: k.both, secret: k.app.Secret}); err != nil {
			t.Error(err)
		}
	})
}

// testKeptLMTP delivers to whom Dovecot's userdb knows.
func testKeptLMTP(t *testing.T, k *kept) {
	c := mustDial(t, "unix", filepath.Join(k.place.dir, "queue/private/dovecot-lmtp"))
	converse(t, c, []exchange{
		{"250", "LHLO client.example"},
		{"250", "MAIL FROM:<someone@elsewhere.example>"},
		{"550", "RCPT TO:<nobody@example.org>"},
		{"250", "RCPT TO:<" + k.theirs + ">"},
		{"250", "RCPT TO:<" + k.both + ">"},
	})
}

// testOpenSocket asks a userdb socket that everybody may open as somebody who is
// neither root nor its owner nor of its group: only his own entry is for him.
func testOpenSocket(t *testing.T, k *kept) {
	uid, gid := ids(t, "nobody")
	k.latchkey.command(t, "", "account", "userdb", "set", k.both, fmt.Sprintf("uid=%d", uid))
	defer k.latchkey.command(t, "", "account", "userdb", "unset", k.both, "uid")
	ask := func(as *syscall.Credential, args ...string) (string, error) {
		cmd := exec.Command("doveadm", append([]string{"-c", k.conf}, args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		cmd.Dir = "/"
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	nobody := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for _, step := range []struct {
		name string
		as   *syscall.Credential
		ok   bool
		want string
		args []string
	}{
		{"his own", nobody, true, fmt.Sprintf("uid\t%d", uid), []string{"user", "-a", k.open, k.both}},
		{"another's", nobody, false, "Auth USER lookup failed", []string{"user", "-a", k.open, k.theirs}},
		{"list", nobody, false, "failed", []string{"user", "-a", k.open, "*"}},
		{"name", nobody, false, "Auth PASS lookup failed", []string{"auth", "lookup", "-a", k.open, k.both}},
		{"root", nil, true, "uid\t5000", []string{"user", "-a", k.open, k.theirs}},
		{"root, list", nil, true, k.both + "\n" + k.theirs + "\n", []string{"user", "-a", k.open, "*"}},
		{"root, name", nil, true, "passdb: " + k.both, []string{"auth", "lookup", "-a", k.open, k.both}},
	} {
		t.Run(step.name, func(t *testing.T) {
			out, err := ask(step.as, step.args...)
			if (err == nil) != step.ok || !strings.Contains(out, step.want) {
				t.Errorf("want %q and success %v, got %q, %v", step.want, step.ok, out, err)
			}
		})
	}
}
