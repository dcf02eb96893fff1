package admin

import (
	"fmt"
	"os/user"
	"slices"
	"strconv"
)

// directory knows users and groups.
type directory interface {
	Name(uid uint32) string // "" if there is none
	Member(uid uint32, group string) (bool, error)
}

// system is the machine's own. A binary built without cgo reads /etc/passwd and
// /etc/group only.
type system struct{}

var _ directory = system{}

func (system) Name(uid uint32) string {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return ""
	}
	return u.Username
}

func (system) Member(uid uint32, group string) (bool, error) {
	gid := group
	if _, err := strconv.ParseUint(group, 10, 32); err != nil {
		g, err := user.LookupGroup(group)
		if err != nil {
			return false, fmt.Errorf("admin: the helpdesk group: %w", err)
		}
		gid = g.Gid
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return false, fmt.Errorf("admin: %w", err)
	}
	groups, err := u.GroupIds()
	if err != nil {
		return false, fmt.Errorf("admin: groups of %s: %w", u.Username, err)
	}
	return slices.Contains(groups, gid), nil
}
