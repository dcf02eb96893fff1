package dovecot

import (
	"context"
	"net/netip"
	"time"
)

// Backend decides about logins. Both methods are called from the goroutine that
// reads the connection and return at once: an answer that takes time is given
// later, from another goroutine. They are called concurrently for different
// connections, and never concurrently for one connection. A panic in one is
// logged and ends that request as a temporary failure.
type Backend interface {
	// Auth begins an exchange. r.Initial is the initial response, nil if there was none.
	Auth(r *Request)
	// Continue brings the client's response to the last Challenge or
	// ChallengeBinding. The back end may keep it.
	Continue(r *Request, response []byte)
}

// Auth is what a client says about a login when it begins (the AUTH line). A
// field that the client left out, or sent in a form that cannot be read, is zero.
type Auth struct {
	// ID is unique among the open requests of one connection and never 0.
	ID uint32
	// Mechanism is one of the names that Server.Mechanisms gave, spelled as there.
	Mechanism string
	// Service is the value of service= or protocol= as sent ("imap", "SMTP", …).
	Service string
	// Secured says that the client called its own peer's connection secured, TLS that it is so by TLS.
	Secured, TLS bool
	// LocalIP and RemoteIP are the ends of the mail program's connection; IPv4-mapped ones come as IPv4.
	LocalIP, RemoteIP     netip.Addr
	LocalPort, RemotePort uint16
	// RealLocalIP and so on differ from the above behind a proxy; as sent, zero if not sent.
	RealLocalIP, RealRemoteIP     netip.Addr
	RealLocalPort, RealRemotePort uint16
	// Session, ClientID (IMAP ID) and LocalName (TLS SNI) are valid UTF-8 without NUL: what was not has been replaced by U+FFFD.
	Session, ClientID, LocalName string
	// NoPenalty asks for no delay because of earlier failures.
	NoPenalty bool
	// FinalRespOK says that the client takes the last server message with the OK.
	FinalRespOK bool
	// ValidClientCert says that the mail program showed a TLS client certificate that verified.
	ValidClientCert bool
	// Initial is the initial response: nil if there was none, empty but not nil if there was an empty one.
	Initial []byte
}

// Field is one parameter of a reply. An empty Value makes it a bare word.
type Field struct{ Key, Value string }

// OK is the answer that lets a login pass.
type OK struct {
	// User is the user's name and must not be empty: Postfix and Exim insist on one.
	User string
	// Fields follow user=, at most 13 with resp=: Exim looks at no more.
	Fields []Field
	// Final is the mechanism's last message to the client, if it has one. It goes
	// out as resp= to a client that said so (Auth.FinalRespOK); else as one more
	// challenge, and the OK follows the client's next, empty, response.
	Final []byte
	// Login is remembered for the REQUEST of a post-login process and handed to
	// MasterBackend.Request. Nil is not remembered; nor is anything for clients of
	// minor version 0 and 1, which never hand a login on.
	Login any
}

// Fail is the answer that refuses a login.
type Fail struct {
	// User is the user's name if it is known, for the client's log.
	User string
	// Reason is shown to the person: printable ASCII, at most 400 bytes; whatever else is in it is replaced by '?' or cut off.
	Reason string
	// Code is one of the constants below, or empty for a plain refusal.
	Code string
	// At is when the refusal leaves; zero or past is now.
	At time.Time
}

// The codes of a Fail. Dovecot's logins of 2.3 and later read code=; for older
// clients the bare word of Dovecot 2.2 is added (auth-request-handler.c).
const (
	TempFail      = "temp_fail"      // nobody could tell; the person may try again
	AuthzFail     = "authz_fail"     // right secret, but not for the identity asked for
	UserDisabled  = "user_disabled"  // the account is switched off
	PassExpired   = "pass_expired"   // the password's time is over
	InvalidBase64 = "invalid_base64" // the client's response was not base64
)

