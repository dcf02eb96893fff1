package accounts

import (
	"net/netip"
	"slices"
	"time"

	"github.com/latchkey-mail/latchkey/store"
)

// Program is a mail program, as far as mail servers tell one from another.
type Program struct {
	AppPassword store.AppPasswordID    `json:"app_password,omitzero"` // zero: the main password, or one that nobody knows
	Name        string                 `json:"name,omitempty"`        // of the app password
	Service     string                 `json:"service,omitempty"`
	ClientID    string                 `json:"client_id,omitempty"`
	Addr        netip.Addr             `json:"addr,omitzero"`
	Last        time.Time              `json:"last"`
	Count       uint32                 `json:"count"`           // logins that ended alike, the last included
	State       store.AppPasswordState `json:"state,omitempty"` // of the app password
	Refused     bool                   `json:"refused,omitempty"`
	Reason      store.Reason           `json:"reason"` // of the last login
}

// merged is how long a merged event may have begun before its last login.
const merged = 2 * time.Hour

// programKey is what mail servers tell mail programs apart by.
type programKey struct{ credential, service, clientID string }

// The most programs that are listed: those whose credential is the account's, and
// those that sent what nobody knows. Who guesses in the owner's own network, and
// calls himself something else each time, takes no room from the owner's programs.
const (
	maxPrograms = 100
	maxGuessers = 10
)

// maxGuesses is how many of the last guesses are looked at to find those. There may
// be four times as many, nearly all from elsewhere, and reading them is what takes
// the time. A program that insists begins a new event each hour: it is not listed
// while as many others guess within that.
const maxGuesses = 250

// programs are what logged in, or tried to, at the mail servers' doors during the
// last 7 days, the last first.
//
// Anybody can be refused, from anywhere and under any name. What sent no
// credential of the account is therefore listed only if it came from a network
// that the account is in use from: so does a phone that still has the main
// password of yesterday, and a stranger does not.
func programs(r *store.Reader, a *store.Account, browsers []BrowserDevice, now time.Time) ([]Program, error) {
	logins, err := loginsSince(r, a, now.Add(-recently))
	if err != nil {
		return nil, err
	}
	near := neighbourhoodOf(logins, browsers)
	list := []Program{}
	at := make(map[programKey]int)
	settled := make(map[programKey]bool) // an earlier login ended otherwise
	room := map[bool]int{true: maxGuessers, false: maxPrograms}
	for _, e := range logins {
		guess := e.Outcome == store.Rejected && e.Credential == ""
		if e.Service == store.ServicePortal || guess && !near.has(e) {
			continue
		}
		k := programKey{e.Credential, e.Service, e.ClientID}
		i, found := at[k]
		switch {
		case !found && room[guess] == 0:
		case !found:
			p, err := program(r, a, e, now)
			if err != nil {
				return nil, err
			}
			at[k] = len(list)
			list = append(list, p)
			room[guess]--
		case settled[k]:
		case list[i].Refused == (e.Outcome == store.Rejected):
			list[i].Count += e.Count
		default:
			settled[k] = true
		}
	}
	return list, nil
}

// neighbourhood is where an account is in use from.
type neighbourhood struct {
	networks map[netip.Prefix]bool // of logins that were accepted
	browsers []BrowserDevice
}

func neighbourhoodOf(logins []*store.Event, browsers []BrowserDevice) neighbourhood {
	n := neighbourhood{make(map[netip.Prefix]bool), browsers}
	for _, e := range logins {
		// At the portal the main password is the first step, and may be a thief's
		// last: his browser is none of the account's.
		if e.Outcome == store.Accepted && (e.Service != store.ServicePortal || e.Reason != store.ReasonMainPassword) {
			n.networks[e.Network] = true
		}
	}
	return n
}

// has tells whether an event came from there.
func (n neighbourhood) has(e *store.Event) bool {
	return e.Network.IsValid() && (n.networks[e.Network] || slices.ContainsFunc(n.browsers, func(b BrowserDevice) bool {
		return e.Network.Contains(b.Addr.Unmap())
	}))
}

// loginsSince are the account's logins that were decided, the last first.
func loginsSince(r *store.Reader, a *store.Account, since time.Time) ([]*store.Event, error) {
	var logins []*store.Event
	q := store.EventQuery{Address: a.Address, AccountID: a.ID, Since: since.Add(-merged)}
	err := r.Logins(q, maxGuesses, func(e *store.Event) {
		if e.Outcome != store.Undecided && !e.Last.Before(since) {
			logins = append(logins, e)
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(logins, func(a, b *store.Event) int { return b.Last.Compare(a.Last) })
	return logins, nil
}

// program is the device that an event is the last of.
func program(r *store.Reader, a *store.Account, e *store.Event, now time.Time) (Program, error) {
	p := Program{Service: e.Service, ClientID: e.ClientID, Addr: e.Addr, Last: e.Last, Count: e.Count,
		Refused: e.Outcome == store.Rejected, Reason: e.Reason}
	id, err := store.ParseAppPasswordID(e.Credential)
	if err != nil {
		return p, nil // the main password, or one that nobody knows
	}
	p.AppPassword, p.State = id, store.Revoked // if its headstone has fallen away
	at := slices.IndexFunc(a.AppPasswords, func(row store.AppPasswordRow) bool { return row.ID == id })
	if at < 0 {
		return p, nil
	}
	row := a.AppPasswords[at]
	known, _, err := description(r, a.ID, row)
	p.Name, p.State = known.Name, row.State
	if row.State == store.Live && !row.Live(now) { // no headstone is written yet
		p.State = store.Expired
	}
	return p, err
}
