package admin

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/memkv"
	"github.com/latchkey-mail/latchkey/store/secret"
)

const (
	alice     = "alice@example.org"
	daemonUID = 998
	helper    = 1001 // a member of the helpdesk
	stranger  = 1002
)

// people is a directory.
type people struct{}

func (people) Name(uid uint32) string {
	return map[uint32]string{0: "root", daemonUID: "latchkey", helper: "helen", stranger: "sam"}[uid]
}

func (people) Member(uid uint32, group string) (bool, error) {
	if group != "helpdesk" {
		return false, fmt.Errorf("no group %s", group)
	}
	return uid == helper, nil
}

// door is a handler over an engine in memory, with all that it logs.
type door struct {
	*Handler
	cfg *config.Config
	log *bytes.Buffer
}

func newDoor(t testing.TB) *door {
	keys, err := secret.NewKeys([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC) }
	st, err := store.Open(t.Context(), memkv.New(), keys, store.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	d := &door{cfg: config.Default(), log: new(bytes.Buffer)}
	d.cfg.Admin.Group = "helpdesk"
	d.Handler = New(&accounts.Service{
		Store: st, Keys: keys, Now: now, Rand: rand.Reader,
		Config: func() *config.Config { return d.cfg },
		Hash:   func(context.Context, secret.Secret) (string, error) { return "stored form", nil },
	}, slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	d.uid, d.directory = daemonUID, people{}
	return d
}

// ask puts a question as a user of the machine.
func (d *door) ask(ctx context.Context, uid uint32, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.WithValue(ctx, peerKey, peer{uid}), http.MethodPost, path, strings.NewReader(body))
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func (d *door) client(uid uint32) *Client {
	return NewClient(InProcess(d, Identity{UserActor(uid, people{}.Name(uid)), Administrator}))
}

// TestPermissions is the table of who may ask what, over every route.
func TestPermissions(t *testing.T) {
	d := newDoor(t)
	all := []string{pathAccountAdd, pathAccountDelete, pathAccountDisable, pathAccountEnable, pathAccountExempt, pathAccountUnexempt,
		pathPassword, pathAppPasswordAdd, pathAppPasswordRevoke, pathPhoneBind, pathPhoneReveal, pathPhoneExpect, pathAliasAdd, pathAliasRemove,
		pathUserdbSet, pathUserdbUnset, pathSchemes, pathAccountImport, pathAccountExport, pathBackup, pathKeyShow, pathKeyExport}
	look := []string{pathPhoneUnbind, pathPhoneReset, pathDeviceList, pathDeviceUntrust, pathDeviceDelete, pathSessionEnd,
		pathAccountList, pathAccountShow, pathAppPasswordList, pathPhoneShow, pathEvents, pathAliasList, pathUserdbShow, pathExplain, pathStatus}
	check := func(uid uint32, paths []string, allowed bool) {
		t.Helper()
		for _, path := range paths {
			w := d.ask(t.Context(), uid, path, "{]") // who is allowed gets as far as the body
			want := http.StatusForbidden
			if allowed {
				want = http.StatusBadRequest
			}
			if w.Code != want {
				t.Errorf("uid %d, %s: %d, want %d", uid, path, w.Code, want)
			}
		}
	}
	for _, uid := range []uint32{0, daemonUID} {
		check(uid, all, true)
		check(uid, look, true)
	}
	check(helper, all, false)
	check(helper, look, true)
	check(stranger, all, false)
	check(stranger, look, false)
	check(stranger, []string{"/", "/v1/nothing"}, false)

	d.cfg.Admin.Group = ""
	check(helper, look, false)
	d.cfg.Admin.Group = "gone"
	check(helper, look, false)
	if !strings.Contains(d.log.String(), "no group gone") {
		t.Error("the log does not say that the helpdesk group is missing")
	}
}

// TestHelpdeskUnbinds: a phone is reset in the helpdesk's name, in event and log,
// and no other is bound.
func TestHelpdeskUnbinds(t *testing.T) {
	d := newDoor(t)
	d.ask(t.Context(), 0, pathAccountAdd, `{"address":"alice@example.org"}`)
	bind := `{"address":"alice@example.org","number":"13812345678"}`
	if w := d.ask(t.Context(), 0, pathPhoneBind, bind); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := d.ask(t.Context(), helper, pathPhoneUnbind, `{"address":"alice@example.org"}`); w.Code != http.StatusOK {
		t.Errorf("unbind: %d %s", w.Code, w.Body)
	}
	if w := d.ask(t.Context(), helper, pathPhoneBind, bind); w.Code != http.StatusForbidden {
		t.Errorf("bind: %d %s", w.Code, w.Body)
	}
	page, err := d.client(0).Events(t.Context(), Events{Address: alice, Limit: 1})
	if err != nil || page.Events[0].Kind != store.EventPhoneUnbound || page.Events[0].Actor != "helpdesk:helen" {
		t.Errorf("%+v, %v", page, err)
	}
	if want := "msg=changed what=phone/unbind account=alice@example.org actor=helpdesk:helen"; !strings.Contains(d.log.String(), want) {
		t.Errorf("the log does not have %s", want)
	}
}

func TestWithoutPeer(t *testing.T) {
	d := newDoor(t)
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodPost, pathAccountList, strings.NewReader("{}")))
	if w.Code != http.StatusForbidden {
		t.Errorf("status %d", w.Code)
	}
}

