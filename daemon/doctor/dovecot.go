package doctor

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/latchkey-mail/latchkey/daemon/config"
)

// loginServices are Dovecot's services that take passwords, the protocol that
// switches each on, and the listeners that each has unless its configuration says
// otherwise. (imap-urlauth-login takes tokens of its own only.)
var loginServices = [...]struct {
	service, protocol string
	listeners         []string // …_login_service_settings_defaults in 2.4's src/*-login/*-login-settings.c
}{
	{"imap-login", "imap", []string{"imap", "imaps"}},
	{"pop3-login", "pop3", []string{"pop3", "pop3s"}},
	{"submission-login", "submission", []string{"submission", "submissions"}},
	{"managesieve-login", "sieve", []string{"sieve"}},
}

// authListeners are the sockets that Dovecot's auth service has unless its
// configuration says otherwise.
var authListeners = [...]string{"auth-client", "auth-login", "auth-master", "auth-userdb", "login/login", "token-login/tokenlogin"}

// defaultSocket is what a login process asks that is told nothing
// (LOGIN_DEFAULT_SOCKET in Dovecot's src/login-common/login-common.h).
const defaultSocket = "login"

// dovecotCheck is one look at a Dovecot.
type dovecotCheck struct {
	Report
	*doveconf
	m    *Machine
	base string // base_dir
	open bool   // a login service asks somebody else
	weak string // the least TLS version at a service that offers binding, where it is too low

	listener bool // it was said that latchkey has no socket for login processes
}

// Dovecot judges this machine's Dovecot.
func (m *Machine) Dovecot(ctx context.Context) Report {
	args := []string{"-a"}
	if m.DovecotConfig != "" {
		args = append(args, "-c", m.DovecotConfig)
	}
	out, err := m.run(ctx, "doveconf", args...)
	if r := (Report{Part: "Dovecot"}); errors.Is(err, ErrAbsent) {
		r.add(Note, "not on this machine: there is no doveconf")
		return r
	} else if err != nil {
		r.add(Open, "its configuration cannot be read, so nobody knows whom it asks: doveconf: "+err.Error())
		return r
	}
	d := &dovecotCheck{doveconf: parseDoveconf(out), m: m}
	d.Part = "Dovecot"
	if d.version == "" {
		d.add(Open, "doveconf names no version 2.x, so nobody knows whom its logins ask")
		return d.Report
	}
	d.Part = fmt.Sprintf("Dovecot %s (%s)", printable(d.version), printable(d.file))
	d.base = d.doveconf.setting("base_dir", "/run/dovecot")
	if d.odd > 0 {
		d.add(Warning, fmt.Sprintf("%d lines of what doveconf prints were not understood", d.odd))
	}
	d.logins()
	d.binding()
	d.lookups()
	d.authService()
	d.passdbs()
	return d.Report
}

// logins judges each login service that is switched on.
func (d *dovecotCheck) logins() {
	before, protocols := len(d.Findings), d.protocols()
	judged := make(map[string]bool)
	for _, l := range loginServices {
		judged[l.service] = true
		if slices.Contains(protocols, l.protocol) {
			d.login(l.service, l.protocol, d.find("service", l.service), l.listeners...)
		}
	}
	for _, s := range d.list("service") { // a service of somebody's own
		program, _, _ := strings.Cut(s.setting("executable", s.name), " ")
		program = filepath.Base(program)
		if judged[s.name] || program == "imap-urlauth-login" || !strings.HasSuffix(program, "-login") {
			continue
		}
		if protocol := s.setting("protocol", ""); protocol == "" || slices.Contains(protocols, protocol) {
			d.login(s.name, protocol, s)
		}
	}
	if len(d.Findings) == before {
		d.add(Note, "no login service is switched on (protocols)")
	}
}

func (d *dovecotCheck) login(name, protocol string, s *section, builtIn ...string) {
	if d.shut(s, builtIn) {
		d.add(Note, name+" listens nowhere")
		return
	}
	asked := d.asked(name, protocol, s)
	var strangers []string
	for _, socket := range asked {
		if place := d.fromLogin(s, socket); !d.m.has(place, d.kinds()...) {
			strangers = append(strangers, place)
		}
	}
	if len(strangers) == 0 {
		place := d.fromLogin(s, asked[0])
		if d.m.has(place, config.KindLogin) {
			d.weakest(name, protocol)
		}
		d.add(Good, fmt.Sprintf("%s asks latchkey at %s", name, place))
		d.m.access(&d.Report, place, d.user(s, "default_login_user", "dovenull"), filepath.Join(d.base, "login"))
		return
	}
	d.open = true
	whom := strangers[0]
	if whom == filepath.Join(d.base, "login", defaultSocket) {
		whom += ", Dovecot's own auth service"
	} else {
		whom += ", which is none of latchkey's sockets"
	}
	d.add(Open, fmt.Sprintf("%s asks %s", name, whom), d.loginFix(name, strangers[0], len(asked) > 1)...)
}

