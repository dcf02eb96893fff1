// Package daemon is the process: the one place where store, decisions and doors
// are put together.
//
// [Open] builds everything that needs no socket, which is also what the command
// line uses when no daemon runs; [Daemon.Serve] adds the sockets.
package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/daemon/audit"
	"github.com/latchkey-mail/latchkey/daemon/authserver"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/cyrusauth"
	"github.com/latchkey-mail/latchkey/daemon/hasher"
	"github.com/latchkey-mail/latchkey/daemon/nginxauth"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/daemon/portal"
	"github.com/latchkey-mail/latchkey/daemon/sms"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/sasl/saslauthd"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/boltkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Names of the files in data_dir.
const (
	DatabaseFile = "latchkey.db"
	KeyFile      = "latchkey.key"
)

// ErrDatabaseLost says that there is a key, in data_dir or from systemd, but no
// database in data_dir, or an empty one. To begin anew beside the old key would
// answer "no such account" for everybody, on which mail bounces.
var ErrDatabaseLost = errors.New("daemon: the key is there, but the database is not")

const (
	drainFor   = 5 * time.Second // how long requests under way may take to end at a stop
	sendFor    = 2 * time.Second // and of these, a text message that is being sent
	pruneEvery = time.Hour
)

// Options are what the process around a Daemon decides. Zero fields have the
// defaults of a real one.
type Options struct {
	Log     *slog.Logger
	Now     func() time.Time
	Rand    io.Reader
	Hasher  hasher.Options // what is not set there comes from the configuration
	SMS     sms.Sender     // nil: the configuration's
	Offline bool           // no daemon: do not migrate, hash in this process
}

// Daemon is one open data folder and all that works on it.
type Daemon struct {
	log      *slog.Logger
	now      func() time.Time
	store    *store.Store
	hasher   *hasher.Pool
	policy   *policy.Policy
	audit    *audit.Recorder
	accounts *accounts.Service
	admin    *admin.Handler
	auth     *authserver.Server
	server   *dovecot.Server
	cyrus    *cyrusauth.Server
	portal   http.Handler
	counters *counters
	required *enforcement
	texts    *messenger
	sessions *cutter
	rehash   *rehasher
	safe     *safe

	saslauthd *saslauthd.Server // of cyrus

	nginx          *nginxauth.Handler
	nginxAnswering *answering        // nginx
	nginxServer    *nginxauth.Server // of nginxAnswering

	mu        sync.Mutex // guards what follows
	cfg       *config.Config
	web       *web           // set by Serve
	listening []admin.Socket // set by Serve

	giveUp context.CancelFunc // ends decisions under way
}

// Open locks and opens the data folder and builds everything on top of it. In an
// empty folder it makes key and database. A folder that another process has open
// is [kv.ErrLocked].
func Open(cfg *config.Config, o Options) (*Daemon, error) {
	o = o.withDefaults()
	st, keys, err := openStore(cfg, o)
	if err != nil {
		return nil, err
	}
	pool, err := openHasher(cfg, o)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	var salt [32]byte
	if _, err := io.ReadFull(o.Rand, salt[:]); err != nil {
		return nil, errors.Join(err, pool.Close(), st.Close())
	}
	ctx, giveUp := context.WithCancel(context.Background())
	d := &Daemon{log: o.Log, now: o.Now, store: st, hasher: pool, cfg: cfg, giveUp: giveUp}
	if err := d.build(ctx, keys, salt, o); err != nil {
		giveUp()
		return nil, errors.Join(err, pool.Close(), st.Close())
	}
	return d, nil
}

// build puts everything together that stands on store and hasher.
func (d *Daemon) build(ctx context.Context, keys *secret.Keys, salt [32]byte, o Options) error {
	cfg := d.cfg
	var err error
	if d.required, err = openEnforcement(ctx, d.store, d.config, o.Now); err != nil {
		return err
	}
	if !o.Offline {
		if err := d.required.note(ctx); err != nil {
			return err
		}
	}
	d.policy = policy.New(d.store, keys, d.hasher, d.policyRules(cfg), salt, o.Now)
	d.audit = audit.New(d.store, o.Now, o.Log)
	d.counters = newCounters(d.audit)
	if d.texts, err = newMessenger(d.senders(o), o.SMS, d.counters, o.Log); err != nil {
		return err
	}
	d.sessions = newCutter(func() []string { return d.config().MailSessions.Cut }, d.counters.cut, o.Log)
	d.auth = authserver.New(ctx, d.policy, d.store, d.audit, doorRules(cfg), o.Now, o.Log)
	d.server = &dovecot.Server{Backend: d.auth, Master: d.auth, Mechanisms: d.auth.Mechanisms, Log: o.Log}
	d.cyrus = cyrusauth.New(d.policy, d.audit, cyrusRules(cfg))
	d.saslauthd = &saslauthd.Server{Answer: d.cyrus.Answer, Log: o.Log}
	if err := d.buildNginx(ctx, o); err != nil {
		return err
	}
	d.accounts = d.newAccounts(keys, o)
	d.rehash = &rehasher{ctx: ctx, hasher: d.hasher, policy: d.policy, accounts: d.accounts, log: o.Log}
	d.policy.Right = d.rehash.right
	d.admin = admin.New(d.accounts, o.Log)
	d.admin.Metrics, d.admin.Policy, d.admin.Sockets, d.admin.Offline = d.counters, d.policy, d.sockets, o.Offline
	d.safe = d.newSafe(keys, o)
	d.admin.Safe = d.safe
	pages := &portal.Server{Accounts: d.accounts, Policy: d.policy, Audit: signInRecorder{d.audit, d.counters}, Config: d.config, Log: o.Log, Now: o.Now, Rand: o.Rand}
	d.portal, err = pages.Handler()
	return err
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return o
}

