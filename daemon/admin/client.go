package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
)

// patience is how long an answer may take: a new password waits for its hash.
const patience = 2 * time.Minute

// maxAnswer bounds an answer: a page of 1,000 events is below 1 MiB.
const maxAnswer = 16 << 20

// Client asks the handler. Its methods return *Error where the handler said no.
type Client struct{ http http.Client }

// NewClient asks over a transport: that of Dial, or InProcess.
func NewClient(t http.RoundTripper) *Client {
	return &Client{http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("admin: the handler never redirects")
	}}}
}

// Dial is a transport to the daemon behind a unix socket. It connects with the
// first question.
func Dial(socket string) http.RoundTripper {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call puts one question.
func call[A, Q any](ctx context.Context, c *Client, path string, question Q) (A, error) {
	var answer A
	body, err := json.Marshal(question)
	if err != nil {
		return answer, fmt.Errorf("admin: %w", err)
	}
	text, err := c.ask(ctx, http.MethodPost, path, body)
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, fmt.Errorf("admin: the daemon's answer: %w", err)
	}
	return answer, nil
}

// ask sends one request and returns the body of an answer that is no failure.
func (c *Client) ask(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://latchkey"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	reply, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(io.LimitReader(reply.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	if reply.StatusCode != http.StatusOK {
		told := &Error{Status: reply.StatusCode}
		if json.Unmarshal(text, told) != nil || told.Sentence == "" {
			return nil, fmt.Errorf("admin: the daemon answered %s", reply.Status)
		}
		return nil, told
	}
	return text, nil
}

// The questions, one method each.

// AccountList is a page of accounts.
func (c *Client) AccountList(ctx context.Context, q AccountList) (accounts.Page, error) {
	return call[accounts.Page](ctx, c, pathAccountList, q)
}

// Schemes is how the main passwords of a page of accounts are kept.
func (c *Client) Schemes(ctx context.Context, q Schemes) (accounts.SchemePage, error) {
	return call[accounts.SchemePage](ctx, c, pathSchemes, q)
}

// AccountImport adds a page of accounts that come from elsewhere.
func (c *Client) AccountImport(ctx context.Context, q Import) (accounts.Imported, error) {
	return call[accounts.Imported](ctx, c, pathAccountImport, q)
}

// AccountExport is a page of accounts to be carried elsewhere.
func (c *Client) AccountExport(ctx context.Context, q Export) (Exported, error) {
	return call[Exported](ctx, c, pathAccountExport, q)
}

// AccountShow is everything about one account.
func (c *Client) AccountShow(ctx context.Context, address string) (AccountShown, error) {
	return call[AccountShown](ctx, c, pathAccountShow, AccountQuestion{address})
}

// AccountAdd makes an account.
func (c *Client) AccountAdd(ctx context.Context, q AccountAdd) (*accounts.Account, error) {
	return call[*accounts.Account](ctx, c, pathAccountAdd, q)
}

// AccountDelete removes an account.
func (c *Client) AccountDelete(ctx context.Context, address string) error {
	return c.do(ctx, pathAccountDelete, address)
}

// AccountDisable stops all logins of an account.
func (c *Client) AccountDisable(ctx context.Context, address string) error {
	return c.do(ctx, pathAccountDisable, address)
}

// AccountEnable allows them again.
func (c *Client) AccountEnable(ctx context.Context, address string) error {
	return c.do(ctx, pathAccountEnable, address)
}

// AccountExempt makes an exception from enforcement.
func (c *Client) AccountExempt(ctx context.Context, q AccountExempt) error {
	_, err := call[Done](ctx, c, pathAccountExempt, q)
	return err
}

// AccountUnexempt ends it.
func (c *Client) AccountUnexempt(ctx context.Context, address string) error {
	return c.do(ctx, pathAccountUnexempt, address)
}

// AliasAdd gives an account another name.
func (c *Client) AliasAdd(ctx context.Context, q AliasQuestion) error {
	_, err := call[Done](ctx, c, pathAliasAdd, q)
	return err
}

// AliasRemove takes it away.
func (c *Client) AliasRemove(ctx context.Context, q AliasQuestion) error {
	_, err := call[Done](ctx, c, pathAliasRemove, q)
	return err
}

// AliasList is all aliases of an account.
func (c *Client) AliasList(ctx context.Context, address string) (AliasPage, error) {
	return call[AliasPage](ctx, c, pathAliasList, AccountQuestion{address})
}

// SetPassword sets a main password.
func (c *Client) SetPassword(ctx context.Context, q SetPassword) (PasswordSet, error) {
	return call[PasswordSet](ctx, c, pathPassword, q)
}

