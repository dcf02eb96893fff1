package dovecot

import (
	"context"
	"errors"
	"fmt"
)

// ErrList says that a list has ended before all users were named.
var ErrList = errors.New("dovecot: the list of users is not whole")

// List calls yield with the name of each user that the mask leaves in, and returns
// nil if those were all, [ErrList] if the server says that they were not. When
// yield returns false the connection is closed, and List returns nil.
func (m *MasterClient) List(ctx context.Context, q *ListQuery, yield func(user string) bool) error {
	id := m.nextID()
	line := appendUint([]byte("LIST\t"), id)
	line = appendText(line, "user", q.Mask)
	line = appendText(line, "service", q.Service)
	whole := true
	err := m.converse(ctx, line, func(answer []byte) (last bool, err error) {
		command, rest, _, err := parseAnswer(answer, id)
		if err != nil {
			return true, err
		}
		field, _, _ := cut(rest)
		switch {
		case command == "LIST" && len(field) > 0:
			if yield(text(field)) {
				return false, nil
			}
			return true, m.nc.Close()
		case command == "DONE":
			whole = len(field) == 0
			return true, nil
		}
		return true, unknownAnswer(command)
	})
	if err == nil && !whole {
		err = ErrList
	}
	return err
}

// CacheFlush has a server forget what it knows about the users that the masks
// name, all without any, and returns how many entries that were. Only a master
// socket knows it.
func (m *MasterClient) CacheFlush(ctx context.Context, masks ...string) (uint32, error) {
	id := m.nextID()
	line := appendUint([]byte("CACHE-FLUSH\t"), id)
	for _, mask := range masks {
		line = appendEscaped(append(line, '\t'), mask)
	}
	var count uint32
	err := m.converse(ctx, line, func(answer []byte) (last bool, err error) {
		command, rest, _, err := parseAnswer(answer, id)
		if err != nil {
			return true, err
		}
		if command != "OK" {
			return true, unknownAnswer(command)
		}
		var ok bool
		field, _, _ := cut(rest)
		if count, ok = parseUint32(field); !ok {
			return true, fmt.Errorf("%w: OK without a count", ErrProtocol)
		}
		return true, nil
	})
	return count, err
}
