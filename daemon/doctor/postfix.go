package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/latchkey-mail/latchkey/daemon/config"
)

// postfixSettings are those of main.cf that doors are judged by.
var postfixSettings = []string{
	"smtpd_sasl_auth_enable", "smtpd_sasl_type", "smtpd_sasl_path", "cyrus_sasl_config_path",
	"queue_directory", "config_directory", "mail_owner", "mail_version",
}

// postfixCheck is one look at a Postfix.
type postfixCheck struct {
	Report
	m     *Machine
	main  map[string]string
	queue string // queue_directory
	dir   string // config_directory

	listener bool // it was said that latchkey has no socket for Postfix
}

// Postfix judges this machine's Postfix.
func (m *Machine) Postfix(ctx context.Context) Report {
	p := &postfixCheck{m: m, Report: Report{Part: "Postfix"}}
	services, err := p.read(ctx)
	switch {
	case errors.Is(err, ErrAbsent):
		p.add(Note, "not on this machine: there is no postconf")
		return p.Report
	case err != nil:
		p.add(Open, "its configuration cannot be read, so nobody knows whom it asks: postconf: "+err.Error())
		return p.Report
	}
	p.Part = fmt.Sprintf("Postfix %s (%s)", printable(p.main["mail_version"]), printable(p.dir))
	doors := 0
	for _, s := range services {
		if s.program == "smtpd" {
			doors++
			p.door(s)
		}
	}
	if doors == 0 {
		p.add(Note, "no smtpd in master.cf")
	}
	return p.Report
}

// read asks postconf for main.cf and master.cf, with all $names put in.
func (p *postfixCheck) read(ctx context.Context) ([]*masterService, error) {
	ask := func(args ...string) ([]byte, error) {
		if p.m.PostfixConfig != "" {
			args = append([]string{"-c", p.m.PostfixConfig}, args...)
		}
		return p.m.run(ctx, "postconf", args...)
	}
	main, err := ask(append([]string{"-x"}, postfixSettings...)...)
	if err != nil {
		return nil, err
	}
	p.main = parsePostconf(main)
	p.queue = p.setting(nil, "queue_directory", "/var/spool/postfix")
	p.dir = p.setting(nil, "config_directory", "/etc/postfix")
	if p.m.PostfixConfig != "" {
		p.dir = p.m.PostfixConfig
	}
	master, err := ask("-M")
	if err != nil {
		return nil, err
	}
	overrides, err := ask("-Px")
	if err != nil {
		return nil, err
	}
	if _, told := p.main["smtpd_sasl_auth_enable"]; !told {
		return nil, errors.New("what it prints is not understood")
	}
	services := parseMaster(master)
	applyOverrides(services, overrides)
	return services, nil
}

// setting is a parameter as a service sees it, or else by default.
func (p *postfixCheck) setting(s *masterService, key, byDefault string) string {
	if s != nil {
		if value, found := s.overrides[key]; found {
			return value
		}
	}
	if value := p.main[key]; value != "" {
		return value
	}
	return byDefault
}

func (p *postfixCheck) door(s *masterService) {
	if strings.EqualFold(p.setting(s, "smtpd_sasl_auth_enable", "no"), "no") {
		p.add(Note, s.String()+" takes no passwords")
		return
	}
	kind, path := p.setting(s, "smtpd_sasl_type", "cyrus"), p.setting(s, "smtpd_sasl_path", "smtpd")
	switch kind {
	case "dovecot":
		place := p.fromSMTPD(s, path)
		if p.m.has(place, config.KindClient) {
			p.add(Good, fmt.Sprintf("%s asks latchkey at %s", s, place))
			root := "/"
			if s.chroot {
				root = p.queue
			}
			p.m.access(&p.Report, place, p.setting(nil, "mail_owner", "postfix"), root)
			return
		}
		p.add(Open, fmt.Sprintf("%s asks %s, which is none of latchkey's sockets", s, place), p.fix(s)...)
	case "cyrus":
		wrong := p.cyrus(s, path)
		if wrong == "" {
			p.add(Good, fmt.Sprintf("%s asks latchkey by way of Cyrus SASL (%s.conf)", s, path))
			return
		}
		p.add(Open, fmt.Sprintf("%s asks Cyrus SASL (smtpd_sasl_type=cyrus): %s", s, wrong), p.fix(s)...)
	default:
		p.add(Open, fmt.Sprintf("%s asks by smtpd_sasl_type=%s, which latchkey does not speak", s, kind), p.fix(s)...)
	}
}