func TestActors(t *testing.T) {
	d := newDoor(t)
	for uid, want := range map[uint32]store.Actor{0: "root", daemonUID: "uid:998 (latchkey)", helper: "helpdesk:helen", stranger: "uid:1002 (sam)", 7: "uid:7"} {
		who, _ := d.identify(context.WithValue(t.Context(), peerKey, peer{uid}))
		if who.Actor != want {
			t.Errorf("uid %d is %q, want %q", uid, who.Actor, want)
		}
	}
}

func TestStrictBodies(t *testing.T) {
	d := newDoor(t)
	for _, tt := range []struct {
		path, body string
		status     int
		kind       Kind
		sentence   string
	}{
		{pathAccountShow, ``, 400, KindBadRequest, "the question is not a JSON object of the right form"},
		{pathAccountShow, `{"address":"a@b.org"`, 400, KindBadRequest, "the question is not a JSON object of the right form"},
		{pathAccountShow, `[]`, 400, KindBadRequest, "the question is not a JSON object of the right form"},
		{pathAccountShow, `{"address":"a@b.org"} {}`, 400, KindBadRequest, "the question is more than one JSON object"},
		{pathAccountShow, `{"address":"a@b.org"} x`, 400, KindBadRequest, "the question is more than one JSON object"},
		{pathAccountShow, `{"address":7}`, 400, KindBadRequest, "the field address has a value of the wrong type"},
		{pathAccountShow, `{"adress":"a@b.org"}`, 400, KindBadRequest, `the question has a field that does not exist: "adress"`},
		{pathAccountShow, `{"` + strings.Repeat("x", 70000) + `":1}`, 413, KindBadRequest, "the question is longer than 64 KiB"},
		{pathAccountShow, `{}`, 404, KindNotFound, "no such account"},
		{pathPassword, `{"address":"a@b.org","password":{"HUSH":1}}`, 400, KindBadRequest, "the question is not a JSON object of the right form"},
		{pathPassword, `{"address":"a@b.org","password":12345678}`, 400, KindBadRequest, "the question is not a JSON object of the right form"},
		{pathAccountAdd, `{"address":"a@b.org","password":""}`, 400, KindBadRequest, "the password is empty"},
		{pathAppPasswordAdd, `{"address":"a@b.org","name":"n","scopes":"HUSH"}`, 400, KindBadRequest, "the question is not a JSON object of the right form"},
		{pathAppPasswordRevoke, `{"address":"a@b.org","id":"HUSH"}`, 400, KindBadRequest, "the question is not a JSON object of the right form"},
		{pathDeviceDelete, `{"address":"a@b.org","id":"HUSH"}`, 400, KindBadRequest, "the question is not a JSON object of the right form"},
		{pathPhoneExpect, `{"address":"a@b.org","number":13812345678}`, 400, KindBadRequest, "the field number has a value of the wrong type"},
		{pathAccountExempt, `{"address":"a@b.org","until":"HUSH"}`, 400, KindBadRequest, "the question is not a JSON object of the right form"},
		{"/v1/nothing", `{}`, 404, KindNoRoute, "there is no such question"},
	} {
		w := d.ask(t.Context(), 0, tt.path, tt.body)
		var e Error
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
			t.Errorf("%s %.40s: %q is no JSON: %v", tt.path, tt.body, w.Body, err)
			continue
		}
		if w.Code != tt.status || e.Kind != tt.kind || e.Sentence != tt.sentence {
			t.Errorf("%s %.40s: %d %s %q", tt.path, tt.body, w.Code, e.Kind, e.Sentence)
		}
		if strings.Contains(w.Body.String(), "HUSH") {
			t.Errorf("%s: the answer repeats a value: %s", tt.path, w.Body)
		}
	}
}

