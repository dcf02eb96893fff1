package examples

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// moving is a site that is being moved over as moving/README.md says.
type moving struct {
	*machine
	page    *movingPage
	people  []*mover
	doors   []door
	refusal string // what latchkey tells whom it refuses
	handset *handset
	tls     *tls.Config
}

// mover is one of the site's people.
type mover struct {
	index   int
	address string
	number  string // of the phone
	app     string // app password, once made
}

func (p *mover) main() string { return "main password of " + p.address }

// TestMoving follows moving/README.md, command by command, on a Debian with the
// Dovecot and the Postfix of moving/old-site, and looks after each step whether
// people get in as the page says. Only the page's dates are moved, to ones that are
// ahead; and what systemctl starts is started by systemd.
func TestMoving(t *testing.T) {
	requireMailServers(t)
	requirePeers(t, gatewayPeers)
	requireMachine(t)
	m := newMoving(t)
	m.mayUse(t, m.people, (*mover).main, m.imapAndSMTP()...)

	for _, step := range []struct {
		heading string
		do      func(*testing.T, string) time.Duration
	}{
		{"1. Put latchkey beside what you have", m.putBeside},
		{"2. Import the accounts", m.importAccounts},
		{"3. Let the mail servers ask latchkey", m.switchOver},
		{"4. A few begin", m.begin},
		{"5. A day for all", m.require},
		{"The whole way back", m.goBack},
	} {
		took := time.Duration(-1)
		t.Run(step.heading, func(t *testing.T) { took = step.do(t, step.heading) })
		if t.Failed() || took < 0 {
			t.FailNow() // the next step begins where this one ended
		}
		t.Logf("%s: the machine took %v for its commands", step.heading, took.Round(10*time.Millisecond))
	}
	m.page.mustBeDone(t)
	if journal := m.mustRun(t, "journalctl --no-pager"); strings.Contains(journal, "main password of") {
		t.Error("there are passwords in the journal")
	}
}

// newMoving makes the site as it was.
func newMoving(t *testing.T) *moving {
	t.Helper()
	m := &moving{machine: newMachine(t), page: readMovingPage(t)}
	m.unpack(t)
	m.mustRun(t, "examples/moving/old-site")
	for i, line := range strings.Split(strings.TrimSpace(m.mustRun(t, "cut -d: -f1 /etc/dovecot/users")), "\n") {
		m.people = append(m.people, &mover{index: i, address: line, number: fmt.Sprintf("+861380000%04d", i+1)})
	}
	if len(m.people) != 20 {
		t.Fatalf("%d people", len(m.people))
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(m.mustRun(t, "cat /etc/ssl/certs/mail.example.org.pem"))) {
		t.Fatal("the site has no certificate")
	}
	m.tls = &tls.Config{RootCAs: roots, ServerName: "localhost"}
	for _, d := range doors(&stack{
		place:   &place{tls: m.tls},
		dovecot: &dovecot{series: dovecot23, imaps: "127.0.0.1:993", pop3s: "127.0.0.1:995", sieve: "127.0.0.1:4190"},
		postfix: &postfix{submission: "127.0.0.1:587", submissions: "127.0.0.1:465"},
	}) {
		if d.address != "" {
			m.doors = append(m.doors, d)
		}
	}
	return m
}

// named gives the people of these names, before the @.
func (m *moving) named(names ...string) (some []*mover) {
	for _, p := range m.people {
		if name, _, _ := strings.Cut(p.address, "@"); slices.Contains(names, name) {
			some = append(some, p)
		}
	}
	return some
}

// but gives all people but some.
func (m *moving) but(some ...*mover) []*mover {
	return slices.DeleteFunc(slices.Clone(m.people), func(p *mover) bool { return slices.Contains(some, p) })
}

// imapAndSMTP are the doors that are looked at most often.
func (m *moving) imapAndSMTP() []door {
	return slices.DeleteFunc(slices.Clone(m.doors), func(d door) bool { return d.name != "imap" && d.name != "submission through Postfix" })
}

func (p *mover) appPassword() string { return p.app }

