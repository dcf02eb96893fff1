// Package config reads latchkey's one configuration file.
//
// The file is TOML and read strictly: a key that does not exist, a value of the
// wrong type and a value that makes no sense are all reported, all of them in
// one go, each with its line and key, as a *Problems. What a file leaves out has
// the value of Default; examples/latchkey.toml shows every key with that value.
//
// Loading touches nothing but the file itself: no user, group or socket is
// looked up, so a file can be checked on another machine.
package config

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
)

// maxFileSize bounds what Load reads. A real file has a few kilobytes.
const maxFileSize = 1 << 20

// Config is one configuration, complete and checked. It is never changed after
// Load has returned it: a reload makes a new one.
type Config struct {
	DataDir string // absolute; holds the database
	RunDir  string // absolute; holds the default sockets

	Log          Log
	Auth         Auth
	TwoStep      TwoStep
	Userdb       Userdb
	Portal       Portal
	MailServers  MailServers
	MailSessions MailSessions
	Nginx        Nginx
	SMS          SMS
	AppPasswords AppPasswords
	Events       Events
	Admin        Admin
	Listeners    []Listener // beside the four default sockets
}

// Log is the section [log].
type Log struct {
	Level slog.Level
}

// Auth is the section [auth].
type Auth struct {
	Mechanisms     []string // upper case, in the order they are offered
	DefaultDomain  string   // lower-case A-label form, "" = none
	FailureDelay   Duration // age at which a refusal leaves, 0..3s
	Refusal        string   // as written; use Config.Refusal for the sentence
	RequireSecured bool
	Workers        int // hashing processes, 0 = one per processor
}

// Userdb is the section [userdb]: what a post-login or delivery process is told.
type Userdb struct {
	UID, GID *uint32 // nil: the field is not sent
	Home     Template
	Fields   []UserdbField
	Relay    string // absolute path of another userdb socket that is asked instead, "" = none
}

// UserdbField is one further field of a userdb answer.
type UserdbField struct {
	Key   string
	Value Template
}

// AppPasswords is the section [app_passwords].
type AppPasswords struct {
	Max int // live ones an account may have
}

// Events is the section [events].
type Events struct {
	Keep Duration // older events are deleted
}

// Admin is the section [admin].
type Admin struct {
	Group string // members may use the admin socket as the helpdesk, "" = nobody
}

// Listener is one [[listener]]: a socket beside those in RunDir. It is a unix
// socket with a Path or a TCP socket with an Address, never both.
type Listener struct {
	Path    string         // absolute, "" = TCP
	Address netip.AddrPort // the zero value = unix
	Kind    Kind
	Owner   string // of a unix socket: name or number, "" = the daemon's user
	Group   string // of a unix socket: name or number, "" = the daemon's group
	Mode    os.FileMode

	DistrustRIP     bool // trust_rip is false
	IgnoreNoPenalty bool // honour_no_penalty is false
}

// Place is where the listener is: its path, or its address and port.
func (l *Listener) Place() string {
	if l.Address.IsValid() {
		return l.Address.String()
	}
	return l.Path
}

// Kind is what a listener speaks.
type Kind string

// The kinds of listener.
const (
	KindClient Kind = "client" // logins: Postfix, Exim, Dovecot's login processes
	KindLogin  Kind = "login"  // logins of Dovecot 2.4's login processes only
	KindMaster Kind = "master" // Dovecot's post-login question
	KindUserdb Kind = "userdb" // Dovecot's LMTP and doveadm
	// KindSaslauthd is logins of servers with Cyrus SASL.
	KindSaslauthd Kind = "saslauthd"
	KindNginx     Kind = "nginx" // logins of nginx's mail proxy: auth_http
)

// Kinds lists them.
func Kinds() []Kind {
	return []Kind{KindClient, KindLogin, KindMaster, KindUserdb, KindSaslauthd, KindNginx}
}

// SpeaksClient says whether a kind speaks the client protocol, the only one that
// may be offered on TCP: it answers nothing that its asker did not bring the
// password for. REQUEST and USER tell about anybody. It is also the only one with
// trust_rip and honour_no_penalty.
func (k Kind) SpeaksClient() bool { return k == KindClient || k == KindLogin }

// Default is the configuration of an empty file.
func Default() *Config {
	return &Config{
		DataDir: "/var/lib/latchkey",
		RunDir:  "/run/latchkey",
		Log:     Log{Level: slog.LevelInfo},
		Auth: Auth{
			Mechanisms:   []string{"PLAIN", "LOGIN"},
			FailureDelay: Duration(2 * second),
		},
		TwoStep:      defaultTwoStep(),
		Portal:       defaultPortal(),
		SMS:          defaultSMS(),
		AppPasswords: AppPasswords{Max: 20},
		Events:       Events{Keep: Duration(90 * day)},
	}
}

// Load reads the file at path. The error is a *Problems if the file was read
// but is not good; it wraps what the operating system said otherwise.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return Parse(path, text)
}

// Parse is Load for a text already read; name stands before each problem.
func Parse(name string, text []byte) (*Config, error) {
	found := &Problems{File: name}
	if len(text) > maxFileSize {
		found.add(0, "", "the file is larger than 1 MiB")
		return nil, found
	}
	doc := parseDocument(text, found)
	c := Default()
	if doc != nil {
		c.apply(doc, found)
	}
	if len(found.List) > 0 {
		found.sort()
		return nil, found
	}
	return c, nil
}
