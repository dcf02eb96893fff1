package admin

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func FuzzBodies(f *testing.F) {
	paths := []string{pathAccountList, pathAccountShow, pathAppPasswordList, pathPhoneShow, pathEvents, pathAccountAdd, pathAccountDelete,
		pathAccountDisable, pathAccountEnable, pathAccountExempt, pathAccountUnexempt, pathPassword, pathAppPasswordAdd,
		pathAppPasswordRevoke, pathPhoneBind, pathPhoneUnbind, pathPhoneReveal, pathPhoneExpect, pathPhoneReset, pathDeviceList,
		pathDeviceUntrust, pathDeviceDelete, pathSessionEnd, pathAliasAdd, pathAliasRemove, pathAliasList, pathUserdbShow, pathUserdbSet,
		pathUserdbUnset, pathSchemes, pathAccountImport, pathAccountExport, pathExplain, pathStatus}
	for i := range paths {
		f.Add(byte(i), []byte(`{"address":"alice@example.org"}`))
	}
	f.Add(byte(0), []byte(`{"after":"a","limit":-1}`))
	f.Add(byte(4), []byte(`{"since":"2026-01-01T00:00:00Z","after":"00","limit":9999999}`))
	f.Add(byte(5), []byte(`{"address":"bob@example.org","password":"correct horse"}`))
	f.Add(byte(9), []byte(`{"address":"alice@example.org","until":"2027-01-01T00:00:00Z","reason":"x"}`))
	f.Add(byte(11), []byte(`{"address":"alice@example.org","password":"correct horse","revoke_app_passwords":true}`))
	f.Add(byte(12), []byte(`{"address":"alice@example.org","name":"n","scopes":"imap,smtp","expires":"2027-01-01T00:00:00Z"}`))
	f.Add(byte(13), []byte(`{"address":"alice@example.org","id":"0123456789abcdef"}`))
	f.Add(byte(14), []byte(`{"address":"alice@example.org","number":"13812345678"}`))
	f.Add(byte(17), []byte(`{"address":"alice@example.org","number":"13812345678"}`))
	f.Add(byte(18), []byte(`{"address":"alice@example.org","revoke_app_passwords":true}`))
	f.Add(byte(20), []byte(`{"address":"alice@example.org","id":"0123456789abcdef"}`))
	f.Add(byte(23), []byte(`{"address":"alice@example.org","alias":"a@example.org"}`))
	f.Add(byte(24), []byte(`{"address":"alice@example.org","alias":"a@example.org"}`))
	f.Add(byte(27), []byte(`{"address":"alice@example.org","fields":[{"key":"uid","value":"5001"},{"key":"home","value":"/srv/%n"}]}`))
	f.Add(byte(27), []byte(`{"address":"alice@example.org","fields":[{"key":"a\u0000b","value":"\ud800"}]}`))
	f.Add(byte(28), []byte(`{"address":"alice@example.org","keys":["uid"],"all":false}`))
	f.Add(byte(28), []byte(`{"address":"alice@example.org","all":true}`))
	f.Add(byte(29), []byte(`{"after":"a","scheme":"ssha"}`))
	f.Add(byte(30), []byte(`{"accounts":[{"address":"bob@example.org","password":"{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=","phone":"13812345678"}],"skip_bad":true}`))
	f.Add(byte(30), []byte(`{"accounts":[{"address":"bob@example.org","password":"{PLAIN}x","userdb":[{"key":"uid","value":"0"}]},{}],"dry_run":true}`))
	f.Add(byte(31), []byte(`{"after":"a","with_secrets":true}`))
	f.Add(byte(32), []byte(`{"address":"alice@example.org","service":"imap","from":"192.0.2.7","password":"correct horse"}`))
	f.Fuzz(func(t *testing.T, which byte, body []byte) {
		d := newDoor(t)
		if paths[int(which)%len(paths)] == pathExplain {
			d.decide(t)
		}
		d.ask(t.Context(), 0, pathAccountAdd, `{"address":"alice@example.org","password":"correct horse"}`)
		w := d.ask(t.Context(), 0, paths[int(which)%len(paths)], string(body))
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%d %s\n%s", w.Code, w.Body, d.log)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("no JSON: %q", w.Body)
		}
		if strings.ContainsFunc(strings.TrimRight(w.Body.String(), "\n"), func(r rune) bool { return r < 0x20 }) {
			t.Errorf("a control character: %q", w.Body)
		}
	})
}
