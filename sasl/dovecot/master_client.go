package dovecot

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
)

// MasterClient is the client's end of one connection to a master or userdb
// socket, for one goroutine at a time.
type MasterClient struct {
	// What the server said in its handshake.
	Minor uint32
	SPID  uint32

	nc     net.Conn
	in     *bufio.Reader
	lastID uint32
}

// LoginRequest is the REQUEST line to send.
type LoginRequest struct {
	ClientPID, ClientID uint32 // of the login: its CPID and its request id
	Cookie              string // of the login's connection
	SessionPID          uint32 // left out if 0
	WantToken           bool
}

// NewMasterClient does the handshake of a master or userdb socket on c. It closes
// c if that fails. A deadline, if one is wanted, is set on c before.
func NewMasterClient(c net.Conn) (*MasterClient, error) {
	m := &MasterClient{nc: c, in: bufio.NewReaderSize(c, maxReply)}
	hello := appendUint([]byte("VERSION\t1\t"), serverMinor)
	if err := shakeHands(c, append(hello, '\n'), m.readHandshake); err != nil {
		return nil, fmt.Errorf("dovecot: handshake: %w", err)
	}
	return m, nil
}

// readHandshake wants VERSION and SPID, the only lines that a master socket begins with.
func (m *MasterClient) readHandshake() error {
	line, err := readLine(m.in)
	if err != nil {
		return err
	}
	command, args, _ := cut(line)
	if m.Minor, err = parseVersion(args); err != nil || string(command) != "VERSION" {
		return fmt.Errorf("%w: %w", ErrProtocol, errNoVersion)
	}
	if line, err = readLine(m.in); err != nil {
		return err
	}
	command, args, _ = cut(line)
	var ok bool
	if m.SPID, ok = parseUint32(args); !ok || string(command) != "SPID" {
		return fmt.Errorf("%w: not a master socket", ErrProtocol)
	}
	return nil
}

// Request asks for the user of a login that passed.
func (m *MasterClient) Request(ctx context.Context, q LoginRequest) (UserReply, error) {
	id := m.nextID()
	line := appendUint([]byte("REQUEST\t"), id)
	line = appendUint(append(line, '\t'), q.ClientPID)
	line = appendUint(append(line, '\t'), q.ClientID)
	line = append(line, '\t')
	line = appendEscaped(line, q.Cookie)
	if q.SessionPID != 0 {
		line = append(line, "\tsession_pid="...)
		line = appendUint(line, q.SessionPID)
	}
	line = appendWord(line, "request_auth_token", q.WantToken)
	return m.ask(ctx, id, "USER", line)
}

// User looks a user up for a service ("lmtp"). A name with TAB, CR, LF or NUL
// cannot be asked for: it is not escaped on this wire.
func (m *MasterClient) User(ctx context.Context, name, service string) (UserReply, error) {
	return m.LookUp(ctx, &UserQuery{User: name, Service: service})
}

// LookUp is User with all that a USER look-up may say besides; Peer is not sent.
func (m *MasterClient) LookUp(ctx context.Context, q *UserQuery) (UserReply, error) {
	return m.lookUp(ctx, "USER", q)
}

// Pass looks up what there is to know of a login's name without its password.
func (m *MasterClient) Pass(ctx context.Context, name, service string) (UserReply, error) {
	return m.lookUp(ctx, "PASS", &UserQuery{User: name, Service: service})
}

func (m *MasterClient) lookUp(ctx context.Context, word string, q *UserQuery) (UserReply, error) {
	if q.User == "" || strings.ContainsAny(q.User, "\x00\x01\t\r\n") || q.Service == "" {
		return UserReply{}, fmt.Errorf("%w: bad user name or no service", ErrRequest)
	}
	id := m.nextID()
	line := appendUint([]byte(word+"\t"), id)
	line = append(line, '\t')
	line = append(line, q.User...)
	line = appendText(line, "service", q.Service)
	line = appendText(line, "session", q.Session)
	line = appendText(line, "local_name", q.LocalName)
	line = appendAddr(line, "lip", q.LocalIP)
	line = appendAddr(line, "rip", q.RemoteIP)
	return m.ask(ctx, id, word, line)
}

func (m *MasterClient) nextID() uint32 {
	if m.lastID++; m.lastID == 0 {
		m.lastID = 1
	}
	return m.lastID
}

// ask sends one line and waits for its answer, which is word if something was
// found. A failure closes the connection.
func (m *MasterClient) ask(ctx context.Context, id uint32, word string, line []byte) (UserReply, error) {
	var reply UserReply
	err := m.converse(ctx, line, func(answer []byte) (last bool, err error) {
		reply, err = parseUserReply(answer, word, id)
		return true, err
	})
	if err != nil {
		return UserReply{}, err
	}
	return reply, nil
}

// converse sends one line and hands out the lines of its answer up to the last.
// A failure closes the connection.
func (m *MasterClient) converse(ctx context.Context, line []byte, hear func(answer []byte) (last bool, err error)) error {
	if len(line) >= maxMasterLine {
		return fmt.Errorf("%w: line too long", ErrRequest)
	}
	err := bounded(ctx, m.nc, func() error {
		if _, err := m.nc.Write(append(line, '\n')); err != nil {
			return err
		}
		for last := false; !last; {
			answer, err := readLine(m.in)
			if err != nil {
				return err
			}
			if last, err = hear(answer); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		_ = m.nc.Close() // an answer that comes late must not meet the next question
	}
	return err
}

// parseAnswer reads command and id of a line that answers request id; any other id
// is an error, as for Dovecot's own clients. It returns with them what cut does.
func parseAnswer(line []byte, id uint32) (command string, rest []byte, more bool, err error) {
	word, args, _ := cut(line)
	got, rest, more, err := parseID(args)
	if err != nil || got != id {
		return "", nil, false, fmt.Errorf("%w: %s: %w", ErrProtocol, commandWord(word), errID)
	}
	return string(word), rest, more, nil
}

func unknownAnswer(command string) error {
	return fmt.Errorf("%w: %s: %w", ErrProtocol, commandWord([]byte(command)), errCommand)
}

// parseUserReply reads the answer to request id, which is word if something was found.
func parseUserReply(line []byte, word string, id uint32) (UserReply, error) {
	command, rest, more, err := parseAnswer(line, id)
	if err != nil {
		return UserReply{}, err
	}
	var reply UserReply
	switch command {
	case word:
		reply.Outcome = Found
		if word == "PASS" {
			break // user= is one of its fields
		}
		var user []byte
		user, rest, more = cut(rest)
		setText(&reply.User, user)
	case "NOTFOUND":
		reply.Outcome = NotFound
	case "FAIL":
	default:
		return UserReply{}, unknownAnswer(command)
	}
	for more {
		var field []byte
		field, rest, more = cut(rest)
		key, value, _ := bytes.Cut(field, []byte("="))
		var f Field
		setText(&f.Key, key)
		setText(&f.Value, value)
		switch {
		case f.Key == "":
		case f.Key == "reason" && reply.Outcome == Failed:
			reply.Reason = f.Value
		case f.Key == "user" && word == "PASS" && reply.Outcome == Found:
			reply.User = f.Value
		default:
			reply.Fields = append(reply.Fields, f)
		}
	}
	return reply, nil
}

// Close closes the connection.
func (m *MasterClient) Close() error { return m.nc.Close() }
