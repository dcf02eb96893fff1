package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"text/template"
)

// dovecotConfig is Dovecot's own auth service and nothing else, as fast as it
// gets: the passwd-file is in its memory, the auth cache is on, no statistics are
// sent, and the socket is of the type that remembers no logins for a master.
const dovecotConfig = `base_dir = {{.Dir}}/base
state_dir = {{.Dir}}/state
instance_name = latchkey-bench
log_path = {{.Dir}}/log
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_cache_size = 10M
stats_writer_socket_path =
{{with .User}}default_internal_user = {{.}}
default_login_user = {{.}}
{{end}}{{with .Group}}default_internal_group = {{.}}
{{end}}passdb {
  driver = passwd-file
  args = {{.Dir}}/passwd
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}
service anvil {
  chroot =
}
service auth {
  client_limit = 4096
  unix_listener auth-client {
    path = {{.Dir}}/auth
    mode = 0600
{{with .User}}    user = {{.}}
{{end}}  }
}
`

// findDovecot returns Dovecot's program and version, or "" if it is not installed.
func findDovecot() (exe, version string) {
	for _, name := range []string{"dovecot", "/usr/sbin/dovecot", "/usr/local/sbin/dovecot"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.Command(path, "--version").Output()
		if err == nil && len(out) > 0 {
			version, _, _ = strings.Cut(string(out), " ")
			return path, strings.TrimSpace(version)
		}
	}
	return "", ""
}

// startDovecot starts an auth service over the lines of passwd in a new folder below parent.
func startDovecot(ctx context.Context, exe, parent string, passwd []byte) (*process, error) {
	dir, err := os.MkdirTemp(parent, "dc")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // its auth process is no longer root
		return nil, err
	}
	values := struct{ Dir, User, Group string }{Dir: dir}
	if os.Geteuid() != 0 {
		me, err := user.Current()
		if err != nil {
			return nil, err
		}
		group, err := user.LookupGroupId(me.Gid)
		if err != nil {
			return nil, err
		}
		values.User, values.Group = me.Username, group.Name
	}
	var config bytes.Buffer
	if err := template.Must(template.New("dovecot").Parse(dovecotConfig)).Execute(&config, values); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "dovecot.conf")
	if err := os.WriteFile(path, config.Bytes(), 0o644); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "passwd"), passwd, 0o644); err != nil {
		return nil, err
	}
	p, err := startProcess(ctx, dir, filepath.Base(dir), filepath.Join(dir, "auth"), exe, "-F", "-c", path)
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log")) // absent: nothing to add
		return nil, fmt.Errorf("%w\n%s", err, log)
	}
	return p, nil
}