// each does something for everybody at every door, a few at a time.
func (m *moving) each(t *testing.T, people []*mover, doors []door, atOnce int, do func(*mover, door) error) {
	t.Helper()
	turns := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for _, p := range people {
		for _, d := range doors {
			all.Go(func() {
				turns <- struct{}{}
				defer func() { <-turns }()
				if err := m.online(func() error { return do(p, d) }); err != nil {
					t.Errorf("%s: %v", p.address, err)
				}
			})
		}
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// mayUse: everybody gets in with this secret, and has a mailbox, or may send.
func (m *moving) mayUse(t *testing.T, people []*mover, secret func(*mover) string, doors ...door) {
	t.Helper()
	m.each(t, people, doors, 4, func(p *mover, d door) error {
		return d.passWithin(mostPresses, attempt{mechanism: "PLAIN", user: p.address, secret: secret(p)})
	})
}

// mayNotUse: nobody gets in with this secret, and each is told latchkey's sentence.
func (m *moving) mayNotUse(t *testing.T, people []*mover, secret func(*mover) string, doors ...door) {
	t.Helper()
	m.each(t, people, doors, 40, func(p *mover, d door) error {
		c, answer, err := d.tryDecided(attempt{mechanism: "PLAIN", user: p.address, secret: secret(p)})
		if err != nil {
			return err
		}
		defer c.Close()
		if want := d.refused(m.refusal); answer != want {
			return fmt.Errorf("%s: want %q, got %q", d.name, want, answer)
		}
		return nil
	})
}

// settle waits until the daemon has read its configuration again, if it was told to.
func (m *machine) settle(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		journal := m.mustRun(t, "journalctl --unit=latchkey --no-pager --output=cat")
		if strings.LastIndex(journal, "configuration reloaded") >= strings.LastIndex(journal, "Reloading latchkey") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("latchkey does not reload:\n%s", journal)
		}
	}
}

// letCome makes one of the page's dates yesterday: nobody waits for it. With false
// it is ahead again.
func (m *moving) letCome(t *testing.T, date string, come bool) {
	t.Helper()
	from, to := here(date), time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	if !come {
		from, to = to, from
	}
	m.mustRun(t, fmt.Sprintf("grep -q %[1]s /etc/latchkey/latchkey.toml\nsed -i s/%[1]s/%[2]s/ /etc/latchkey/latchkey.toml\nsystemctl reload latchkey", from, to))
	m.settle(t)
}

func (m *moving) putBeside(t *testing.T, heading string) time.Duration {
	took := m.page.follow(t, m.machine, heading, false)
	m.mayUse(t, m.people[:3], (*mover).main, m.imapAndSMTP()...)

	m.page.follow(t, m.machine, heading, true)
	if out, err := m.run("systemctl is-active latchkey latchkey-portal.socket"); err == nil {
		t.Errorf("after the way back it runs: %s", out)
	}
	m.page.follow(t, m.machine, heading, false)
	return took
}

func (m *moving) importAccounts(t *testing.T, heading string) time.Duration {
	took := m.page.follow(t, m.machine, heading, false)
	m.mayUse(t, m.people[:3], (*mover).main, m.imapAndSMTP()...)
	if out := m.mustRun(t, "latchkey events --json --limit 1000"); strings.Contains(out, `"kind":"login`) {
		t.Errorf("somebody asks latchkey already:\n%s", out)
	}
	return took
}

// switchOver goes there, back, and there again.
func (m *moving) switchOver(t *testing.T, heading string) time.Duration {
	took := m.page.follow(t, m.machine, heading, false)
	m.useUp(t, m.named("zhou.ba", "wu.jiu", "feng.yi", "wei.lan", "jiang.he", "shen.hai", "zhu.lin")) // a scheme each
	m.mayUse(t, m.people, (*mover).main, m.imapAndSMTP()...)
	m.mayUse(t, m.people[:3], (*mover).main, m.doors...)
	told := m.mustRun(t, "latchkey explain li.si@example.org imap")
	_, told, _ = strings.Cut(told, "a refused mail program is told:\n")
	told, _, _ = strings.Cut(told, "\n")
	if m.refusal = strings.TrimSpace(told); !strings.Contains(m.refusal, "https://account.example.org/") {
		t.Fatalf("a refused mail program is told %q", m.refusal)
	}
	m.mayNotUse(t, m.people, func(*mover) string { return "a guess" }, m.doors[0])

	m.page.follow(t, m.machine, heading, true)
	m.mayUse(t, m.people, (*mover).main, m.imapAndSMTP()...)
	m.page.follow(t, m.machine, heading, false)
	m.mayUse(t, m.people, (*mover).main, m.imapAndSMTP()...)
	return took
}

// useUp uses passwords, one after the other, until each is kept as Argon2id. One
// that is used while the daemon has much to do is passed over, and has its turn when
// it is looked at again: after an hour, or by another daemon.
func (m *moving) useUp(t *testing.T, people []*mover) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for left := m.unlike(t, people); len(left) > 0; left = m.unlike(t, people) {
		if time.Now().After(deadline) {
			t.Fatalf("not all passwords were hashed anew: %d are left", len(left))
		}
		m.mustRun(t, "systemctl reset-failed latchkey\nsystemctl restart latchkey")
		for i, p := range left {
			m.mayUse(t, []*mover{p}, (*mover).main, m.doors[0])
			const looks = 20
			for range looks { // the next one would be passed over until this one is done
				if len(m.unlike(t, people)) < len(left)-i {
					break
				}
			}
		}
	}
}

