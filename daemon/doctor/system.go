package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of what is fine.
const (
	leastDisk = 256 << 20        // bytes free, for a daemon that writes events
	firstYear = 2025             // a clock before is wrong
	lastYear  = 2100             // and so is one after
	maxError  = 10 * time.Second // the kernel's own estimate of the clock's error
)

// CheckSystem looks at the data folder, the key file and the clock.
func CheckSystem(dataDir, keyFile string, now time.Time) Report {
	r := Report{Part: "System"}
	key(&r, dataDir, keyFile)
	disk(&r, dataDir)
	clock(&r, now)
	return r
}

// key judges who may read the key file.
func key(r *Report, dataDir, file string) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.add(Note, file+": no key file; systemd may give it to the daemon (LoadCredential=), or nothing was ever stored")
		return
	case err != nil:
		r.add(Note, file+": you may not look at the key file; run this as root")
		return
	case info.Mode().Perm()&0o077 != 0:
		r.add(Warning, fmt.Sprintf("%s may be read or changed by others (%s)", file, owned(info)), "chmod 0600 "+file)
		return
	}
	folder, err := os.Stat(dataDir)
	if err == nil && !sameOwner(info, folder) {
		r.add(Warning, fmt.Sprintf("%s (%s) and its folder (%s) belong to different users", file, owned(info), owned(folder)))
		return
	}
	r.add(Good, file+" is readable for its owner only ("+owned(info)+")")
}

func sameOwner(a, b fs.FileInfo) bool {
	x, ok := a.Sys().(*syscall.Stat_t)
	y, too := b.Sys().(*syscall.Stat_t)
	return ok && too && x.Uid == y.Uid
}

func disk(r *Report, dataDir string) {
	var s unix.Statfs_t
	if err := unix.Statfs(dataDir, &s); err != nil {
		r.add(Warning, fmt.Sprintf("%s: free disk space cannot be told: %v", dataDir, err))
		return
	}
	free := s.Bavail * uint64(s.Bsize)
	text := fmt.Sprintf("%s: %d MiB free", dataDir, free>>20)
	if free < leastDisk {
		r.add(Warning, text+", which is little: a change that cannot be written is refused")
		return
	}
	r.add(Good, text)
}

// clock judges the time, on which dates of enforcement, of exceptions and of app
// passwords hang, and what the kernel knows of its error (adjtimex(2)).
func clock(r *Report, now time.Time) {
	text := "the clock says " + now.Format("2006-01-02 15:04:05 MST")
	if now.Year() < firstYear || now.Year() > lastYear {
		r.add(Warning, text+", which cannot be")
		return
	}
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	const unsynchronised = 0x40 // STA_UNSYNC
	switch {
	case err != nil:
		r.add(Good, text)
	case state == unix.TIME_ERROR || t.Status&unsynchronised != 0 || time.Duration(t.Maxerror)*time.Microsecond > maxError:
		r.add(Note, text+"; nothing keeps it synchronised that the kernel knows of (NTP)")
	default:
		r.add(Good, text+", and is kept synchronised")
	}
}
