package authserver

import (
	"context"
	"errors"
	"strconv"

	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/sasl/dovecot"
	"github.com/latchkey-mail/latchkey/store"
)

// Request answers the post-login process. Account and credential are decided
// again: between the OK and this question a revocation may have come.
func (s *Server) Request(ctx context.Context, login any, q *dovecot.LoginQuery) dovecot.UserReply {
	l, ours := login.(policy.Login)
	if !ours {
		return dovecot.UserReply{Outcome: dovecot.Failed}
	}
	v := s.policy.Again(ctx, l)
	if v.Outcome != store.Accepted {
		ev := policy.Event(&policy.Facts{}, &v, s.now())
		ev.Kind = store.EventLookup
		s.recorder.Login(ev)
	}
	rules := s.rules.Load()
	switch v.Outcome {
	case store.Accepted:
		fields := append(userdbFields(&rules.Userdb, l.Address), dovecot.Field{Key: credentialField, Value: l.Credential()})
		return dovecot.UserReply{Outcome: dovecot.Found, User: l.Address, Fields: fields}
	case store.Rejected:
		return dovecot.UserReply{Outcome: dovecot.Failed, Reason: rules.Refusal}
	default:
		return dovecot.UserReply{Outcome: dovecot.Failed}
	}
}

// User answers LMTP, doveadm and the like. NotFound only if the store said so:
// LMTP bounces on it for good. A disabled account is found: it can no longer log
// in, its mail still arrives.
func (s *Server) User(ctx context.Context, q *dovecot.UserQuery) dovecot.UserReply {
	rules := s.rules.Load()
	name, err := sasl.PrepareName(q.User, rules.DefaultDomain)
	if err != nil {
		return dovecot.UserReply{Outcome: dovecot.NotFound}
	}
	account, err := s.accounts.Account(ctx, name)
	switch {
	case err == nil:
		return dovecot.UserReply{Outcome: dovecot.Found, User: account.Address, Fields: userdbFields(&rules.Userdb, account.Address)}
	case errors.Is(err, store.ErrNoAccount):
		return dovecot.UserReply{Outcome: dovecot.NotFound}
	default:
		s.log.Error("user look-up failed", "error", err)
		return dovecot.UserReply{Outcome: dovecot.Failed}
	}
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
