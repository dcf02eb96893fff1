package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/policy"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

// What mail programs have left on record for an account: each of its app
// passwords logged in so often, over the last days. Repetitions within an hour
// are one event, so a viewer has phones that ask for mail from morning to night.
const (
	rememberedDays      = 7
	viewersLogins       = 56 // 8 a day
	othersLogins        = 2
	recoveryCodesOfEach = 10
	recordsPerWrite     = 1000 // the most that one WriteMerged takes
)

// viewer is an account whose pages are looked at, and what its browser keeps.
type viewer struct {
	address string
	addr    netip.Addr
	cookies []*http.Cookie
}

// bindViewers gives the viewers a phone, recovery codes and a trusted browser.
func (p *portal) bindViewers(ctx context.Context, st *store.Store, keys *secret.Keys) error {
	return st.Update(ctx, func(w *store.Writer) error {
		p.viewers = nil
		for i := p.crowd.firstViewer(); i < p.crowd.all; i++ {
			account, err := w.Account(address(i))
			if err != nil {
				return err
			}
			device, err := bind(w, keys, account, i)
			if err != nil {
				return err
			}
			p.viewers = append(p.viewers, viewer{account.Address, home(i), []*http.Cookie{device}})
		}
		return nil
	})
}

// bind gives one account all that, and returns the cookie of its browser.
func bind(w *store.Writer, keys *secret.Keys, account *store.Account, i int) (*http.Cookie, error) {
	now := time.Now()
	account.Bound = now
	if err := w.PutAccount(account); err != nil {
		return nil, err
	}
	if err := w.PutPhone(account.ID, store.Phone{Number: fmt.Sprintf("+86138%08d", i), Bound: now, BoundBy: "bench"}); err != nil {
		return nil, err
	}
	codes := store.RecoveryCodes{Made: now}
	for range recoveryCodesOfEach {
		code, err := secret.NewRecoveryCode(rand.Reader)
		if err != nil {
			return nil, err
		}
		codes.Codes = append(codes.Codes, store.RecoveryCode{Tag: keys.RecoveryTag(account.ID, code)})
	}
	if err := w.PutRecoveryCodes(account.ID, codes); err != nil {
		return nil, err
	}
	id, err := store.NewDeviceID(rand.Reader)
	if err != nil {
		return nil, err
	}
	token, err := secret.NewToken(rand.Reader)
	if err != nil {
		return nil, err
	}
	cookie := &http.Cookie{Name: deviceCookie + account.ID.String(), Value: id.String() + "." + token.Text()}
	return cookie, w.PutDevice(store.Device{ID: id, Account: account.ID, Tag: keys.DeviceTag(account.ID, token), UserAgent: userAgent,
		First: now, Last: now, Addr: home(i), Trusted: now, TrustedUntil: now.Add(rememberedDays * 24 * time.Hour)})
}

// home is the address that an account comes from, always the same one.
func home(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}) }

// remember writes down which mail programs logged in during the last days.
func (p *portal) remember(ctx context.Context, st *store.Store) error {
	var events []store.Event
	var uses []store.Use
	now := time.Now()
	for i := range p.crowd.all {
		account, err := readAccount(ctx, st, address(i))
		if err != nil {
			return err
		}
		logins := othersLogins
		if i >= p.crowd.firstViewer() {
			logins = viewersLogins
		}
		if len(events)+len(uses)+appPasswordsOfEach*(logins+1) > recordsPerWrite {
			if err := st.WriteMerged(ctx, events, uses); err != nil {
				return err
			}
			events, uses = events[:0], uses[:0]
		}
		for n := range account.AppPasswords {
			past, use := history(account, n, home(i), logins, now)
			events, uses = append(events, past...), append(uses, use)
		}
	}
	return st.WriteMerged(ctx, events, uses)
}

func readAccount(ctx context.Context, st *store.Store, address string) (account *store.Account, err error) {
	err = st.View(ctx, func(r *store.Reader) error {
		account, err = r.Account(address)
		return err
	})
	return account, err
}

// history is the logins of an account's nth mail program, spread over the days
// until now, and the last use of its app password.
func history(account *store.Account, n int, addr netip.Addr, logins int, now time.Time) ([]store.Event, store.Use) {
	e := program(account, n, addr)
	var events []store.Event
	for ago := logins - 1; ago >= 0; ago-- {
		e.Time = now.Add(-time.Duration(ago) * rememberedDays * 24 * time.Hour / time.Duration(logins+1))
		e.Last, e.Count = e.Time, 12
		events = append(events, e)
	}
	return events, store.Use{Address: account.Address, AccountID: account.ID, Credential: e.Credential,
		LastUse: store.LastUse{Time: now, Addr: addr, Service: e.Service, ClientID: e.ClientID}}
}

// program is the login of an account's nth mail program.
func program(account *store.Account, n int, addr netip.Addr) store.Event {
	client := []string{
		`"name" "iPhone Mail" "version" "22A3354" "os" "iOS" "os-version" "18.0 (22A3354)"`,
		`"name" "Thunderbird" "version" "140.4.0"`,
		`"name" "FoxmailPC" "version" "7.2.25"`,
	}
	return store.Event{Kind: store.EventLogin, Outcome: store.Accepted, Reason: store.ReasonAppPassword,
		AccountID: account.ID, Address: account.Address, Credential: account.AppPasswords[n].ID.String(),
		Service: []string{"imap", "smtp"}[n%2], Mechanism: "PLAIN", ClientID: client[n%len(client)],
		Addr: addr, Network: policy.Network(addr), Secured: true}
}