// unlike gives those of the people whose password is not kept as Argon2id.
func (m *moving) unlike(t *testing.T, people []*mover) (left []*mover) {
	t.Helper()
	all := m.mustRun(t, "latchkey account list --scheme argon2id")
	for _, p := range people {
		if !strings.Contains(all, p.address) {
			left = append(left, p)
		}
	}
	return left
}

// startKannel follows the README of sms-kannel, on a machine that has its packages,
// and switches the phone on.
func (m *moving) startKannel(t *testing.T) {
	t.Helper()
	blocks := readmeBlocks(t, "sms-kannel/README.md", "## Copy")
	if len(blocks) != 1 {
		t.Fatalf("%d blocks", len(blocks))
	}
	var commands []string
	for line := range strings.Lines(blocks[0]) {
		if !strings.HasPrefix(line, "apt-get install ") {
			commands = append(commands, line)
		}
	}
	m.mustRun(t, "cd examples/sms-kannel\n"+strings.Join(commands, ""))
	m.settle(t)
	fake := m.command("/usr/lib/kannel/test/fakesmsc", "-H", "127.0.0.1", "-r", "10000", "-i", "1", "-m", "0", "100 200 text x")
	m.handset = &handset{process: start(t, "handset", fake, "fakesmsc starting")}
}

func (m *moving) begin(t *testing.T, heading string) time.Duration {
	m.startKannel(t)
	pilots := m.named("han.mei", "yang.guang", "zhu.lin")
	took := m.page.follow(t, m.machine, heading, false,
		pause{"latchkey account show", func(t *testing.T) {
			m.mustExpect(t, m.named("yang.guang")[0])
			for _, p := range pilots {
				m.bind(t, p)
			}
		}},
	)
	m.mayNotUse(t, pilots, (*mover).main, m.doors...)
	m.mayUse(t, pilots, (*mover).appPassword, m.doors...)
	m.mayUse(t, m.but(pilots...), (*mover).main, m.imapAndSMTP()...)

	// The machine has got an app password on the page, which nobody but its owner
	// has read: another one will do.
	scanner := m.named("scanner")[0]
	scanner.app = strings.TrimSpace(m.mustRun(t, "latchkey app-password add scanner@example.org --name test --scope smtp --json | sed 's/.*\"secret\":\"//; s/\".*//'"))
	for _, d := range m.imapAndSMTP() {
		if d.scope == "smtp" {
			m.mayUse(t, []*mover{scanner}, (*mover).appPassword, d)
		} else {
			m.mayNotUse(t, []*mover{scanner}, (*mover).appPassword, d)
		}
	}

	m.letCome(t, "2027-01-15", true)
	late := m.named("qin.feng")
	m.mayNotUse(t, late, (*mover).main, m.imapAndSMTP()...)
	m.mayUse(t, m.but(append(pilots, late...)...), (*mover).main, m.doors[0])
	return took
}

// require is the way to the day, and the days after.
func (m *moving) require(t *testing.T, heading string) time.Duration {
	bound := m.named("han.mei", "yang.guang", "zhu.lin")
	good := m.named("zhang.san", "li.si", "wang.wu", "zhao.liu", "sun.qi", "zhou.ba", "wu.jiu", "zheng.shi", "feng.yi", "chen.er", "chu.shan", "shen.hai")
	late := m.named("wei.lan", "jiang.he", "qin.feng")
	office, scanner := m.named("office"), m.named("scanner")

	took := m.page.follow(t, m.machine, heading, false,
		pause{`latchkey account list | grep "opens`, func(t *testing.T) {
			for _, p := range good {
				m.bind(t, p)
			}
		}},
		pause{`latchkey account list | grep "opens`, func(t *testing.T) {
			m.mayUse(t, m.named("wei.lan", "jiang.he"), (*mover).main, m.imapAndSMTP()...)
			m.letCome(t, "2027-03-01", true)
		}},
	)
	bound = append(bound, good...)
	both := m.imapAndSMTP()
	m.mayNotUse(t, m.but(office...), (*mover).main, both...)
	m.mayUse(t, bound, (*mover).appPassword, both...)
	m.mayUse(t, scanner, (*mover).appPassword, both[1])
	m.mayUse(t, office, (*mover).main, m.doors...)

	m.letCome(t, "2027-03-01", false) // the way back
	m.mayUse(t, m.named("wei.lan", "jiang.he"), (*mover).main, both...)
	m.mayNotUse(t, good, (*mover).main, both[0])
	m.letCome(t, "2027-03-01", true)

	m.bind(t, late[0]) // on the day after
	m.mayUse(t, late[:1], (*mover).appPassword, both...)
	m.mayNotUse(t, late, (*mover).main, both...)
	m.endException(t, office)
	return took
}

