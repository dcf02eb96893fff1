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
// it is used by [Ticket.Match] or [Ticket.Pretend], or handed back by
// [Ticket.Release].
//
// Guessing wrong about the future is possible: networks that arrive later take
// their turns too. A job still waiting after twice the budget is not hashed any
// more and answers [ErrBusy]; nobody is there to read the answer.
//
// # Who is not hashed
//
// Most of what a caller refuses needs no hash: the name does not exist, or the
// account may not use its main password. If such a refusal took no turn, then
// whoever fills the queue could tell from "try again" and "wrong" which names are
// hashed. So it is a job like all others ([Ticket.Pretend]): it stands in the same
// line, is taken by a worker in its turn, dies with a worker and is given up when
// its caller's time is over. The worker only sleeps through it, for the measured
// cost of a job, and that costs no processor time. A worker that sleeps hashes
// nothing for others either: names that do not exist shut out as much, and no
// more, than as many wrong passwords.
//
// What differs is that a hash takes now more, now less than their average. That
// shows only where the caller's time ends while its job is with a worker, by more
// than the third of the budget that Match grants.
package hasher
