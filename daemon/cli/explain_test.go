package cli

import (
	"strings"
	"testing"

	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
)

// TestReasonWords: every reason has words of its own.
func TestReasonWords(t *testing.T) {
	said := make(map[string]store.Reason)
	for _, r := range store.Reasons() {
		text := reasonWords(r)
		if text == words(r.String()) {
			t.Errorf("%s has no words", r)
		}
		if before, found := said[text]; found {
			t.Errorf("%s and %s have the same words", before, r)
		}
		said[text] = r
	}
}

// TestRehearsedWords: what was tried, and what came of it.
func TestRehearsedWords(t *testing.T) {
	for _, tt := range []struct {
		r    admin.Rehearsed
		want string
	}{
		{admin.Rehearsed{Matched: admin.SecretMain, Outcome: store.Accepted, Reason: store.ReasonMainPassword}, "is the main password, and passes"},
		{admin.Rehearsed{Matched: admin.SecretApp, Credential: "01", Outcome: store.Rejected, Reason: store.ReasonRevoked}, "is app password 01, and is refused: it was revoked"},
		{admin.Rehearsed{Matched: admin.SecretOther, Outcome: store.Rejected, Reason: store.ReasonWrongSecret}, "is no secret of this account: a login with it is refused"},
		{admin.Rehearsed{Outcome: store.Rejected, Reason: store.ReasonPhoneBound}, "so it was not compared with the main password"},
		{admin.Rehearsed{Outcome: store.Undecided, Reason: store.ReasonBusy}, "could not be decided on: too many passwords waited to be hashed; a mail program is told to try again later"},
	} {
		if got := rehearsedWords(&admin.Explained{Rehearsal: &tt.r}); !strings.Contains(got, tt.want) {
			t.Errorf("%+v: %s", tt.r, got)
		}
	}
}