func TestOnlyPost(t *testing.T) {
	d := newDoor(t)
	r := httptest.NewRequestWithContext(context.WithValue(t.Context(), peerKey, peer{0}), http.MethodGet, pathAccountList, nil)
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestFailures: every failure of accounts has its status and kind.
func TestFailures(t *testing.T) {
	d := newDoor(t)
	c := d.client(0)
	password := Password{secret.New("correct horse")}
	if _, err := c.AccountAdd(t.Context(), AccountAdd{alice, &password}); err != nil {
		t.Fatal(err)
	}
	asked := func(_ any, err error) error { return err }
	for _, tt := range []struct {
		name   string
		err    error
		status int
		kind   Kind
		hint   bool
	}{
		{"exists", asked(c.AccountAdd(t.Context(), AccountAdd{alice, &password})), 409, KindConflict, false},
		{"address", asked(c.AccountAdd(t.Context(), AccountAdd{"a/b@example.org", &password})), 422, KindRejected, true},
		{"no account", c.AccountDelete(t.Context(), "nobody@example.org"), 404, KindNotFound, false},
		{"no phone", c.PhoneUnbind(t.Context(), alice), 404, KindNotFound, false},
		{"no app password", asked(c.AppPasswordRevoke(t.Context(), AppPasswordRevoke{alice, store.AppPasswordID{1}})), 404, KindNotFound, true},
		{"no alias", c.AliasRemove(t.Context(), AliasQuestion{alice, "a@example.org"}), 404, KindNotFound, false},
		{"alias of nobody", c.AliasAdd(t.Context(), AliasQuestion{"nobody@example.org", "a@example.org"}), 404, KindNotFound, false},
		{"alias exists", c.AliasAdd(t.Context(), AliasQuestion{alice, alice}), 409, KindConflict, false},
		{"alias", c.AliasAdd(t.Context(), AliasQuestion{alice, "a/b@example.org"}), 422, KindRejected, true},
		{"no device", c.DeviceDelete(t.Context(), DeviceQuestion{alice, store.DeviceID{1}}), 404, KindNotFound, true},
		{"no device to untrust", c.DeviceUntrust(t.Context(), DeviceQuestion{alice, store.DeviceID{1}}), 404, KindNotFound, true},
		{"expected number", asked(c.PhoneExpect(t.Context(), PhoneExpect{alice, "+86 10 6255 2288"})), 422, KindRejected, true},
		{"reset nobody's phone", asked(c.PhoneReset(t.Context(), PhoneReset{Address: "nobody@example.org"})), 404, KindNotFound, false},
		{"nobody's sessions", asked(c.SessionEnd(t.Context(), "nobody@example.org")), 404, KindNotFound, false},
		{"short", asked(c.SetPassword(t.Context(), SetPassword{Address: alice, Password: Password{secret.New("HUSH")}})), 422, KindRejected, false},
		{"shape", asked(c.SetPassword(t.Context(), SetPassword{Address: alice, Password: Password{secret.New("abcd efgh jkmn pqrs")}})), 422, KindRejected, true},
		{"number", asked(c.PhoneBind(t.Context(), PhoneBind{alice, "+49 30 123456"})), 422, KindRejected, true},
		{"name", asked(c.AppPasswordAdd(t.Context(), AppPasswordAdd{Address: alice, Name: "\x1b"})), 422, KindRejected, true},
	} {
		var e *Error
		if !errors.As(tt.err, &e) {
			t.Errorf("%s: %v", tt.name, tt.err)
			continue
		}
		if e.Status != tt.status || e.Kind != tt.kind || (e.Hint != "") != tt.hint {
			t.Errorf("%s: %d %s %q hint %q", tt.name, e.Status, e.Kind, e.Sentence, e.Hint)
		}
	}
}

// TestInternalFailure: the store's trouble is logged, told to administrators,
// and not to the helpdesk.
func TestInternalFailure(t *testing.T) {
	d := newDoor(t)
	d.accounts.Flush = func(context.Context, string) error { return errors.New("disk full") }
	if w := d.ask(t.Context(), 0, pathEvents, `{}`); w.Code != 500 || !strings.Contains(w.Body.String(), "disk full") {
		t.Errorf("root: %d %s", w.Code, w.Body)
	}
	if w := d.ask(t.Context(), helper, pathEvents, `{}`); w.Code != 500 || strings.Contains(w.Body.String(), "disk full") {
		t.Errorf("helpdesk: %d %s", w.Code, w.Body)
	}
	if !strings.Contains(d.log.String(), "disk full") {
		t.Errorf("log: %s", d.log)
	}
}

// TestEveryQuestion asks each of them once by the client's method.
func TestEveryQuestion(t *testing.T) {
	d := newDoor(t)
	c, ctx := d.client(0), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	first := Password{secret.New("correct horse")}
	added, err := c.AccountAdd(ctx, AccountAdd{alice, &first})
	must(err)
	if added.Address != alice || added.MainPassword != accounts.MainOpens {
		t.Errorf("%+v", added)
	}
	made, err := c.AppPasswordAdd(ctx, AppPasswordAdd{Address: alice, Name: "phone", Scopes: store.ScopeIMAP | store.ScopeSMTP})
	must(err)
	if _, ok := secret.FoldAppPassword(made.Secret.Reveal()); !ok || len(made.Secret.Reveal()) != 16 || !made.ByAdmin {
		t.Errorf("%+v", made)
	}
	bound, err := c.PhoneBind(ctx, PhoneBind{alice, "13812345678"})
	must(err)
	if bound.Phone != "+86 138****5678" || len(bound.Ended) != 0 {
		t.Errorf("%+v", bound)
	}
	must(c.AccountExempt(ctx, AccountExempt{alice, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), "because"}))
	must(c.AccountUnexempt(ctx, alice))
	must(c.AccountDisable(ctx, alice))
	must(c.AccountEnable(ctx, alice))
	masked, err := c.PhoneShow(ctx, alice)
	must(err)
	full, err := c.PhoneReveal(ctx, alice)
	must(err)
	if masked.Number != "+86 138****5678" || full.Number != "+8613812345678" {
		t.Errorf("%+v, %+v", masked, full)
	}
	shown, err := c.AccountShow(ctx, alice)
	must(err)
	if shown.MainPassword != accounts.MainBound || len(shown.AppPasswords) != 1 || shown.AppPasswords[0].State != store.Live {
		t.Errorf("%+v", shown)
	}
	revoked, err := c.AppPasswordRevoke(ctx, AppPasswordRevoke{alice, made.ID})
	must(err)
	page, err := c.AppPasswordList(ctx, alice)
	must(err)
	if revoked.State != store.Revoked || len(page.AppPasswords) != 1 || page.AppPasswords[0].State != store.Revoked {
		t.Errorf("%+v, %+v", revoked, page)
	}
	set, err := c.SetPassword(ctx, SetPassword{Address: alice, Password: Password{secret.New("another horse")}, RevokeAppPasswords: true})
	must(err)
	if set.Ended == nil || len(set.Ended) != 0 {
		t.Errorf("%+v", set)
	}
	must(c.PhoneUnbind(ctx, alice))
	list, err := c.AccountList(ctx, AccountList{})
	must(err)
	if len(list.Accounts) != 1 {
		t.Errorf("%+v", list)
	}
	must(c.AliasAdd(ctx, AliasQuestion{alice, "a@example.org"}))
	aliases, err := c.AliasList(ctx, alice)
	must(err)
	if len(aliases.Aliases) != 1 || aliases.Aliases[0].Name != "a@example.org" || aliases.Aliases[0].By != "root" {
		t.Errorf("%+v", aliases)
	}
	must(c.AliasRemove(ctx, AliasQuestion{alice, "a@example.org"}))
	must(c.AccountDelete(ctx, alice))
	events, err := c.Events(ctx, Events{Address: alice})
	must(err)
	var kinds []string
	for _, e := range events.Events {
		if e.Actor != "root" {
			t.Errorf("%s was done by %q", e.Kind, e.Actor)
		}
		kinds = append(kinds, string(e.Kind))
	}
	want := "account-deleted alias-removed alias-added phone-unbound password-set app-password-revoked phone-shown account-enabled account-disabled " +
		"exception-ended exception-set phone-bound app-password-made account-added"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("events: %s", got)
	}
	for _, did := range []string{"account/add", "phone/bind", "account/delete"} {
		if want := "msg=changed what=" + did + " account=alice@example.org actor=root"; !strings.Contains(d.log.String(), want) {
			t.Errorf("the log does not have %s", want)
		}
	}
	for _, hush := range []string{"correct horse", "another horse", made.Secret.Reveal(), "13812345678"} {
		if strings.Contains(d.log.String(), hush) {
			t.Errorf("the log shows %q", hush)
		}
	}
}

