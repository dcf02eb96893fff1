package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/store"
)

func (a *app) events() *cobra.Command {
	from, limit := sinceFlag(), countFlag(100)
	cmd := &cobra.Command{
		Use:   "events [ADDRESS]",
		Short: "show logins and changes, the newest first",
		Long: `Show logins and changes, the newest first: of one account, or of all accounts and
of names that no account has. Like events are merged: a line may stand for many.`,
		Example: `  latchkey events alice@example.org --since 7d
  latchkey events --json --limit 1000 | jq 'select(.outcome == "rejected")'`,
		Args: mayTake("ADDRESS"),
	}
	cmd.Flags().Var(from, "since", "only from 24h ago, or from a day such as 2027-01-31")
	cmd.Flags().Var(limit, "limit", "at most so many")
	cmd.RunE = a.asking(func(q *question, args []string) error {
		ask, err := a.eventQuestion(from.text, args)
		if err != nil {
			return usage(cmd, err.Error())
		}
		left, err := strconv.Atoi(limit.text)
		if err != nil {
			return usage(cmd, err.Error())
		}
		err = a.allEvents(q, ask, left)
		if ask.Address != "" {
			err = about(ask.Address, err)
		}
		return err
	})
	return cmd
}

func (a *app) eventQuestion(from string, args []string) (admin.Events, error) {
	var ask admin.Events
	if len(args) == 1 {
		ask.Address = args[0]
	}
	if from == "" {
		return ask, nil
	}
	var err error
	ask.Since, err = since(from, a.now(), a.zone)
	return ask, err
}

// allEvents prints page after page.
func (a *app) allEvents(q *question, ask admin.Events, left int) error {
	for first := true; ; first = false {
		ask.Limit = min(left, accounts.MaxPage)
		page, err := q.Events(q.ctx, ask)
		if err != nil {
			return err
		}
		if err := a.printEvents(page.Events, first); err != nil {
			return err
		}
		left -= len(page.Events)
		if left <= 0 || len(page.Events) < ask.Limit {
			return nil
		}
		ask.After = page.Events[len(page.Events)-1].ID
	}
}

func (a *app) printEvents(page []store.Event, first bool) error {
	rows := make([][]string, 0, len(page))
	for i := range page {
		if a.json {
			if err := printJSON(a, page[i]); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, a.eventRow(&page[i]))
	}
	switch {
	case a.json:
	case len(rows) > 0:
		table(a.out, "TIME|ACCOUNT|WHAT|WHY OR BY WHOM|DETAILS", rows)
	case first:
		fmt.Fprintln(a.out, "no events")
	}
	return nil
}

func (a *app) eventRow(e *store.Event) []string {
	account := none
	if e.Address != "" {
		account = printable(e.Address)
	}
	what, why := eventWords(e)
	return []string{e.Time.In(a.zone).Format(time.DateTime), account, what, why, a.eventDetails(e)}
}

// eventWords says what happened, and why or who did it.
func eventWords(e *store.Event) (string, string) {
	what, why := words(e.Kind.String()), none
	switch {
	case e.Kind.HasOutcome():
		what += " " + e.Outcome.String()
		why = words(e.Reason.String())
	case e.Actor != "":
		why = "by " + printable(string(e.Actor))
	}
	return what, why
}

// words are those of a closed list's entry: "wrong secret".
func words(s string) string { return printable(strings.ReplaceAll(s, "-", " ")) }

// eventDetails is what else there is: how often, from where, by which program.
func (a *app) eventDetails(e *store.Event) string {
	var parts []string
	add := func(word, s string) {
		if s != "" {
			parts = append(parts, strings.TrimSpace(word+" "+printable(s)))
		}
	}
	add("", e.Service)
	add("", e.Mechanism)
	if e.Addr.IsValid() {
		add("from", e.Addr.String())
	}
	add("program", e.ClientID)
	switch main := strings.HasPrefix(e.Credential, "main-"); { // the reason says so already
	case e.Kind.HasOutcome() && !main:
		add("with", e.Credential)
	case !main:
		add("id", e.Credential)
	}
	add("", e.Detail)
	if e.Count > 1 {
		parts = append(parts, fmt.Sprintf("%d times until %s", e.Count, e.Last.In(a.zone).Format(time.DateTime)))
	}
	if len(parts) == 0 {
		return none
	}
	return strings.Join(parts, ", ")
}
