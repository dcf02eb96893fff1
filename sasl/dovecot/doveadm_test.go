package dovecot_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/sasl/dovecot"
)

// TestDoveadm lets Dovecot's own client library talk to the server: a login, a
// login with the hand-over on the master socket, a refusal, look-ups of users and of names,
// lists, a cache flush.
func TestDoveadm(t *testing.T) {
	doveadm, err := exec.LookPath("doveadm")
	if err != nil {
		absent := t.Skip
		if os.Getenv("LATCHKEY_REQUIRE_PEERS") == "1" {
			absent = t.Fatal
		}
		absent("doveadm (dovecot-core) is not installed")
	}
	s := &dovecot.Server{Mechanisms: manyMechanisms, Backend: script{}, Master: scriptMaster{}}
	client, master, userdb := serve(t, s, dovecot.KindClient), serve(t, s, dovecot.KindMaster), serve(t, s, dovecot.KindUserdb)
	dir := filepath.Dir(client)
	conf := filepath.Join(dir, "dovecot.conf")
	if err := os.WriteFile(conf, []byte(fmt.Sprintf("base_dir = %s\nssl = no\nlog_path = /dev/stderr\n", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"auth", "test", "-a", client, "-x", "service=imap", "u@example", "right"}, []string{"auth succeeded", "user_apw=0123456789abcdef"}},
		{[]string{"auth", "test", "-a", client, "u@example", "wrong"}, []string{"auth failed", "reason=" + sentence}},
		{[]string{"auth", "test", "-a", client, "u@example", "down"}, []string{"auth failed", "code=temp_fail"}},
		{[]string{"auth", "login", "-a", client, "-m", master, "u@example", "right"}, []string{"auth succeeded", "uid=5000", "home=/var/mail/u"}},
		{[]string{"user", "-a", userdb, "u@example"}, []string{"5000", "/var/mail/u"}},
		{[]string{"user", "-a", userdb, "none@example"}, []string{"user none@example doesn't exist"}},
		{[]string{"user", "-a", userdb, "*"}, []string{"a@example\nB@example\n", "\nab@other\n"}},
		{[]string{"user", "-a", userdb, "?b@*"}, []string{"ab@other\n"}},
		{[]string{"auth", "lookup", "-a", userdb, "u@example"}, []string{"passdb: u@example", "host", "192.0.2.2"}},
		{[]string{"auth", "lookup", "-a", userdb, "giveaway@example"}, []string{"passdb lookup failed for giveaway@example"}},
		{[]string{"auth", "cache", "flush", "-a", master}, []string{"0 cache entries flushed"}},
		{[]string{"auth", "cache", "flush", "-a", master, "u@example", "v@example"}, []string{"0 cache entries flushed"}},
	} {
		out, err := exec.Command(doveadm, append([]string{"-c", conf}, test.args...)...).CombinedOutput()
		for _, want := range test.want {
			if !strings.Contains(string(out), want) {
				t.Errorf("doveadm %s: %v, no %q in\n%s", strings.Join(test.args, " "), err, want, out)
			}
		}
	}
}
