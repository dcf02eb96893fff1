package dovecot

import (
	"bytes"
	"encoding/hex"
)

const (
	maxClientLine = 16384 // AUTH_CLIENT_MAX_LINE_LENGTH, line end included
	maxMasterLine = 1024  // MAX_INBUF_SIZE of auth-master-connection.c
)

// loginRequest is a REQUEST as sent.
type loginRequest struct {
	LoginQuery
	id     uint32
	cookie [16]byte
	// hasCookie is false for a cookie that is not 32 hex digits: no connection has it.
	hasCookie bool
}

// parseRequest reads "<id>\t<client-pid>\t<client-id>\t<cookie>" and what follows.
func parseRequest(args []byte) (loginRequest, error) {
	var q loginRequest
	var numbers [3]uint32
	rest, more := args, true
	for i := range numbers {
		var field []byte
		field, rest, more = cut(rest)
		n, ok := parseUint32(field)
		if !ok || !more {
			return q, errBrokenMaster
		}
		numbers[i] = n
	}
	q.id, q.ClientPID, q.ClientID = numbers[0], numbers[1], numbers[2]
	field, rest, more := cut(rest)
	if len(field) == 2*len(q.cookie) {
		_, err := hex.Decode(q.cookie[:], field)
		q.hasCookie = err == nil
	}
	for more {
		field, rest, more = cut(rest)
		switch key, value, _ := bytes.Cut(field, []byte("=")); string(key) {
		case "session_pid":
			pid, ok := parseUint32(value)
			if !ok {
				return q, errBrokenMaster
			}
			q.SessionPID = pid
		case "request_auth_token":
			q.WantToken = true
		}
	}
	return q, nil
}

// parseUser reads "<id>\t<user>" and the parameters of a USER or PASS look-up. The user
// name is not escaped: callers refuse names that would need it.
func parseUser(args []byte) (uint32, *UserQuery, error) {
	id, rest, more, err := parseID(args)
	if err != nil || !more {
		return 0, nil, errBrokenMaster
	}
	name, rest, more := cut(rest)
	q := &UserQuery{User: text(name)}
	for more {
		var field []byte
		field, rest, more = cut(rest)
		switch key, value, _ := bytes.Cut(field, []byte("=")); string(key) {
		case "service", "protocol":
			q.Service = service(value)
		case "session":
			q.Session = text(value)
		case "local_name":
			q.LocalName = text(value)
		case "lip":
			q.LocalIP = parseAddr(value)
		case "rip":
			q.RemoteIP = parseAddr(value)
		}
	}
	if q.Service == "" {
		return 0, nil, errNoService
	}
	return id, q, nil
}

// parseList reads "<id>" and the parameters of a LIST; the last mask counts, as
// in master_input_list.
func parseList(args []byte) (uint32, *ListQuery, error) {
	id, rest, more, err := parseID(args)
	if err != nil {
		return 0, nil, err
	}
	q := new(ListQuery)
	for more {
		var field []byte
		field, rest, more = cut(rest)
		switch key, value, _ := bytes.Cut(field, []byte("=")); string(key) {
		case "user":
			q.Mask = text(value)
		case "service", "protocol":
			q.Service = service(value)
		}
	}
	return id, q, nil
}

// appendListed appends one name of a list. With an error dst is returned as it was.
func appendListed(dst []byte, id uint32, user string) ([]byte, error) {
	if user == "" {
		return dst, errNoUser
	}
	start := len(dst)
	dst = append(dst, "LIST\t"...)
	dst = appendUint(dst, id)
	dst = append(dst, '\t')
	return endLine(appendEscaped(dst, user), start)
}

// appendDone appends the end of a list.
func appendDone(dst []byte, id uint32, whole bool) []byte {
	dst = append(dst, "DONE\t"...)
	dst = append(appendUint(dst, id), '\t')
	if !whole {
		dst = append(dst, "fail"...)
	}
	return append(dst, '\n')
}

// appendUser appends the answer to a REQUEST, USER or PASS, as word if it is
// Found. One that cannot be sent becomes a FAIL, and the error says why.
func appendUser(dst []byte, word string, id uint32, reply *UserReply) ([]byte, error) {
	start := len(dst)
	switch reply.Outcome {
	case NotFound:
		dst = append(dst, "NOTFOUND\t"...)
		dst = appendUint(dst, id)
		return append(dst, '\n'), nil
	case Found:
		if reply.User == "" {
			return appendMasterFail(dst, id, ""), errNoUser
		}
		dst = append(dst, word...)
		dst = append(dst, '\t')
		dst = appendUint(dst, id)
		dst = append(dst, '\t')
		if word == "PASS" {
			dst = append(dst, "user="...)
		}
		dst = appendEscaped(dst, reply.User)
		dst, err := appendFields(dst, reply.Fields)
		if err == nil {
			dst, err = endLine(dst, start)
		}
		if err != nil {
			dst = appendMasterFail(dst[:start], id, "")
		}
		return dst, err
	}
	return appendMasterFail(dst, id, reply.Reason), nil
}

func appendMasterFail(dst []byte, id uint32, reason string) []byte {
	dst = append(dst, "FAIL\t"...)
	dst = appendUint(dst, id)
	if reason != "" {
		dst = append(dst, "\treason="...)
		dst = appendReason(dst, reason)
	}
	return append(dst, '\n')
}
