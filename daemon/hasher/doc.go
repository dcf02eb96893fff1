// Package hasher matches main passwords against their slow hashes without
// slowing anything else down.
//
// # Why worker processes
//
// Argon2id wants a processor and 19 MiB for tens of milliseconds. Done in the
// daemon's own process that work competes with the logins that need none of it:
// the Go scheduler gives every goroutine the same share, and the garbage
// collector has to walk and free the big blocks. A flood of wrong passwords
// then takes nearly everything. The kernel can do better, so the hashing is
// done by one worker process for each processor: the same binary started with a
// hidden verb, at a lower priority (nice), spoken to over a pipe. Secrets travel
// through that pipe only, never through arguments or the environment.
//
// A worker that dies is replaced, with a growing pause if it keeps dying. The
// job it had in hand is tried once more and then answers ErrWorkerDied. Workers
// end with Close, and by themselves when the daemon is gone: the kernel kills
// them (PR_SET_PDEATHSIG), and should that fail, they see the end of their
// standard input.
//
// # Who is served
//
// Jobs wait in two queues, [Mail] and [Portal], which take turns, so that a
// flood at the mail doors never shuts people out of the portal. Within a queue
// the networks that jobs come from take turns, so that one noisy network mostly
// waits for itself.
//
// A caller first asks for room with [Pool.Reserve], which never blocks: it says
// no if, by those turns and by the measured cost of a job, the answer could not
// be there within the budget (2 s). A reservation counts as work to come until
// it is used by [Ticket.Match] or handed back by [Ticket.Release].
//
// Guessing wrong about the future is possible: networks that arrive later take
// their turns too. A job still waiting after twice the budget is not hashed any
// more and answers [ErrBusy]; nobody is there to read the answer.
package hasher
