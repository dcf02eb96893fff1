package cli

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store/kv"
)

// connectBorrowing is connect for a verb that writes a file of its caller's: root
// is the owner of the data folder only until what it returns is called, where
// connect makes it so for good.
func (a *app) connectBorrowing(cfg *config.Config) (*admin.Client, func() error, error) {
	for range lockTries {
		client, closeClient, err := a.connectBorrowingOnce(cfg)
		if !errors.Is(err, kv.ErrLocked) {
			return client, closeClient, err
		}
		time.Sleep(lockPause)
	}
	return a.connectBorrowingOnce(cfg)
}

func (a *app) connectBorrowingOnce(cfg *config.Config) (*admin.Client, func() error, error) {
	socket := cfg.SocketPaths().Admin
	client, closeClient, err := dial(socket)
	if !noDaemon(err) {
		return client, closeClient, err
	}
	giveBack, err := borrow(cfg.DataDir)
	if err != nil {
		return nil, nil, err
	}
	client, closeClient, err = a.inProcess(cfg, socket)
	if err != nil {
		return nil, nil, errors.Join(err, giveBack())
	}
	return client, func() error { return errors.Join(closeClient(), giveBack()) }, nil
}

// borrow makes root act as the owner of a folder until giveBack. Anybody else, and
// root where there is no such folder, stays who they are.
func borrow(folder string) (giveBack func() error, err error) {
	stays := func() error { return nil }
	info, err := os.Stat(folder)
	if err != nil || os.Geteuid() != 0 {
		return stays, nil // connect says what is wrong
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return stays, nil
	}
	groups, err := os.Getgroups()
	if err != nil {
		return nil, err
	}
	group := os.Getegid()
	giveBack = func() error {
		return errors.Join(syscall.Seteuid(0), syscall.Setegid(group), syscall.Setgroups(groups))
	}
	err = errors.Join(syscall.Setgroups([]int{int(owner.Gid)}), syscall.Setegid(int(owner.Gid)), syscall.Seteuid(int(owner.Uid)))
	if err != nil {
		return nil, errors.Join(err, giveBack())
	}
	return giveBack, nil
}
