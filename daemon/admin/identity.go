package admin

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"github.com/latchkey-mail/latchkey/store"
)

// Role is what somebody may do.
type Role uint8

// The roles, each of which may do what those before it may.
const (
	Stranger      Role = iota // nothing
	Helpdesk                  // look at accounts and events, unbind a phone
	Administrator             // everything
)

// Identity is somebody at the door.
type Identity struct {
	Actor store.Actor // how events name them
	Role  Role
}

// peer is the process at the other end of a unix socket, as the kernel saw it
// when it connected (SO_PEERCRED, unix(7)).
type peer struct{ uid uint32 }

type contextKey uint8

const (
	peerKey contextKey = iota
	identityKey
)

// errNoPeer means that a request came by a way that does not say who asks.
var errNoPeer = errors.New("admin: the connection does not say who asks")

// connContext puts the peer of a unix socket into the context of its requests;
// it is for http.Server.ConnContext. Without a peer the handler refuses.
func connContext(ctx context.Context, c net.Conn) context.Context {
	p, err := peerOf(c)
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, peerKey, p)
}

func peerOf(c net.Conn) (peer, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return peer{}, errNoPeer
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, credErr); err != nil {
		return peer{}, err
	}
	return peer{uid: cred.Uid}, nil
}

func withIdentity(ctx context.Context, who Identity) context.Context {
	return context.WithValue(ctx, identityKey, who)
}

func identity(ctx context.Context) Identity {
	who, _ := ctx.Value(identityKey).(Identity)
	return who
}

// identify says who asks; nobody it knows is a Stranger.
func (h *Handler) identify(ctx context.Context) (Identity, error) {
	if who, ok := ctx.Value(identityKey).(Identity); ok {
		return who, nil
	}
	p, ok := ctx.Value(peerKey).(peer)
	if !ok {
		return Identity{Actor: "unknown"}, errNoPeer
	}
	name := h.directory.Name(p.uid)
	if p.uid == 0 || p.uid == h.uid {
		return Identity{Actor: UserActor(p.uid, name), Role: Administrator}, nil
	}
	group := h.accounts.Config().Admin.Group
	if group == "" {
		return Identity{Actor: UserActor(p.uid, name)}, nil
	}
	member, err := h.directory.Member(p.uid, group)
	if err != nil || !member {
		return Identity{Actor: UserActor(p.uid, name)}, err
	}
	if name == "" {
		name = fmt.Sprintf("uid:%d", p.uid)
	}
	return Identity{Actor: store.Actor("helpdesk:" + name), Role: Helpdesk}, nil
}

// UserActor names a user of the machine in events: "root", "uid:1000 (alice)".
// name may be "".
func UserActor(uid uint32, name string) store.Actor {
	switch {
	case uid == 0:
		return "root"
	case name == "":
		return store.Actor(fmt.Sprintf("uid:%d", uid))
	default:
		return store.Actor(fmt.Sprintf("uid:%d (%s)", uid, name))
	}
}
