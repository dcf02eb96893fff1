package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Exit statuses; the help of latchkey lists them.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitConfig      = 3
	exitNotFound    = 4
	exitNotAllowed  = 5
	exitUnavailable = 6
)

// failure is how a command ends that does not succeed.
type failure struct {
	status   int
	sentence string // lower case, no full stop
	hint     string // what to do about it, "" if nothing is
	cause    error
}

func (f *failure) Error() string { return f.sentence }
func (f *failure) Unwrap() error { return f.cause }

// explain finds sentence, hint and status for any error of a command.
func explain(err error) *failure {
	var own *failure
	if errors.As(err, &own) {
		return own
	}
	var told *admin.Error
	if errors.As(err, &told) {
		return explainAnswer(told)
	}
	var lost *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{status: exitUnavailable, sentence: "the daemon does not answer", cause: err}
	case errors.As(err, &lost):
		return &failure{status: exitUnavailable, sentence: "the daemon went away: " + lost.Err.Error(),
			hint: "look whether it was done before you ask again", cause: err}
	}
	return &failure{status: exitFailed, sentence: err.Error()}
}

// explainAnswer is for what the admin handler said.
func explainAnswer(e *admin.Error) *failure {
	f := &failure{status: exitFailed, sentence: printable(e.Sentence), hint: printable(e.Hint), cause: e}
	switch e.Kind {
	case admin.KindNotFound:
		f.status = exitNotFound
	case admin.KindForbidden:
		f.status = exitNotAllowed
	case admin.KindInternal:
		f.status = exitUnavailable
	}
	return f
}

// about puts the account in front of what was said about it.
func about(address string, err error) error {
	var told *admin.Error
	if !errors.As(err, &told) || told.Kind == admin.KindForbidden || told.Kind == admin.KindBadRequest {
		return err
	}
	f := explainAnswer(told)
	f.sentence = printable(address) + ": " + f.sentence
	return f
}

// explainServe is for a data folder that the daemon could not open.
func explainServe(dataDir string, err error) error {
	switch {
	case errors.Is(err, kv.ErrLocked):
		return &failure{status: exitUnavailable, sentence: "the database in " + dataDir + " is in use",
			hint: "another daemon or another command has it open: stop that one, or wait for it to end", cause: err}
	case errors.Is(err, secret.ErrKeyMissing):
		return &failure{status: exitUnavailable, sentence: "the key file of the database in " + dataDir + " is missing",
			hint: "restore it from a backup, or look why systemd does not give it (LoadCredential=); a new key opens nothing of this database", cause: err}
	case errors.Is(err, fs.ErrPermission):
		return &failure{status: exitNotAllowed, sentence: err.Error(), hint: "the folder has to belong to the user that the daemon runs as", cause: err}
	default:
		return explainOpen(dataDir, "", err)
	}
}

// explainOpen is for a data folder that this command could not open by itself.
func explainOpen(dataDir, socket string, err error) error {
	unavailable := func(sentence, hint string) error {
		return &failure{status: exitUnavailable, sentence: sentence, hint: hint, cause: err}
	}
	switch {
	case errors.Is(err, kv.ErrLocked):
		return unavailable("the database in "+dataDir+" is in use, but nobody answers on "+socket,
			"a daemon with another run_dir, or another command, has it open; name the configuration file of the daemon with --config")
	case errors.Is(err, daemon.ErrDatabaseLost):
		return unavailable("the key is there, but its database in "+dataDir+" is missing or empty",
			"look whether that folder is mounted, or restore the database from a backup; only to begin anew, move "+daemon.KeyFile+
				" away first, and where systemd gives it (LoadCredential=), start once without")
	case errors.Is(err, secret.ErrKeyMissing):
		return unavailable("the key file of the database in "+dataDir+" is missing",
			"restore it from a backup; if systemd gives it to the daemon, start the daemon and ask again")
	case errors.Is(err, secret.ErrKeyPermissions):
		return unavailable("the key file in "+dataDir+" may be read by others", "chmod 0600 it, and think about who has read it")
	case errors.Is(err, store.ErrNeedsMigration):
		return unavailable("the database in "+dataDir+" is of an older version", "start the daemon: it brings the database up to date")
	case errors.Is(err, fs.ErrPermission):
		return &failure{status: exitNotAllowed, sentence: "no daemon answers on " + socket + ", and " + dataDir + " is not yours to open",
			hint: "start the daemon, or run this as root", cause: err}
	default:
		return unavailable(fmt.Sprintf("cannot open the database in %s: %v", dataDir, err), hintOpen(err))
	}
}

// hintOpen is what to do about a data folder whose files are there and do not open.
func hintOpen(err error) string {
	switch {
	case errors.Is(err, secret.ErrKeyMalformed):
		return "restore the key file from a backup"
	case errors.Is(err, store.ErrWrongKey):
		return "put the key file back that belongs to this database, from a backup"
	case errors.Is(err, store.ErrNewerSchema):
		return "install the newer latchkey again"
	case errors.Is(err, kv.ErrDamaged):
		return "latchkey check names what is damaged; restore the database from a backup"
	}
	return ""
}
