package portal

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// lettersShown are the 16 letters on a page, in four groups with nothing between
// them: "" if there are none.
func (a *answer) lettersShown() string {
	found := regexp.MustCompile(`id="letters"[^>]*>((?:<span>[a-z]{4}</span>){4})</p>`).FindStringSubmatch(a.Body.String())
	if found == nil {
		return ""
	}
	return regexp.MustCompile(`</?span>`).ReplaceAllString(found[1], "")
}

// newForm opens the form for an app password, and gives its id.
func (c *client) newForm() string {
	c.w.t.Helper()
	return c.get(pathNewAppPassword).wants(http.StatusOK, "").hidden("id")
}

func (w *world) appPasswords(address string) []accounts.AppPassword {
	w.t.Helper()
	account, err := w.Accounts.Show(w.t.Context(), address)
	w.must(err)
	return account.AppPasswords
}

// TestShownOnce: the letters are on one answer and on no other, whatever is
// loaded again.
func TestShownOnce(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	c := w.client()
	c.stepped(alice)
	if a := c.get(pathAppPasswords); !c.says(a, "app_passwords.none") {
		t.Fatal(a.text())
	}
	id := c.newForm()
	send := func() *answer {
		return c.post(pathNewAppPassword, "id", id, "name", "  Phone <1> ", "scopes", "imap,smtp", "expires", "30")
	}
	a := send().wants(http.StatusOK, "")
	letters := a.lettersShown()
	if len(letters) != 16 || strings.Count(a.Body.String(), letters[:4]) != 1 || a.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%q %v %s", letters, a.Header(), a.text())
	}
	all := w.appPasswords(alice)
	if len(all) != 1 || all[0].Name != "Phone <1>" || all[0].Scopes != store.ScopeIMAP|store.ScopeSMTP || !all[0].Expires.Equal(w.clock().AddDate(0, 0, 30).Truncate(time.Second)) {
		t.Fatalf("%+v", all)
	}

	if a := send(); a.Code != http.StatusConflict || !c.says(a, "app_password_shown.lead") || a.lettersShown() != "" {
		t.Errorf("sent again: %d %s", a.Code, a.text())
	}
	if len(w.appPasswords(alice)) != 1 {
		t.Error("sent again, the form made a second one")
	}
	list := c.get(pathAppPasswords)
	if !strings.Contains(list.text(), "Phone <1>") || !c.says(list, "scope.imap_smtp") {
		t.Error(list.text())
	}
	spelled := regexp.MustCompile(letters[:4] + `\W*(<[^>]*>)*\W*` + letters[4:8])
	for _, page := range []*answer{list, c.get(pathAppPasswords+"/"+all[0].ID.String()+"/revoke").wants(http.StatusOK, ""), c.get(pathSecurity), c.get(pathDevices)} {
		if spelled.MatchString(page.Body.String()) {
			t.Errorf("%s has the letters", page.path)
		}
	}
	if strings.Contains(w.log.String(), letters) || strings.Contains(w.log.String(), all[0].ID.String()) {
		t.Error("the log has the letters or the id")
	}
}

