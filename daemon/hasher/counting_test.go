package hasher

import (
	"testing"

	"github.com/latchkey-mail/latchkey/store/secret"
)

func TestCounting(t *testing.T) {
	c := NewCounting()
	defer c.Close()
	stored, err := c.Hash(t.Context(), Portal, secret.New("right"))
	if err != nil {
		t.Fatal(err)
	}
	for i, password := range []string{"right", "wrong"} {
		ticket, ok := c.Reserve(Mail, prefix(netA))
		if !ok {
			t.Fatal("no room")
		}
		got, err := ticket.Match(t.Context(), stored, secret.New(password))
		if err != nil || got != (password == "right") {
			t.Errorf("%q: %v, %v", password, got, err)
		}
		if c.Matches() != i+1 || c.Hashes() != 1 {
			t.Errorf("counted %d matches, %d hashes", c.Matches(), c.Hashes())
		}
	}
	c.SetFull(true)
	if _, ok := c.Reserve(Mail, prefix(netA)); ok {
		t.Error("room although full")
	}
	c.SetFull(false)
	if ticket, ok := c.Reserve(Mail, prefix(netA)); !ok {
		t.Error("no room although not full")
	} else {
		ticket.Release()
	}
}