// TestSecretAppearsOnce: the letters stand in one answer and no other.
func TestSecretAppearsOnce(t *testing.T) {
	d := newDoor(t)
	d.ask(t.Context(), 0, pathAccountAdd, `{"address":"alice@example.org","password":"correct horse"}`)
	made := d.ask(t.Context(), 0, pathAppPasswordAdd, `{"address":"alice@example.org","name":"phone"}`)
	var answer struct{ ID, Secret, Scopes, State, Name string }
	if err := json.Unmarshal(made.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Secret) != 16 || answer.Scopes != "all" || answer.State != "live" || answer.Name != "phone" || len(answer.ID) != 16 {
		t.Errorf("%+v", answer)
	}
	for path, body := range map[string]string{pathAccountShow: `{"address":"alice@example.org"}`, pathAppPasswordList: `{"address":"alice@example.org"}`, pathEvents: `{}`, pathAccountList: `{}`} {
		w := d.ask(t.Context(), 0, path, body)
		if w.Code != 200 || strings.Contains(w.Body.String(), answer.Secret) || strings.Contains(w.Body.String(), "stored form") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestPasswordPrintsRedacted(t *testing.T) {
	p := Password{secret.New("HUSH")}
	q := SetPassword{Address: alice, Password: p}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if s := fmt.Sprintf(verb+" "+verb+" "+verb, p, q, PhoneResetMade{Code: p}); strings.Contains(s, "HUSH") {
			t.Errorf("%s shows it: %s", verb, s)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "password", p, "question", q)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "password", p)
	if strings.Contains(log.String(), "HUSH") {
		t.Errorf("a log shows it: %s", log.String())
	}
}

// TestInProcessBody: the transport gives back what the handler wrote.
func TestInProcessBody(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil {
			t.Error("no body")
		}
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://latchkey/", nil)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := InProcess(h, Identity{}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil || string(text) != "short and stout" || reply.StatusCode != http.StatusTeapot {
		t.Errorf("%d %q %v", reply.StatusCode, text, err)
	}
}
