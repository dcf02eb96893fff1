package cli

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/kv"
)

// asking runs a verb that puts questions to the admin handler.
func (a *app) asking(verb func(q *question, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		cfg, err := a.config()
		if err != nil {
			return err
		}
		client, closeClient, err := a.connect(cfg)
		if err != nil {
			return err
		}
		err = verb(&question{Client: client, ctx: cmd.Context()}, args)
		return errors.Join(err, closeClient())
	}
}

// askingDaemon runs a verb that only a running daemon can answer.
func (a *app) askingDaemon(hint string, verb func(q *question) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.config()
		if err != nil {
			return err
		}
		socket := cfg.SocketPaths().Admin
		client, closeClient, err := dial(socket)
		if noDaemon(err) {
			return &failure{status: exitUnavailable, sentence: "no daemon answers on " + socket, hint: hint, cause: err}
		}
		if err != nil {
			return err
		}
		return errors.Join(verb(&question{Client: client, ctx: cmd.Context()}), closeClient())
	}
}

// Another command may have the database open for a moment.
const (
	lockTries = 60
	lockPause = 50 * time.Millisecond
)

// connect finds somebody to ask: the daemon if one runs, else this process.
func (a *app) connect(cfg *config.Config) (*admin.Client, func() error, error) {
	for range lockTries {
		client, closeClient, err := a.connectOnce(cfg)
		if !errors.Is(err, kv.ErrLocked) {
			return client, closeClient, err
		}
		time.Sleep(lockPause)
	}
	return a.connectOnce(cfg)
}

func (a *app) connectOnce(cfg *config.Config) (*admin.Client, func() error, error) {
	socket := cfg.SocketPaths().Admin
	client, closeClient, err := dial(socket)
	if noDaemon(err) {
		return a.inProcess(cfg, socket)
	}
	return client, closeClient, err
}

// dial finds the daemon behind a socket; where there is none, noDaemon knows the
// error.
func dial(socket string) (*admin.Client, func() error, error) {
	c, err := net.Dial("unix", socket)
	switch {
	case err == nil:
		client := admin.NewClient(admin.Dial(socket))
		return client, func() error { client.Close(); return nil }, c.Close()
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, &failure{status: exitNotAllowed, sentence: "you may not ask the daemon on " + socket,
			hint: "run this as root, or be a member of [admin] group", cause: err}
	default:
		return nil, nil, &failure{status: exitUnavailable, sentence: "cannot ask the daemon: " + err.Error(), cause: err}
	}
}

func noDaemon(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED)
}

// inProcess opens the data folder and runs the daemon's admin handler here. No
// daemon runs, or opening fails: the database is locked by whoever has it open.
func (a *app) inProcess(cfg *config.Config, socket string) (*admin.Client, func() error, error) {
	who := admin.Identity{Actor: self(), Role: admin.Administrator} // the files' permissions decide
	if err := ownFolder(cfg, socket); err != nil {
		return nil, nil, err
	}
	log := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelError}))
	d, err := daemon.Open(cfg, daemon.Options{Log: log, Offline: true})
	if err != nil {
		return nil, nil, explainOpen(cfg.DataDir, socket, err)
	}
	return admin.NewClient(admin.InProcess(d.Admin(), who)), d.Close, nil
}

// ownFolder makes sure that there is a data folder, and becomes its owner.
func ownFolder(cfg *config.Config, socket string) error {
	info, err := os.Stat(cfg.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return &failure{status: exitUnavailable, sentence: "no daemon answers on " + socket + ", and there is no folder " + cfg.DataDir,
			hint: "start the daemon, or make the folder: install -d -m 0700 -o USER " + cfg.DataDir, cause: err}
	}
	if err == nil {
		err = become(info)
	}
	if err != nil {
		return explainOpen(cfg.DataDir, socket, err)
	}
	return nil
}

// self names who runs this command, before become.
func self() store.Actor {
	name := ""
	if u, err := user.LookupId(strconv.Itoa(os.Getuid())); err == nil {
		name = u.Username
	}
	return admin.UserActor(uint32(os.Getuid()), name)
}

// become switches from root to the owner of the data folder for good, so that
// no file of root's appears in it. Anybody else stays who they are.
func become(folder fs.FileInfo) error {
	owner, ok := folder.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || owner.Uid == 0 {
		return nil
	}
	gid := int(owner.Gid)
	return errors.Join(syscall.Setgroups([]int{gid}), syscall.Setgid(gid), syscall.Setuid(int(owner.Uid)))
}