// kinds are those of the sockets that this version's login processes can ask.
func (d *dovecotCheck) kinds() []config.Kind {
	if d.is24() {
		return []config.Kind{config.KindClient, config.KindLogin}
	}
	return []config.Kind{config.KindClient}
}

// shut says whether a service has listeners and all are switched off. doveconf of
// 2.4 prints none of those that are built in and were not touched: they listen.
func (d *dovecotCheck) shut(s *section, builtIn []string) bool {
	if s == nil || len(s.list("inet_listener")) == 0 {
		return false
	}
	untouched := func(listener string) bool { return s.find("inet_listener", listener) == nil }
	if d.is24() && slices.ContainsFunc(builtIn, untouched) {
		return false
	}
	for _, l := range s.list("inet_listener") {
		if l.setting("port", "default") != "0" {
			return false
		}
	}
	return !slices.ContainsFunc(s.list("unix_listener"), func(l *section) bool { return !closed(l) })
}

// asked are the sockets that a login service may ask, as it is told: the word behind
// its program, and in 2.4 login_socket_path. Which of several counts is not ours to
// guess: all of them must be right.
func (d *dovecotCheck) asked(name, protocol string, s *section) []string {
	var all []string
	words := strings.Fields(s.setting("executable", name))
	for i := 1; i < len(words); i++ {
		if words[i] == "-R" || words[i] == "-D" || words[i] == "-S" {
			continue
		}
		if !strings.HasPrefix(words[i], "-") {
			all = append(all, words[i])
		}
	}
	if d.is24() {
		set := everywhere(&d.section, "login_socket_path", name, protocol)
		if len(set) == 0 {
			set = append(set, defaultSocket)
		}
		all = append(all, set...)
	}
	if len(all) == 0 {
		all = append(all, defaultSocket)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// everywhere collects the values of a setting wherever it is set, but for sections
// of other services and protocols.
func everywhere(s *section, key, name, protocol string) []string {
	var all []string
	if value := s.setting(key, ""); value != "" {
		all = append(all, value)
	}
	for _, inner := range s.sections {
		if inner.kind == "service" && inner.name != name || inner.kind == "protocol" && inner.name != protocol {
			continue
		}
		all = append(all, everywhere(inner, key, name, protocol)...)
	}
	return all
}

// minTLS is Dovecot's setting of the least version of TLS. Its words for 1.3 and
// more are TLSv1.3 and LATEST (src/lib-ssl-iostream/iostream-openssl-common.c).
const minTLS = "ssl_min_protocol"

// weakest notes what a login service that offers binding has for minTLS.
func (d *dovecotCheck) weakest(name, protocol string) {
	set := everywhere(&d.section, minTLS, name, protocol)
	if len(set) == 0 {
		set = append(set, "TLSv1.2") // Dovecot's default
	}
	for _, version := range set {
		if !strings.EqualFold(version, "TLSv1.3") && !strings.EqualFold(version, "LATEST") {
			d.weak = version
		}
	}
}

// binding judges whether everybody who may try a mechanism with channel binding has
// the TLS version that it needs.
func (d *dovecotCheck) binding() {
	if d.weak == "" || len(d.m.Binding) == 0 {
		return
	}
	d.add(Warning, fmt.Sprintf("latchkey offers %s, which needs TLS 1.3, and %s is %s: when somebody tries it over less, "+
		"a login process of Dovecot 2.4.1 panics, and takes along the other connections that it serves",
		strings.Join(d.m.Binding, ", "), minTLS, d.weak), d.atEnd(), "  "+minTLS+" = TLSv1.3")
}

// fromLogin is a socket's path as everybody else sees it. Login processes live in a
// chroot in base_dir/login, unless that was changed.
func (d *dovecotCheck) fromLogin(s *section, socket string) string {
	root := d.base
	chroot := "login"
	if s != nil {
		if value, found := s.settings["chroot"]; found {
			chroot = value
		}
	}
	switch {
	case filepath.IsAbs(chroot):
		root = chroot
	case chroot != "":
		root = filepath.Join(d.base, chroot)
	case filepath.IsAbs(socket):
		return filepath.Clean(socket)
	}
	return filepath.Join(root, socket)
}

// user is the user that a service runs as: its own, or one of Dovecot's defaults.
func (d *dovecotCheck) user(s *section, key, byDefault string) string {
	byDefault = d.doveconf.setting(key, byDefault)
	name := s.setting("user", byDefault)
	if key, found := strings.CutPrefix(name, "$"); found {
		return d.doveconf.setting(key, byDefault)
	}
	return name
}

// atEnd says where lines go that must win.
func (d *dovecotCheck) atEnd() string {
	return "at the end of " + printable(d.file) + ", or of what it includes last:"
}

// loginFix says what to change for a login service that asks a stranger.
func (d *dovecotCheck) loginFix(name, stranger string, several bool) []string {
	socket, found := d.m.below(filepath.Join(d.base, "login"), d.kinds()...)
	if !found {
		socket = "latchkey/auth"
	}
	place := filepath.Join(d.base, "login", socket)
	var fix []string
	switch {
	case stranger == place && !several: // it is latchkey that is not there
	case d.is24():
		fix = append(fix, d.atEnd(), "  login_socket_path = "+socket)
		if several {
			fix = append(fix, "and take every other login_socket_path away, and the words behind "+name+" in \"executable\"")
		}
	default:
		fix = append(fix, d.atEnd(), "  service "+name+" {", "    executable = "+name+" "+socket, "  }")
	}
	if !found && !d.listener {
		d.listener = true
		fix = append(fix, "in latchkey.toml, unless systemd makes the socket:", "  [[listener]]",
			"  path = \""+place+"\"", "  kind = \"client\"", "  owner = \"dovenull\"")
	}
	return fix
}

// lookups judges whom Dovecot asks where an account's mail is.
func (d *dovecotCheck) lookups() {
	at := func(key, name string) string {
		path := d.doveconf.setting(key, name)
		if !filepath.IsAbs(path) {
			path = filepath.Join(d.base, path)
		}
		return path
	}
	if master := at("auth_master_socket_path", "auth-master"); d.m.has(master, config.KindMaster) {
		d.add(Good, "mailbox processes ask latchkey at "+master)
		for _, name := range []string{"imap", "pop3", "submission", "managesieve"} {
			if user := d.find("service", name).setting("user", "root"); user != "root" {
				d.m.access(&d.Report, master, user, "/")
			}
		}
	} else {
		d.add(Warning, "after a login, mailbox processes ask "+master+", which is no socket of latchkey's of kind \"master\""+
			": logins that latchkey accepted will fail there")
	}
	if userdb := at("auth_socket_path", "auth-userdb"); d.m.has(userdb, config.KindUserdb, config.KindMaster) {
		d.add(Good, "delivery and doveadm ask latchkey at "+userdb)
		if lmtp := d.find("service", "lmtp").setting("user", "root"); lmtp != "root" {
			d.m.access(&d.Report, userdb, lmtp, "/")
		}
	} else {
		d.add(Warning, "delivery (LMTP) and doveadm ask "+userdb+", which is no socket of latchkey's of kind \"userdb\"")
	}
}

// closed says whether a unix_listener is switched off.
func closed(l *section) bool {
	mode, set := l.settings["mode"]
	return set && mode != "" && strings.Trim(mode, "0") == ""
}

// authService names the sockets of Dovecot's own auth service.
func (d *dovecotCheck) authService() {
	auth := d.find("service", "auth")
	var open []string
	seen := make(map[string]bool)
	look := func(l *section) {
		seen[l.name] = true
		if !closed(l) {
			open = append(open, l.name)
			d.sharedPlace(l.name)
		}
	}
	if auth != nil {
		for _, kind := range []string{"unix_listener", "fifo_listener"} {
			for _, l := range auth.list(kind) {
				look(l)
			}
		}
		for _, l := range auth.list("inet_listener") {
			if port := l.setting("port", "0"); port != "0" {
				open = append(open, "port "+port)
			}
		}
	}
	for _, name := range authListeners { // doveconf of 2.4 prints only what was changed
		if !seen[name] {
			open = append(open, name)
		}
	}
	if len(open) == 0 {
		d.add(Good, "Dovecot's own auth service has no socket, so nobody can ask it")
		return
	}
	fix := []string{d.atEnd(), "  service auth {"}
	for _, name := range open {
		if port, is := strings.CutPrefix(name, "port "); is {
			fix = append(fix, "    (take out the inet_listener with port "+printable(port)+")")
			continue
		}
		fix = append(fix, "    unix_listener "+printable(name)+" {", "      mode = 0", "    }")
	}
	fix = append(fix, "  }")
	d.add(Warning, "Dovecot's own auth service can still be asked, by whoever may connect: "+strings.Join(open, ", "), fix...)
}

// sharedPlace judges a socket of Dovecot's that is at the place of one of latchkey's:
// who asks there gets whoever was started last.
func (d *dovecotCheck) sharedPlace(name string) {
	place := name
	if !filepath.IsAbs(place) {
		place = filepath.Join(d.base, name)
	}
	text := place + " is latchkey's socket and Dovecot's own, in \"service auth\": whoever was started last is asked there"
	switch {
	case d.m.has(place, config.KindClient, config.KindLogin, config.KindSaslauthd):
		d.add(Open, text)
	case d.m.has(place, config.KindMaster, config.KindUserdb):
		d.add(Warning, text)
	}
}

// passdbs names what Dovecot's own auth service would compare passwords with.
func (d *dovecotCheck) passdbs() {
	var names []string
	for _, p := range d.list("passdb") {
		name := p.setting("driver", p.name)
		if name == "" {
			name = "?"
		}
		names = append(names, name)
	}
	switch {
	case len(names) == 0:
		d.add(Good, "there is no passdb")
	case d.open:
		d.add(Note, "passdb: "+strings.Join(names, ", ")+" (decides at the doors above that are open)")
	default:
		d.add(Note, "passdb: "+strings.Join(names, ", ")+" is still there; no login service asks it, so it can be taken out")
	}
}