// fromSMTPD is a socket's path as everybody else sees it: smtpd works in the queue
// folder, and a chroot is there, too. inet:HOST:PORT is an address.
func (p *postfixCheck) fromSMTPD(s *masterService, path string) string {
	if place, tcp := strings.CutPrefix(path, "inet:"); tcp {
		return place
	}
	path = strings.TrimPrefix(path, "unix:")
	if filepath.IsAbs(path) && !s.chroot {
		return filepath.Clean(path)
	}
	return filepath.Join(p.queue, path)
}

// maxSASLConfig bounds an application's configuration file of Cyrus SASL.
const maxSASLConfig = 64 << 10

// cyrus says why Cyrus SASL does not ask latchkey, or "". It does if saslauthd is
// its only way, at a socket of ours, and all mechanisms hand a password over.
func (p *postfixCheck) cyrus(s *masterService, app string) string {
	if filepath.Base(app) != app {
		return "smtpd_sasl_path names no configuration file that would send it to latchkey"
	}
	dirs := []string{filepath.Join(p.dir, "sasl"), "/etc/postfix/sasl", "/etc/sasl2", "/usr/lib/sasl2"}
	if list := p.setting(s, "cyrus_sasl_config_path", ""); list != "" {
		dirs = filepath.SplitList(list)
	} else if p.m.PostfixConfig != "" {
		dirs = dirs[:1]
	}
	for _, dir := range dirs {
		f, err := os.Open(filepath.Join(dir, app+".conf"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return "its " + app + ".conf cannot be read"
		}
		text, err := io.ReadAll(io.LimitReader(f, maxSASLConfig))
		if err = errors.Join(err, f.Close()); err != nil {
			return "its " + app + ".conf cannot be read"
		}
		return p.saslConf(s, parseSASLConf(text), f.Name())
	}
	return "there is no " + app + ".conf that would send it to latchkey"
}

func (p *postfixCheck) saslConf(s *masterService, conf map[string]string, file string) string {
	mechanisms := strings.Fields(strings.ToUpper(conf["mech_list"]))
	strange := func(m string) bool { return m != "PLAIN" && m != "LOGIN" }
	switch place := p.fromSMTPD(s, conf["saslauthd_path"]); {
	case conf["pwcheck_method"] != "saslauthd":
		return "pwcheck_method in " + file + " is not saslauthd alone"
	case len(mechanisms) == 0 || slices.ContainsFunc(mechanisms, strange):
		return "mech_list in " + file + " is not PLAIN LOGIN: what else there is never asks saslauthd"
	case conf["saslauthd_path"] == "":
		return "there is no saslauthd_path in " + file
	case !p.m.has(place, config.KindSaslauthd):
		return "saslauthd_path in " + file + " is " + place + ", which is no socket of latchkey's of kind \"saslauthd\""
	}
	return ""
}

// parseSASLConf reads "key: value" lines. The last one of a key counts.
func parseSASLConf(text []byte) map[string]string {
	all := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		key, value, found := strings.Cut(line, ":")
		if key = strings.TrimSpace(key); found && !strings.HasPrefix(key, "#") {
			all[strings.ToLower(key)] = strings.TrimSpace(value)
		}
	}
	return all
}

// fix says what to change for a service that asks somebody else.
func (p *postfixCheck) fix(s *masterService) []string {
	socket, found := p.m.below(p.queue, config.KindClient)
	if !found {
		socket = "private/latchkey"
	}
	var fix, away []string
	for _, key := range []string{"smtpd_sasl_type", "smtpd_sasl_path"} {
		if value, set := s.overrides[key]; set {
			away = append(away, "    -o "+key+"="+printable(value))
		}
	}
	if len(away) > 0 {
		fix = append(fix, "in "+printable(filepath.Join(p.dir, "master.cf"))+", take out below the line \""+s.String()+"\":")
		fix = append(fix, away...)
	}
	if p.main["smtpd_sasl_type"] != "dovecot" || p.main["smtpd_sasl_path"] != socket {
		fix = append(fix, "in "+printable(filepath.Join(p.dir, "main.cf"))+":", "    smtpd_sasl_type = dovecot", "    smtpd_sasl_path = "+socket)
	}
	if !found && !p.listener {
		p.listener = true
		fix = append(fix, "in latchkey.toml, unless systemd makes the socket:", "    [[listener]]",
			"    path = \""+filepath.Join(p.queue, socket)+"\"", "    kind = \"client\"", "    owner = \"postfix\"")
	}
	return append(fix, "then: postfix reload")
}