// endException lets an exception end of itself.
func (m *moving) endException(t *testing.T, who []*mover) {
	t.Helper()
	m.mustRun(t, "latchkey account exempt "+who[0].address+" --until 1s --reason 'it ends'")
	a := attempt{mechanism: "PLAIN", user: who[0].address, secret: who[0].main()}
	for deadline := time.Now().Add(patience); ; {
		err := m.online(func() error { return m.doors[0].pass(a) })
		if err != nil && strings.Contains(err.Error(), m.refusal) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not end: %v", err)
		}
	}
}

// goBack takes along somebody who came after the move and has bound nothing yet.
func (m *moving) goBack(t *testing.T, heading string) time.Duration {
	newcomer := &mover{index: len(m.people), address: "lin.xin@example.org", number: "+8613800000099"}
	m.mustRun(t, fmt.Sprintf("echo %[1]q | latchkey account add %[2]s --password-stdin\nlatchkey phone expect %[2]s %[3]s",
		newcomer.main(), newcomer.address, newcomer.number))
	took := m.page.follow(t, m.machine, heading, true)
	m.mayUse(t, append(m.people, newcomer), (*mover).main, m.imapAndSMTP()...)
	if home := m.mustRun(t, "doveadm user -f home "+newcomer.address); strings.TrimSpace(home) != "/var/vmail/example.org/lin.xin" {
		t.Errorf("the newcomer's mail is in %q", home)
	}
	a := attempt{mechanism: "PLAIN", user: m.people[0].address, secret: m.people[0].app}
	if err := m.online(func() error { return m.doors[0].pass(a) }); err == nil || !strings.Contains(err.Error(), "AUTHENTICATIONFAILED") {
		t.Errorf("with an app password, of Dovecot's own auth service: %v", err)
	}
	return took
}

// --- What people do at the portal ----------------------------------------------------

// signIn gives address and main password.
func (m *moving) signIn(t *testing.T, p *mover) *visitor {
	t.Helper()
	config := m.tls.Clone()
	config.ServerName = "account.example.org"
	v := newVisitor(t, m.machine, config, net.IPv4(127, byte(p.index+1), 0, 1)) // from everybody's own network
	err := errBusy
	for try := 0; errors.Is(err, errBusy) && try < mostPresses; try++ {
		if err = v.open("/sign-in"); err == nil {
			err = v.submit("/sign-in", map[string]string{"address": p.address, "password": p.main()})
		}
	}
	if err != nil || v.at.Path == "/sign-in" {
		t.Fatalf("%s: %v: %s", p.address, err, v.text("main"))
	}
	return v
}

// bind binds the phone and makes an app password.
func (m *moving) bind(t *testing.T, p *mover) {
	t.Helper()
	v := m.signIn(t, p)
	err := v.open("/phone/bind")
	if err == nil {
		err = v.submit("/phone/bind", map[string]string{"number": p.number})
	}
	if err != nil {
		t.Fatalf("%s: %v", p.address, err)
	}
	message := m.handset.next(t)
	if message.to != p.number {
		t.Fatalf("%s: the code went to %s", p.address, message.to)
	}
	err = v.submit("/phone/bind/code", map[string]string{"code": message.code(t)})
	if err == nil {
		err = v.open("/app-passwords/new")
	}
	if err == nil {
		err = v.submit("/app-passwords/new", map[string]string{"name": "my phone", "expires": "0"})
	}
	p.app = ""
	if err == nil {
		p.app = strings.ReplaceAll(v.text("letters"), " ", "")
	}
	if len(p.app) != 16 {
		t.Fatalf("%s: %v: %s", p.address, err, v.text("main"))
	}
}

// mustExpect tries to bind a number that is not the expected one.
func (m *moving) mustExpect(t *testing.T, p *mover) {
	t.Helper()
	v := m.signIn(t, p)
	err := v.open("/phone/bind")
	if err == nil {
		err = v.submit("/phone/bind", map[string]string{"number": "+8613900000000"})
	}
	if err == nil || v.at.Path != "/phone/bind" {
		t.Errorf("somebody else's number is taken: %v, %s", err, v.text("main"))
	}
}