// openStore makes data_dir if need be, and opens key and database in it.
func openStore(cfg *config.Config, o Options) (*store.Store, *secret.Keys, error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("daemon: data_dir: %w", err)
	}
	unlock, err := lockFolder(cfg.DataDir)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	database, key := filepath.Join(cfg.DataDir, DatabaseFile), filepath.Join(cfg.DataDir, KeyFile)
	exists, err := databaseExists(database, key)
	if err != nil {
		return nil, nil, err
	}
	if !o.Offline { // nobody restores now, or the folder would be locked
		_ = os.Remove(filepath.Join(cfg.DataDir, restoringFile))
	}
	keys, err := secret.OpenKeys(key, exists, o.Rand)
	if err != nil {
		return nil, nil, err
	}
	engine, err := boltkv.Open(database, boltkv.Options{})
	if err != nil {
		return nil, nil, err
	}
	st, err := store.Open(context.Background(), engine, keys, store.Options{Now: o.Now, Rand: o.Rand, MigrateOK: !o.Offline})
	if err != nil {
		return nil, nil, errors.Join(err, engine.Close())
	}
	return st, keys, nil
}

// lockFolder makes processes that open the same folder take turns while they look
// for key and database and make what is missing. Which of them may keep the
// database is decided by the database's own lock.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("daemon: data_dir: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("daemon: locking data_dir: %w", err), f.Close())
	}
	return func() { f.Close() }, nil
}

// databaseExists says whether there is a database. A key for which there is none,
// or an empty one, is [ErrDatabaseLost], wherever the key is: a new key is only made
// where there is none, so it has had a database.
func databaseExists(database, key string) (bool, error) {
	info, err := os.Stat(database)
	if err == nil && info.Size() > 0 {
		return true, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("daemon: data_dir: %w", err)
	}
	if found, err := secret.HasKey(key); err != nil || !found {
		return false, err
	}
	return false, fmt.Errorf("%w: %s", ErrDatabaseLost, database)
}

func openHasher(cfg *config.Config, o Options) (*hasher.Pool, error) {
	h := o.Hasher
	h.Log, h.Now = o.Log, o.Now
	h.Budget = policy.HashWithin(time.Duration(cfg.Auth.FailureDelay))
	if h.Workers == 0 {
		h.Workers = cfg.Auth.Workers
	}
	if o.Offline && h.Start == nil {
		return hasher.InProcess(h), nil
	}
	return hasher.New(h)
}

// senders is the configuration of text messages. A command needs none: it must
// not fail because of them.
func (d *Daemon) senders(o Options) *config.Config {
	if o.Offline {
		return config.Default()
	}
	return d.cfg
}

// newAccounts is what changes accounts, for every door that may.
func (d *Daemon) newAccounts(keys *secret.Keys, o Options) *accounts.Service {
	return &accounts.Service{
		Store: d.store,
		Keys:  keys,
		Hash: func(ctx context.Context, s secret.Secret) (string, error) {
			return d.hasher.Hash(ctx, hasher.Portal, s)
		},
		Cost:     d.hasher.Cost(),
		Now:      o.Now,
		Rand:     o.Rand,
		Config:   d.config,
		Flush:    d.audit.FlushOf,
		Seen:     d.audit.Seen,
		Network:  policy.Network,
		SameMain: d.policy.SameMain,
		Cut:      d.sessions.cut,
		Enforced: d.required.required,
		Sender:   d.texts.sender,
	}
}

func (d *Daemon) policyRules(cfg *config.Config) policy.Rules {
	return policy.Rules{RequireSecured: cfg.Auth.RequireSecured, Enforced: d.required.required}
}

func doorRules(cfg *config.Config) authserver.Rules {
	return authserver.Rules{
		Mechanisms:    cfg.Auth.Mechanisms,
		DefaultDomain: cfg.Auth.DefaultDomain,
		Refusal:       cfg.Refusal(),
		FailureDelay:  time.Duration(cfg.Auth.FailureDelay),
		Userdb:        cfg.Userdb,
	}
}

func cyrusRules(cfg *config.Config) cyrusauth.Rules {
	return cyrusauth.Rules{
		DefaultDomain: cfg.Auth.DefaultDomain,
		Refusal:       cfg.Refusal(),
		FailureDelay:  time.Duration(cfg.Auth.FailureDelay),
	}
}

// Admin answers the administrator's requests, on the admin socket and for the
// command line when no daemon runs.
func (d *Daemon) Admin() http.Handler { return d.admin }

// Portal is the handler of the web pages.
func (d *Daemon) Portal() http.Handler { return d.portal }

// Close writes what is in memory and closes the store. Call it after Serve has
// returned.
func (d *Daemon) Close() error {
	d.giveUp()
	d.safe.wait() // its asker is gone, or was cut off
	d.texts.stop()
	d.auth.Wait()
	d.nginxAnswering.end()
	d.rehash.wait()
	d.sessions.close()
	return errors.Join(d.audit.Flush(context.Background()), d.hasher.Close(), d.store.Close())
}