// AppPasswordList is all app passwords of an account.
func (c *Client) AppPasswordList(ctx context.Context, address string) (AppPasswordPage, error) {
	return call[AppPasswordPage](ctx, c, pathAppPasswordList, AccountQuestion{address})
}

// AppPasswordAdd makes an app password.
func (c *Client) AppPasswordAdd(ctx context.Context, q AppPasswordAdd) (AppPasswordMade, error) {
	return call[AppPasswordMade](ctx, c, pathAppPasswordAdd, q)
}

// AppPasswordRevoke ends an app password.
func (c *Client) AppPasswordRevoke(ctx context.Context, q AppPasswordRevoke) (accounts.AppPassword, error) {
	return call[accounts.AppPassword](ctx, c, pathAppPasswordRevoke, q)
}

// PhoneBind binds a phone.
func (c *Client) PhoneBind(ctx context.Context, q PhoneBind) (accounts.Binding, error) {
	return call[accounts.Binding](ctx, c, pathPhoneBind, q)
}

// PhoneUnbind removes the phone.
func (c *Client) PhoneUnbind(ctx context.Context, address string) error {
	return c.do(ctx, pathPhoneUnbind, address)
}

// PhoneShow is the phone with its number masked.
func (c *Client) PhoneShow(ctx context.Context, address string) (PhoneShown, error) {
	return call[PhoneShown](ctx, c, pathPhoneShow, AccountQuestion{address})
}

// PhoneReveal is the same with the whole number.
func (c *Client) PhoneReveal(ctx context.Context, address string) (PhoneShown, error) {
	return call[PhoneShown](ctx, c, pathPhoneReveal, AccountQuestion{address})
}

// PhoneExpect names the only number that may be bound.
func (c *Client) PhoneExpect(ctx context.Context, q PhoneExpect) (PhoneExpected, error) {
	return call[PhoneExpected](ctx, c, pathPhoneExpect, q)
}

// PhoneReset makes a one-time code.
func (c *Client) PhoneReset(ctx context.Context, q PhoneReset) (PhoneResetMade, error) {
	return call[PhoneResetMade](ctx, c, pathPhoneReset, q)
}

// DeviceList is all browsers and mail programs of an account.
func (c *Client) DeviceList(ctx context.Context, address string) (accounts.Devices, error) {
	return call[accounts.Devices](ctx, c, pathDeviceList, AccountQuestion{address})
}

// DeviceUntrust ends the trust in a browser.
func (c *Client) DeviceUntrust(ctx context.Context, q DeviceQuestion) error {
	_, err := call[Done](ctx, c, pathDeviceUntrust, q)
	return err
}

// DeviceDelete forgets a browser, its sessions and the trust in it.
func (c *Client) DeviceDelete(ctx context.Context, q DeviceQuestion) error {
	_, err := call[Done](ctx, c, pathDeviceDelete, q)
	return err
}

// SessionEnd ends all sessions of an account, and returns how many.
func (c *Client) SessionEnd(ctx context.Context, address string) (int, error) {
	answer, err := call[SessionsEnded](ctx, c, pathSessionEnd, AccountQuestion{address})
	return answer.Ended, err
}

// UserdbShow is the account's own userdb fields.
func (c *Client) UserdbShow(ctx context.Context, address string) (UserdbShown, error) {
	return call[UserdbShown](ctx, c, pathUserdbShow, AccountQuestion{address})
}

// UserdbSet gives an account userdb fields of its own, and returns all of them.
func (c *Client) UserdbSet(ctx context.Context, q UserdbSet) (UserdbShown, error) {
	return call[UserdbShown](ctx, c, pathUserdbSet, q)
}

// UserdbUnset takes some away, and returns those that are left.
func (c *Client) UserdbUnset(ctx context.Context, q UserdbUnset) (UserdbShown, error) {
	return call[UserdbShown](ctx, c, pathUserdbUnset, q)
}

// Status is what the daemon says of itself.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return call[Status](ctx, c, pathStatus, StatusQuestion{})
}

// Explain says what would be decided about a login.
func (c *Client) Explain(ctx context.Context, q Explain) (Explained, error) {
	return call[Explained](ctx, c, pathExplain, q)
}

// Events is a page of events.
func (c *Client) Events(ctx context.Context, q Events) (EventPage, error) {
	return call[EventPage](ctx, c, pathEvents, q)
}

// Metrics is what the daemon counts, in the text form of Prometheus.
func (c *Client) Metrics(ctx context.Context) (string, error) {
	text, err := c.ask(ctx, http.MethodGet, pathMetrics, nil)
	return string(text), err
}

func (c *Client) do(ctx context.Context, path, address string) error {
	_, err := call[Done](ctx, c, path, AccountQuestion{address})
	return err
}
