package authserver

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strconv"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/store"
)

// handedOn is what is remembered of a login until the post-login process asks: who
// came in, and what a userdb that is asked instead of ours may want to know.
type handedOn struct {
	policy.Login
	service, session, localName string
	localIP, remoteIP           netip.Addr
}

// Request answers the post-login process. Account and credential are decided
// again: between the OK and this question a revocation may have come.
func (s *Server) Request(ctx context.Context, login any, _ *dovecot.LoginQuery) dovecot.UserReply {
	l, ours := login.(handedOn)
	if !ours {
		return dovecot.UserReply{Outcome: dovecot.Failed}
	}
	v := s.policy.Again(ctx, l.Login)
	if v.Outcome != store.Accepted {
		ev := policy.Event(&policy.Facts{}, &v, s.now())
		ev.Kind = store.EventLookup
		s.recorder.Login(ev)
	}
	switch v.Outcome {
	case store.Accepted:
		reply := s.User(ctx, &dovecot.UserQuery{User: l.Address, Service: l.service, Session: l.session,
			LocalName: l.localName, LocalIP: l.localIP, RemoteIP: l.remoteIP})
		switch reply.Outcome {
		case dovecot.Found:
			reply.Fields = append(reply.Fields, dovecot.Field{Key: credentialField, Value: l.Credential()})
		case dovecot.NotFound: // deleted this instant
			reply.Outcome = dovecot.Failed
		}
		return reply
	case store.Rejected:
		return dovecot.UserReply{Outcome: dovecot.Failed, Reason: s.rules.Load().Refusal}
	default:
		return dovecot.UserReply{Outcome: dovecot.Failed}
	}
}

// User answers LMTP, doveadm and the like. NotFound only if the store said so, and
// where another userdb is relayed only if that said so, too: LMTP bounces on it for
// good. A disabled account is found: it can no longer log in, its mail still arrives.
func (s *Server) User(ctx context.Context, q *dovecot.UserQuery) dovecot.UserReply {
	rules := s.rules.Load()
	account, own, err := s.find(ctx, rules, q.User)
	switch {
	case err == nil && rules.Userdb.Relay == "":
		fields := override(userdbFields(&rules.Userdb, account.Address), own, account.Address)
		return dovecot.UserReply{Outcome: dovecot.Found, User: account.Address, Fields: fields}
	case err == nil:
		return s.relayKnown(ctx, rules.Userdb.Relay, q, account.Address, own)
	case !errors.Is(err, store.ErrNoAccount):
		s.log.Error("user look-up failed", "error", err)
		return dovecot.UserReply{Outcome: dovecot.Failed}
	case rules.Userdb.Relay != "":
		return s.relayed(ctx, rules.Userdb.Relay, q)
	default:
		return dovecot.UserReply{Outcome: dovecot.NotFound}
	}
}

// Pass tells proxies and tools that there is such an account, and nothing of it:
// what stands in a passdb beside the credential is for proxies, which latchkey does
// not know, and LMTP then asks for the user. A relayed userdb has no part in it:
// who may log in is said here.
func (s *Server) Pass(ctx context.Context, q *dovecot.UserQuery) dovecot.UserReply {
	account, _, err := s.find(ctx, s.rules.Load(), q.User)
	switch {
	case err == nil:
		return dovecot.UserReply{Outcome: dovecot.Found, User: account.Address}
	case errors.Is(err, store.ErrNoAccount):
		return dovecot.UserReply{Outcome: dovecot.NotFound}
	default:
		s.log.Error("look-up of a name failed", "error", err)
		return dovecot.UserReply{Outcome: dovecot.Failed}
	}
}

// find reads the account of a name as sent. One that cannot be prepared is nobody's.
func (s *Server) find(ctx context.Context, rules *Rules, name string) (*store.Account, []store.UserdbField, error) {
	address, err := sasl.PrepareName(name, rules.DefaultDomain)
	if err != nil {
		return nil, nil, store.ErrNoAccount
	}
	return s.accounts.AccountUserdb(ctx, address)
}

// userdbFields fills the templates of [userdb] in. What is not set is not sent:
// Dovecot then goes by its own mail_uid, mail_gid and mail_home.
func userdbFields(u *config.Userdb, address string) []dovecot.Field {
	var fields []dovecot.Field
	if u.UID != nil {
		fields = append(fields, dovecot.Field{Key: "uid", Value: strconv.FormatUint(uint64(*u.UID), 10)})
	}
	if u.GID != nil {
		fields = append(fields, dovecot.Field{Key: "gid", Value: strconv.FormatUint(uint64(*u.GID), 10)})
	}
	if u.Home != "" {
		fields = append(fields, dovecot.Field{Key: "home", Value: u.Home.Expand(address)})
	}
	for _, f := range u.Fields {
		fields = append(fields, dovecot.Field{Key: f.Key, Value: f.Value.Expand(address)})
	}
	return fields
}

// override puts an account's own fields in the place of those of the same keys, and
// the rest behind them.
func override(fields []dovecot.Field, own []store.UserdbField, address string) []dovecot.Field {
	for _, o := range own {
		f := dovecot.Field{Key: o.Key, Value: config.Template(o.Value).Expand(address)}
		at := slices.IndexFunc(fields, func(f dovecot.Field) bool { return f.Key == o.Key })
		if at < 0 {
			fields = append(fields, f)
		} else {
			fields[at] = f
		}
	}
	return fields
}
