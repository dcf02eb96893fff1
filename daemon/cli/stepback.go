package cli

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// backNice is the priority (nice) of a command that walks over very many accounts.
const backNice = 10

// stepBack lets everything else on this machine go first from now on, the logins of
// mail programs above all. The kernel gives each thread a priority of its own, and
// to a new one that of the thread that makes it (setpriority(2)); one that is
// missed, or cannot be changed, does no harm.
func stepBack() {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, backNice)
		return
	}
	for _, thread := range threads {
		if id, err := strconv.Atoi(thread.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, id, backNice)
		}
	}
}
