package hasher

import "errors"

// Errors of a job. None of them says anything about the password: a caller that
// gets one has an undecided question, not a wrong password.
var (
	// ErrBusy: the job waited too long, or there is no room for one more.
	ErrBusy = errors.New("hasher: too busy to answer in time")
	// ErrWorkerDied: two workers in a row died over this job, or none can be started.
	ErrWorkerDied = errors.New("hasher: worker process died")
	// ErrClosed: the pool was closed before the job was done.
	ErrClosed = errors.New("hasher: pool is closed")
	// ErrTicketUsed: Match was called on a ticket that was used or released before.
	ErrTicketUsed = errors.New("hasher: ticket was used before")
	// ErrTooLong: the password or the stored hash is beyond what a worker accepts.
	ErrTooLong = errors.New("hasher: password or stored hash too long")
)

// Errors of the pipe between pool and worker.
var (
	errFrameTooLarge  = errors.New("hasher: frame too large")
	errFrameMalformed = errors.New("hasher: malformed frame")
	errNotAWorker     = errors.New("hasher: the started program is not a hash worker")
	errNested         = errors.New("hasher: a hash worker must not start hash workers")
)
