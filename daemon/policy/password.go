package policy

import (
	"context"
	"time"

	"github.com/latchkey-mail/latchkey/sasl"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// Password is an attempt as a door brings it whose peer speaks no mechanism: name
// and secret as they were sent.
type Password struct {
	Name          string
	Secret        secret.Secret
	DefaultDomain string        // for a name without one
	KeepsName     bool          // as in [Attempt]
	Received      time.Time     // when it was sent
	FailureDelay  time.Duration // the age of refusals
	Facts
}

// DecidePassword prepares the attempt and decides about it: Rejected if it is
// malformed, and else what [Policy.Decide] says of it. A main password has
// [HashWithin] for its hash; what is not decided when ctx ends is Undecided.
func (p *Policy) DecidePassword(ctx context.Context, sent *Password) Verdict {
	got, err := sasl.Password(sent.Name, sent.Secret.Reveal())
	if err != nil {
		return Verdict{Outcome: store.Rejected, Reason: store.ReasonMalformed}
	}
	a := &Attempt{Secret: sent.Secret, KeepsName: sent.KeepsName, Facts: sent.Facts}
	a.Name, _ = sasl.PrepareName(got.Name, sent.DefaultDomain) // what cannot be prepared is nobody's name
	ctx, cancel := context.WithDeadline(ctx, sent.Received.Add(HashWithin(sent.FailureDelay)))
	defer cancel()
	return p.Decide(ctx, a)
}
