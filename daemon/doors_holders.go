package daemon

import (
	"bufio"
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// holders knows who holds which socket, as far as this process may know: root
// sees everybody, others their own processes (proc(5)). Where there is no /proc
// nobody holds anything.
type holders struct {
	open func() openFiles // read when first asked for: most starts find nobody
}

// openFiles is what every process has open.
type openFiles struct {
	byInode map[string][]int // inode of a socket -> processes
	daemon  []int            // processes that have the database open
}

// What the processes that hold a socket are.
type holding int

const (
	heldByNobodyKnown holding = iota
	heldByUs                  // this process, or the daemon that has the database open
	heldBySystemd
	heldByOther
)

func newHolders(database string) *holders {
	return &holders{open: sync.OnceValue(func() openFiles { return readOpenFiles(database) })}
}

// readOpenFiles looks at every process.
func readOpenFiles(database string) openFiles {
	files := openFiles{byInode: make(map[string][]int)}
	if real, err := filepath.EvalSymlinks(database); err == nil {
		database = real
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is good
	for _, link := range links {
		file, err := os.Readlink(link)
		if err != nil {
			continue // not ours to see, or closed meanwhile
		}
		pid, err := strconv.Atoi(strings.Split(link, "/")[2])
		if err != nil {
			continue
		}
		if inode, found := strings.CutPrefix(file, "socket:["); found {
			inode = strings.TrimSuffix(inode, "]")
			files.byInode[inode] = append(files.byInode[inode], pid)
		} else if file == database {
			files.daemon = append(files.daemon, pid)
		}
	}
	return files
}

// judge says whose sockets are that these processes hold.
func (h *holders) judge(by []int) holding {
	has := func(pids ...int) bool {
		return slices.ContainsFunc(pids, func(pid int) bool { return slices.Contains(by, pid) })
	}
	switch {
	case len(by) == 0:
		return heldByNobodyKnown
	case has(os.Getpid()), has(h.open().daemon...):
		return heldByUs
	case slices.ContainsFunc(by, func(pid int) bool { return command(pid) == "systemd" }):
		return heldBySystemd
	case !slices.ContainsFunc(by, visible):
		return heldByNobodyKnown // it may well be the daemon
	}
	return heldByOther
}

// visible says whether this process may see what another has open.
func visible(pid int) bool {
	_, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return err == nil
}

// command is the name of a process's program, "" if it is not known.
func command(pid int) string {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}

// names says who they are.
func (h *holders) names(by []int) string {
	if len(by) == 0 {
		return "somebody"
	}
	pid := slices.Min(by) // the parent rather than its children
	if name := command(pid); name != "" {
		return fmt.Sprintf("%q (process %d)", name, pid)
	}
	return fmt.Sprintf("process %d", pid)
}

// atPath finds the listening unix socket that was bound to a path, or to where
// bind makes it, and the processes that hold it.
func (h *holders) atPath(path string) (by []int, bound bool) {
	const (
		listening = 1 << 16 // __SO_ACCEPTCON
		columns   = 8       // num refcount protocol flags type st inode path
	)
	for fields := range rows("/proc/net/unix", columns) {
		flags, err := strconv.ParseUint(fields[3], 16, 64)
		if err != nil || flags&listening == 0 || fields[7] != path && fields[7] != path+".new" {
			continue
		}
		by, bound = append(by, h.open().byInode[fields[6]]...), true
	}
	return by, bound
}

// onPort tells whether somebody listens by TCP on the port of a place, and finds
// the processes that do.
func (h *holders) onPort(place string) (by []int, bound bool) {
	const (
		listening = "0A" // TCP_LISTEN
		columns   = 10   // sl local remote st queues tr:tm retrnsmt uid timeout inode …
	)
	port := fmt.Sprintf(":%04X", portOf(place))
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for fields := range rows(file, columns) {
			if fields[3] == listening && strings.HasSuffix(fields[1], port) {
				by, bound = append(by, h.open().byInode[fields[9]]...), true
			}
		}
	}
	return by, bound
}

// rows gives the lines of a table in /proc, each cut at its blanks into at least
// so many fields. What is missing or shorter is left out.
func rows(file string, fields int) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		f, err := os.Open(file)
		if err != nil {
			return
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if row := strings.Fields(lines.Text()); len(row) >= fields && !yield(row) {
				return
			}
		}
	}
}

// listenerOf connects to a unix socket and asks the kernel which process listens
// there; 0 if it cannot be told.
func listenerOf(path string) (pid int, err error) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return 0, err
	}
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
				pid = int(cred.Pid)
			}
		})
	}
	return pid, cmp.Or(err, conn.Close())
}
