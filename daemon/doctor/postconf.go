package doctor

import (
	"bytes"
	"path/filepath"
	"strings"
)

// masterService is one line of Postfix's master.cf.
type masterService struct {
	name, kind string // "submission", "inet"
	chroot     bool
	program    string // "smtpd"
	overrides  map[string]string
}

// String is how people call it.
func (s *masterService) String() string { return s.name + " " + s.kind }

// parsePostconf reads "name = value", a line each.
func parsePostconf(text []byte) map[string]string {
	all := make(map[string]string)
	for raw := range bytes.Lines(text) {
		if key, value, found := strings.Cut(string(raw), "="); found {
			all[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return all
}

// parseMaster reads what postconf -M prints: name, type, private, unprivileged,
// chroot, wake-up, processes, command, with its arguments behind it (master(5)).
func parseMaster(text []byte) []*masterService {
	const columns = 8
	var all []*masterService
	for raw := range bytes.Lines(text) {
		fields := strings.Fields(string(raw))
		if len(fields) < columns || fields[0][0] == '#' {
			continue
		}
		all = append(all, &masterService{
			name: fields[0], kind: fields[1], chroot: fields[4] == "y",
			program: filepath.Base(fields[7]), overrides: make(map[string]string),
		})
	}
	return all
}

// applyOverrides reads what postconf -P prints, "service/type/name = value", into
// the services.
func applyOverrides(services []*masterService, text []byte) {
	for raw := range bytes.Lines(text) {
		head, value, found := strings.Cut(string(raw), "=")
		if !found {
			continue
		}
		head = strings.TrimSpace(head)
		for _, s := range services {
			// A service's name may have slashes in it, a parameter's has none.
			if key, ours := strings.CutPrefix(head, s.name+"/"+s.kind+"/"); ours && !strings.Contains(key, "/") {
				s.overrides[key] = strings.TrimSpace(value)
			}
		}
	}
}
