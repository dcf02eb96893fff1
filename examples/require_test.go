package examples

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// peer is a program of somebody else's that a test works with.
type peer struct {
	name string // with Debian's package
	file string
}

var mailPeers = []peer{
	{"Dovecot (dovecot-core)", "/usr/sbin/dovecot"},
	{"Dovecot's IMAP (dovecot-imapd)", "/usr/lib/dovecot/imap"},
	{"Dovecot's POP3 (dovecot-pop3d)", "/usr/lib/dovecot/pop3"},
	{"Dovecot's ManageSieve (dovecot-managesieved)", "/usr/lib/dovecot/managesieve"},
	{"Dovecot's submission (dovecot-submissiond)", "/usr/lib/dovecot/submission"},
	{"Dovecot's LMTP (dovecot-lmtpd)", "/usr/lib/dovecot/lmtp"},
	{"Postfix (postfix)", "/usr/lib/postfix/sbin/master"},
	{"swaks", "/usr/bin/swaks"},
}

var gatewayPeers = []peer{
	{"Kannel (kannel)", "/usr/sbin/bearerbox"},
	{"Kannel's handset (kannel-extras)", "/usr/lib/kannel/test/fakesmsc"},
}

var browserPeers = []peer{
	{"Chromium (chromium)", chromium},
	{"Chinese letters (fonts-noto-cjk)", "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"},
	{"axe-core (.ci/install)", axeScript},
}

// absent gives what to call about a peer that is not on this machine: it skips
// the test, by the peer's name. Under "make test", which installs them all, that
// is a failure.
func absent(t *testing.T) func(format string, args ...any) {
	if os.Getenv("LATCHKEY_REQUIRE_PEERS") == "1" {
		return t.Fatalf
	}
	return t.Skipf
}

func requirePeers(t *testing.T, lists ...[]peer) {
	t.Helper()
	for _, list := range lists {
		for _, p := range list {
			if _, err := os.Stat(p.file); err != nil {
				absent(t)("%s is not installed: %v", p.name, err)
			}
		}
	}
}

// requireMailServers is requirePeers for Dovecot and Postfix.
func requireMailServers(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		absent(t)("not root: Dovecot and Postfix can only be started as root")
	}
	requirePeers(t, mailPeers)
	if out, err := run("", "swaks", "--support"); err != nil || !strings.Contains(out, "TLS supported") {
		absent(t)("swaks cannot do TLS (libnet-ssleay-perl): %v", err)
	}
	version, err := exec.Command("dovecot", "--version").Output()
	if err != nil || !strings.HasPrefix(string(version), "2.3.") {
		absent(t)("Dovecot 2.3 is not installed: dovecot --version says %q, %v", version, err)
	}
}
