package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

// site is the folder with all that is measured in it.
type site struct {
	*options
	dir            string
	latchkeyFolder *latchkeyFolder
	dovecot        string // program; "": not installed
	dovecotVersion string

	// Accounts files for latchkey bench.
	appPasswords    string // good, for latchkey
	dovecotGood     string // good, for Dovecot
	guesses         string // wrong main passwords of accounts that may use theirs
	guessesOfHashed string // wrong passwords of the accounts that only dovecotHashedSubject has
}

// subject is one server that is measured.
type subject struct {
	name     string
	accounts string // file
	start    func(context.Context) (*process, error)
}

// dovecotPassword is the good password of an account at Dovecot. It is as long as an app password.
func dovecotPassword(i int) string { return fmt.Sprintf("apppassword-%04d", i) }

// prepare fills the folder.
func (s *site) prepare(ctx context.Context) error {
	s.dovecot, s.dovecotVersion = findDovecot()
	if s.dovecot == "" {
		fmt.Println("Dovecot is not installed: it is left out")
	}
	ours := filepath.Join(s.dir, "lk")
	if err := os.Mkdir(ours, 0o700); err != nil {
		return err
	}
	f, err := makeLatchkey(ctx, ours, contents{accounts: accountCount, scram: scramAccounts})
	if err != nil {
		return err
	}
	s.latchkeyFolder = f
	var good, guesses, ofHashed []byte
	for i := range accountCount {
		good = fmt.Appendf(good, "%s\t%s\n", address(i), dovecotPassword(i))
		guesses = fmt.Appendf(guesses, "%s\tguess number %d\n", address(i), i)
		ofHashed = fmt.Appendf(ofHashed, "%s\tguess number %d\n", hashedAddress(i), i)
	}
	for _, file := range []struct {
		path *string
		name string
		text []byte
	}{
		{&s.appPasswords, "app-passwords", f.accounts},
		{&s.dovecotGood, "dovecot-passwords", good},
		{&s.guesses, "guesses", guesses},
		{&s.guessesOfHashed, "guesses-of-hashed", ofHashed},
	} {
		*file.path = filepath.Join(s.dir, file.name)
		if err := os.WriteFile(*file.path, file.text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// hashedAddress is an account with a slow hash at Dovecot.
func hashedAddress(i int) string { return "main" + address(i) }

func (s *site) latchkeySubject() subject {
	return subject{"latchkey", s.appPasswords, func(ctx context.Context) (*process, error) {
		return startProcess(ctx, s.dir, "latchkey", s.latchkeyFolder.socket, s.latchkey, "serve", "--config", s.latchkeyFolder.config)
	}}
}

func (s *site) dovecotSubject() subject {
	return subject{"Dovecot", s.dovecotGood, func(ctx context.Context) (*process, error) {
		return startDovecot(ctx, s.dovecot, s.dir, plainPasswd())
	}}
}

// sha512Crypt is crypt(3)'s hash of some password, at its usual cost.
const sha512Crypt = "$6$latchkeybench$BzGf4AU5PBJ/tPfbXUS9TA2PMptzAXFRSa85dBgAtTWpIuRwqKhLx3yoZheQCUjym8gNImu/3hx/b.gmyhnM/."

// dovecotHashedSubject has as many accounts again, all with this hash. Good logins
// still use the {PLAIN} ones: what latchkey's app passwords are compared with.
func (s *site) dovecotHashedSubject(hash string) subject {
	return subject{"Dovecot, hashed", s.dovecotGood, func(ctx context.Context) (*process, error) {
		passwd := plainPasswd()
		for i := range accountCount {
			passwd = fmt.Appendf(passwd, "%s:%s\n", hashedAddress(i), hash)
		}
		return startDovecot(ctx, s.dovecot, s.dir, passwd)
	}}
}

func (s *site) nothingSubject() subject {
	return subject{"do nothing", s.appPasswords, func(ctx context.Context) (*process, error) {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		socket := filepath.Join(s.dir, "nothing")
		return startProcess(ctx, s.dir, "do-nothing", socket, self, "do-nothing", socket)
	}}
}

// plainPasswd is a passwd-file with {PLAIN} passwords, Dovecot's cheapest scheme.
func plainPasswd() []byte {
	var b []byte
	for i := range accountCount {
		b = fmt.Appendf(b, "%s:{PLAIN}%s\n", address(i), dovecotPassword(i))
	}
	return b
}

// shape is how many connections keep how many logins in flight.
type shape struct{ connections, inFlight int }

func (s shape) String() string { return fmt.Sprintf("%d × %d", s.connections, s.inFlight) }

// errNoAnswer means that the server did not even greet.
var errNoAnswer = errors.New("no greeting in time")

// load runs the generator, in a process of its own as a person would run it.
func (s *site) load(ctx context.Context, socket, accounts string, sh shape, d time.Duration) (*bench.Result, error) {
	cmd := exec.CommandContext(ctx, s.latchkey, "bench", "--json",
		"--socket", socket, "--accounts", accounts, "--duration", d.String(),
		"--connections", strconv.Itoa(sh.connections), "--inflight", strconv.Itoa(sh.inFlight))
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		if bytes.Contains(said.Bytes(), []byte("handshake: read")) && bytes.Contains(said.Bytes(), []byte("timeout")) {
			err = errNoAnswer
		}
		return nil, fmt.Errorf("latchkey bench: %w: %s", err, said.Bytes())
	}
	r := new(bench.Result)
	if err := json.Unmarshal(out.Bytes(), r); err != nil {
		return nil, fmt.Errorf("latchkey bench printed no result: %w", err)
	}
	return r, nil
}

// good is load for logins that must all pass.
func (s *site) good(ctx context.Context, p *process, accounts string, sh shape, d time.Duration) (*bench.Result, error) {
	r, err := s.load(ctx, p.socket, accounts, sh, d)
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", p.name, err, p.said())
	}
	if r.Rejected+r.Undecided > 0 || r.Accepted == 0 {
		return nil, fmt.Errorf("%s accepted %d logins, rejected %d and left %d undecided; all were good\n%s",
			p.name, r.Accepted, r.Rejected, r.Undecided, p.said())
	}
	return r, nil
}
