package examples

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

var eximPeers = []peer{
	{"Exim 4.96 (.ci/exim)", "../.build/exim/stamp"},
	{"Exim's SPF library (libspf2-2)", "/usr/lib/libspf2.so.2"},
}

// eximUser is who Exim runs as: the name is compiled in.
const eximUser = "Debian-exim"

// exim is a whole Exim.
type exim struct {
	*process
	place   *place
	name    string // of its folders
	command []string
	log     *logBook // its main log

	smtp, submissions, submission string // addresses
}

// newExim is an Exim running examples/exim.
func newExim(t *testing.T, p *place, v series, lmtpPort string) *exim {
	t.Helper()
	for _, name := range []string{"exim", "exim/conf.d", "exim/conf.d/auth"} {
		p.folder(t, name, "root", 0o755)
	}
	p.copy(t, "exim/exim4.conf")
	p.write(t, "exim/conf.d/auth/30_latchkey", withEximSCRAM(readFile(t, "exim/30_latchkey")))
	overlay := "spool_directory = " + p.dir + "/exim-spool\n"
	if !v.debian13 { // elsewhere than it thinks
		overlay += "exim_path = " + eximProgram(t, v) + "\n"
	}
	e := newEximProgram(t, p, v, "exim", overlay+".include "+p.dir+"/exim/exim4.conf\n")
	ports := freePorts(t, 3)
	e.smtp, e.submissions, e.submission = "127.0.0.1:"+ports[0], "127.0.0.1:"+ports[1], "127.0.0.1:"+ports[2]
	e.command = append(e.command,
		"-DCONFDIR="+p.dir+"/exim",
		"-DPORT_25="+ports[0], "-DPORT_465="+ports[1], "-DPORT_587="+ports[2], "-DPORT_LMTP="+lmtpPort,
		"-oX", "<; 127.0.0.1."+ports[0]+"; 127.0.0.1."+ports[1]+"; 127.0.0.1."+ports[2])
	return e
}

// withEximSCRAM does what the example says about SCRAM: "take the # away".
func withEximSCRAM(example string) string {
	before, commented, _ := strings.Cut(example, "#latchkey_scram:")
	return before + "latchkey_scram:" + strings.ReplaceAll(commented, "\n#", "\n")
}

// newEximDebian is an Exim running Debian's own configuration with the two files
// of examples/exim that are for it, put together by Debian's own program. Ports
// 25, 465 and 587 in one of them cannot be moved: it listens on another.
func newEximDebian(t *testing.T, p *place, v series) *exim {
	t.Helper()
	folder := p.folder(t, "exim-debian", "root", 0o755)
	root := filepath.Dir(filepath.Dir(filepath.Dir(eximProgram(t, v))))
	if v.debian13 {
		root = "../.build/debian13"
	}
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(root, "etc/exim4"))); err != nil {
		t.Fatal(err)
	}
	p.write(t, "exim-debian/conf.d/auth/30_latchkey", readFile(t, "exim/30_latchkey"))
	p.write(t, "exim-debian/conf.d/main/000_localmacros", readFile(t, "exim/000_localmacros"))
	p.write(t, "exim-debian/update-exim4.conf.conf", "dc_eximconfig_configtype='internet'\ndc_use_split_config='true'\n")
	made := filepath.Join(folder, "exim4.conf")
	mustRun(t, "", filepath.Join(root, "usr/sbin/update-exim4.conf"), "-d", folder, "-o", made)

	e := newEximProgram(t, p, v, "exim-debian", ".include "+made+"\n")
	port := freePorts(t, 1)[0]
	e.submission = "127.0.0.1:" + port
	e.command = append(e.command, "-oX", "127.0.0.1."+port, "-DSPOOLDIR="+p.dir+"/exim-debian-spool",
		// It would ask the DNS who the client is and what its own name is.
		"-DMAIN_HOST_LOOKUP=", "-DMAIN_HARDCODE_PRIMARY_HOSTNAME=localhost", "-DMAIN_QUALIFY_DOMAIN=localhost")
	return e
}

// newEximProgram is an Exim whose configuration is an overlay that includes
// another file as it stands. What that names by macros (ports, the certificate,
// the socket) is moved on the command line, which goes before the file.
func newEximProgram(t *testing.T, p *place, v series, name, overlay string) *exim {
	t.Helper()
	p.folder(t, name+"-spool", eximUser, 0o750)
	logs := p.folder(t, name+"-log", eximUser, 0o750)
	key := filepath.Join(p.dir, name+".key")
	writeOwned(t, key, readFile(t, p.key), eximUser)
	conf := p.write(t, name+".conf", "log_file_path = "+logs+"/%slog\n"+overlay)
	return &exim{place: p, name: name, command: v.command(t, p, eximProgram(t, v), "-C", conf, "-bdf",
		"-oP", filepath.Join(p.dir, name+"-spool/pid"),
		"-DMAIN_TLS_CERTIFICATE="+p.cert, "-DMAIN_TLS_PRIVATEKEY="+key,
		"-DLATCHKEY_SOCKET="+p.moved("/run/latchkey/exim"))}
}

// eximProgram is where the Exim of the series' Debian lies, as it sees itself.
func eximProgram(t *testing.T, v series) string {
	t.Helper()
	if v.debian13 {
		return "/usr/sbin/exim4"
	}
	path, err := filepath.Abs("../.build/exim/usr/sbin/exim4")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (e *exim) start(t *testing.T) {
	t.Helper()
	e.openLog(t)
	e.process = start(t, e.name, exec.Command(e.command[0], e.command[1:]...), "")
	if !e.log.await("daemon started", patience) {
		t.Fatalf("%s is not ready", e.name)
	}
}

// openLog makes the main log a pipe with a name, so that the test hears of each
// line: Exim writes it itself, as its own user, and nothing to its terminal.
func (e *exim) openLog(t *testing.T) {
	t.Helper()
	path := filepath.Join(e.place.dir, e.name+"-log", "mainlog")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	uid, gid := ids(t, eximUser)
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
	// Also for writing: the end of one writer is not the end of the log.
	r, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	e.log = newLogBook()
	go e.log.read(r)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s's log:\n%s", e.name, e.log.tail(60))
		}
		r.Close()
	})
}

// eximDoor is a port of Exim. What a client sees is in src/smtp_in.c
// (smtp_in_auth): Exim's own words, whatever latchkey says.
func eximDoor(p *place, name, address string, wrapped bool) door {
	return door{
		name: name, scope: "smtp", service: "smtp", address: address, wrapped: wrapped, tls: p.tls,
		enter: smtpEnter, login: smtpLogin, use: smtpUse, accepted: "235",
		refused:     func(string) string { return "535 Incorrect authentication data" },
		unavailable: "435 Unable to authenticate at present",
		stranger:    "535 Incorrect authentication data",
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// writeOwned writes a file that only the user can read.
func writeOwned(t *testing.T, path, text, owner string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	uid, gid := ids(t, owner)
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// version is the number that the program gives itself: "4.96".
func (e *exim) version(t *testing.T) string {
	t.Helper()
	line, _, found := e.log.awaitAfter(0, "daemon started", patience)
	if !found {
		t.Fatal("exim is not ready")
	}
	_, after, _ := strings.Cut(line, "exim ")
	number, _, _ := strings.Cut(after, " ")
	return number
}