// MasterBackend answers the questions of master and userdb sockets. Its methods
// are called from the goroutine that reads the connection and may take their
// time: they hold up that connection only. ctx ends with the connection.
type MasterBackend interface {
	// Request turns a login that passed into a user. login is the Login of its OK.
	Request(ctx context.Context, login any, q *LoginQuery) UserReply
	// User looks a user up.
	User(ctx context.Context, q *UserQuery) UserReply
}

// PassBackend is what a MasterBackend may be besides: it answers PASS, by which
// proxies and tools ask what there is to know of a login's name without its
// password. Without it they are told FAIL.
type PassBackend interface {
	// Pass looks a name up. No field of the reply may hold a credential: one whose
	// name says "pass" makes the answer a FAIL.
	Pass(ctx context.Context, q *UserQuery) UserReply
}

// ListBackend is what a MasterBackend may be besides: it names all users for LIST.
// Without it a list fails.
type ListBackend interface {
	// List calls yield with each user's name, in any order, until yield returns
	// false or there are no more. An error says that some are missing. The peer may
	// take hours over a list (doveadm -A does its work between two names), and yield
	// waits for it: nothing may be held meanwhile that others need. Names that the
	// query's mask leaves out may be yielded, too.
	List(ctx context.Context, q *ListQuery, yield func(user string) bool) error
}

// ListQuery is a LIST.
type ListQuery struct {
	// Mask is what names have to match, without regard to ASCII case: * stands for
	// any number of characters, ? for one. Empty: all names.
	Mask string
	// Service is the value of service= or protocol=, and may be empty.
	Service string
	// Peer is the process at the other end of the socket.
	Peer Peer
}

// LoginQuery is a REQUEST that was matched with a remembered OK.
type LoginQuery struct {
	// ClientPID and ClientID are the process and the request id that the login had.
	ClientPID, ClientID uint32
	// SessionPID is the post-login process, 0 if it did not say. It has been compared with the peer's own pid where that is known.
	SessionPID uint32
	// WantToken says that the process asked for auth_token= (IMAP URLAUTH).
	WantToken bool
	// Peer is the process at the other end of the socket.
	Peer Peer
}

// UserQuery is a USER or PASS look-up.
type UserQuery struct {
	// User is the name as sent.
	User string
	// Service is the value of service= or protocol=.
	Service string
	// Session, LocalName, LocalIP and RemoteIP are as in Auth.
	Session, LocalName string
	LocalIP, RemoteIP  netip.Addr
	// Peer is the process at the other end of the socket.
	Peer Peer
}

// UserReply is the answer to a REQUEST, USER or PASS.
type UserReply struct {
	Outcome UserOutcome
	// User is the user's name, for Found.
	User string
	// Fields are uid=, gid=, home= and so on, for Found.
	Fields []Field
	// Reason is shown to the person, for Failed; printable ASCII as in Fail.
	Reason string
}

// UserOutcome says how a look-up ended. LMTP bounces mail for good on NotFound:
// it means that there is no such user, never that nobody could tell.
type UserOutcome uint8

// The outcomes of a look-up; the zero value is the harmless one.
const (
	Failed   UserOutcome = iota // nobody could tell
	NotFound                    // there is no such user
	Found                       // User and Fields tell
)

// Mechanism is one MECH line of the handshake.
type Mechanism struct {
	// Name is upper-case, such as "PLAIN".
	Name string
	// Flags are Dovecot's words (src/auth/mech.c): private, anonymous, plaintext,
	// dictionary, active, forward-secrecy, mutual-auth. channel-binding is added
	// by the field below.
	Flags []string
	// ChannelBinding says that the mechanism uses Request.ChallengeBinding, as
	// those named -PLUS do. Only clients of minor version 3 and up on KindLogin
	// listeners are told of it, and only they may use it.
	ChannelBinding bool
}

// Peer is the process at the other end of a unix socket (SO_PEERCRED).
type Peer struct {
	// Known is false on other sockets and systems; the rest is then zero.
	Known bool
	// PID is 0 if the process lives in another PID namespace.
	PID      uint32
	UID, GID uint32
}