func TestNewAppPasswordRefuses(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	c := w.client()
	c.stepped(alice)
	id := c.newForm()
	for _, of := range []struct {
		id, name, scopes, expires string
		status                    int
		key                       string
	}{
		{id, "", "all", "0", http.StatusUnprocessableEntity, "failure.name"},
		{id, strings.Repeat("长", 65), "all", "0", http.StatusUnprocessableEntity, "failure.name"},
		{id, "a\nb", "all", "0", http.StatusUnprocessableEntity, "failure.name"},
		{"", "a", "all", "0", http.StatusBadRequest, "error.bad_form"},
		{strings.Repeat("0", 32), "a", "all", "0", http.StatusBadRequest, "error.bad_form"},
		{id, "a", "", "0", http.StatusBadRequest, "error.bad_form"},
		{id, "a", "root", "0", http.StatusBadRequest, "error.bad_form"},
		{id, "a", "all", "", http.StatusBadRequest, "error.bad_form"},
		{id, "a", "all", "-1", http.StatusBadRequest, "error.bad_form"},
		{id, "a", "all", "99999999999", http.StatusBadRequest, "error.bad_form"},
	} {
		a := c.post(pathNewAppPassword, "id", of.id, "name", of.name, "scopes", of.scopes, "expires", of.expires)
		if a.Code != of.status || !c.says(a, of.key) {
			t.Errorf("%+v: %d %s", of, a.Code, a.text())
		}
		if of.key == "failure.name" && (a.hidden("id") != id || !strings.Contains(a.Body.String(), `aria-invalid="true" aria-describedby="name-help name-error"`)) {
			t.Errorf("%+v: the form has lost its id, or its field is not marked", of)
		}
	}
	w.cfg.AppPasswords.Max = 0
	if a := c.post(pathNewAppPassword, "id", id, "name", "a", "scopes", "smtp", "expires", "90"); a.Code != http.StatusUnprocessableEntity ||
		!c.says(a, "failure.too_many") || !strings.Contains(a.Body.String(), `value="smtp" checked`) || !strings.Contains(a.Body.String(), `value="90" selected`) {
		t.Errorf("too many: %d %s", a.Code, a.text())
	}
	if all := w.appPasswords(alice); len(all) != 0 {
		t.Errorf("made: %+v", all)
	}
}

// TestUnboundMakesNone: who has stolen a main password cannot plant one.
func TestUnboundMakesNone(t *testing.T) {
	w := newWorld(t)
	w.add(alice)
	c := w.client()
	c.stepped(alice)
	if a := c.follow(c.get(pathNewAppPassword)); !c.says(a, "app_passwords.bind_title") || a.path != pathAppPasswords {
		t.Errorf("%s: %s", a.path, a.text())
	}
	a := c.post(pathNewAppPassword, "id", "00112233445566778899aabbccddeeff", "name", "a", "scopes", "all", "expires", "0")
	if a.Code == http.StatusOK || a.lettersShown() != "" || len(w.appPasswords(alice)) != 0 {
		t.Errorf("%d %s", a.Code, a.text())
	}
}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	w.addBound(alice, number)
	var ids []string
	for _, name := range []string{"one", "two", "three"} {
		p, _, err := w.Accounts.AddAppPassword(t.Context(), root, alice, accounts.NewAppPassword{Name: name})
		w.must(err)
		ids = append(ids, p.ID.String())
	}
	c := w.client()
	c.enter(alice) // to revoke wants no second step
	w.pass(20 * time.Minute)
	revoke := pathAppPasswords + "/" + ids[0] + "/revoke"
	if a := c.get(revoke).wants(http.StatusOK, ""); !strings.Contains(a.text(), "one") || strings.Contains(a.text(), "two") {
		t.Error(a.text())
	}
	if n := live(w.appPasswords(alice)); len(n) != 3 {
		t.Fatal("asking has revoked it")
	}
	if a := c.follow(c.post(revoke)); !c.says(a, "told.app_password_revoked") || !c.says(a, "app_passwords.revoked") || !c.says(a, "app_passwords.ended_title") {
		t.Error(a.text())
	}
	c.get(revoke).wants(http.StatusSeeOther, pathAppPasswords)
	c.post(revoke).wants(http.StatusSeeOther, pathAppPasswords) // is so already
	if a := c.get(pathRevokeAll).wants(http.StatusOK, ""); strings.Contains(a.text(), "one") || !strings.Contains(a.text(), "two") || !c.says(a, "app_password_revoke_all.lead", "count", 2) {
		t.Error(a.text())
	}
	if a := c.follow(c.post(pathRevokeAll)); !c.says(a, "told.app_passwords_revoked") || len(live(w.appPasswords(alice))) != 0 {
		t.Error(a.text())
	}
	c.get(pathRevokeAll).wants(http.StatusSeeOther, pathAppPasswords)
	for _, id := range []string{"00112233445566778899aabbccddeeff", "x", strings.Repeat("a", 500)} {
		c.get(pathAppPasswords+"/"+id+"/revoke").wants(http.StatusNotFound, "")
		c.post(pathAppPasswords+"/"+id+"/revoke").wants(http.StatusNotFound, "")
	}
}
