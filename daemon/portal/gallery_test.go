package portal

import (
	"context"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/portal/locale"
	"github.com/latchkey-mail/latchkey/store"
)

// picture is one page as somebody sees it.
type picture struct {
	name string // of the picture; the page's own name and what is special, after a dash
	path string
	out  bool // signed out, or not in yet
	view any
	told []message
}

func (p picture) page() string {
	name, _, _ := strings.Cut(p.name, "-")
	return name
}

// Somebody's names, which no page translates.
const (
	phoneName  = "Pixel"
	officeName = "Foxmail 2"
	maskedOwn  = "+86 138****5678"
	longAddr   = "2001:db8:1234:5678:90ab:cdef:1234:5678"
)

func pictures(now time.Time) []picture {
	return slices.Concat(signInPictures(now), phonePictures(now), appPasswordPictures(now), devicePictures(now), otherPictures(now))
}

func signInPictures(now time.Time) []picture {
	code := codeView{Phone: maskedOwn, Sent: true, Expires: now.Add(271 * time.Second), ResendAt: now.Add(42 * time.Second), TooSoon: true,
		SendingsLeft: 2, TriesLeft: 5, TrustDays: 7}
	later := code
	later.TooSoon, later.SendingsLeft = false, 0
	return []picture{
		{"sign_in", pathSignIn, true, signInView{}, nil},
		{"sign_in-wrong", pathSignIn, true, signInView{Address: alice}, []message{{Key: "failure.sign_in"}}},
		{"sign_in_code", pathSignInCode, true, code, []message{{Good: true, Key: "told.code_sent"}}},
		{"sign_in_code-wrong", pathSignInCode, true, later, []message{counted(false, "failure.wrong_code", 1, now)}},
		{"sign_in_code-unsent", pathSignInCode, true, codeView{Phone: maskedOwn}, nil},
		{"sign_in_code-nosms", pathSignInCode, true, codeView{Phone: maskedOwn, NoSMS: true}, nil},
		{"sign_in_recover", pathSignInRecover, true, recoverView{}, nil},
		{"sign_in_recover-inside", pathSignInRecover, false, recoverView{Inside: true}, nil},
		{"confirm", pathConfirm, false, code, nil},
		{"confirm-unsent", pathConfirm, false, codeView{Phone: maskedOwn, Next: pathNewAppPassword}, nil},
	}
}

func phonePictures(now time.Time) []picture {
	until := now.Add(275 * time.Second)
	code := codeView{Phone: maskedOwn, Sent: true, Expires: until, ResendAt: now.Add(time.Minute), TooSoon: true, SendingsLeft: 2, TriesLeft: 5}
	return []picture{
		{"phone", pathPhone, false, phoneView{Bound: true, Phone: maskedOwn}, nil},
		{"phone-kept", pathPhone, false, phoneView{Bound: true, Phone: maskedOwn, MustKeep: true}, nil},
		{"phone-none", pathPhone, false, phoneView{}, nil},
		{"phone-nosms", pathPhone, false, phoneView{NoSMS: true}, nil},
		{"phone_bind", pathPhoneBind, false, numberView{Until: until}, nil},
		{"phone_bind-required", pathPhoneBind, true, numberView{Until: until, Required: true, Number: "138"}, []message{{Key: "failure.number"}}},
		{"phone_bind-helpdesk", pathPhoneBind, true, numberView{Until: until, Required: true, Helpdesk: true}, nil},
		{"phone_bind-rebind", pathPhoneBind, true, numberView{Until: until, Rebind: true, Phone: maskedOwn}, nil},
		{"phone_bind-nosms", pathPhoneBind, false, numberView{NoSMS: true}, nil},
		{"phone_bind_code", pathPhoneBindCode, false, code, nil},
		{"phone_change", pathPhoneChange, false, numberView{Until: until, Phone: maskedOwn}, nil},
		{"phone_change_code", pathPhoneChangeCode, false, code, nil},
		{"phone_unbind", pathPhoneUnbind, false, phoneView{Bound: true, Phone: maskedOwn}, nil},
	}
}

func appPasswordPictures(now time.Time) []picture {
	list := []appPasswordView{}
	for _, p := range somePasswords(now) {
		list = append(list, viewAppPassword(p))
	}
	blank := newAppPasswordView{ID: store.AppPasswordID{7}, Scopes: "all", Expires: "0", Choices: scopeChoices(), Days: lifetimes()}
	wrong := blank
	wrong.Scopes, wrong.Expires, wrong.Wrong = "smtp", "90", message{Key: "failure.name"}
	made := madeView{Name: phoneName, Groups: [4]string{"abcd", "efgh", "jkmn", "pqrs"}, Setup: someSetup()}
	return []picture{
		{"app_passwords", pathAppPasswords, false, appPasswordsView{Bound: true, Live: list[:3], Ended: list[3:]},
			[]message{{Good: true, Key: "told.app_password_revoked"}}},
		{"app_passwords-none", pathAppPasswords, false, appPasswordsView{Bound: true}, nil},
		{"app_passwords-unbound", pathAppPasswords, false, appPasswordsView{}, nil},
		{"app_password_new", pathNewAppPassword, false, blank, nil},
		{"app_password_new-wrong", pathNewAppPassword, false, wrong, nil},
		{"app_password_made", pathNewAppPassword, false, made, nil},
		{"app_password_made-unset", pathNewAppPassword, false, madeView{Name: phoneName, Groups: made.Groups, Setup: setupView{Address: alice}}, nil},
		{"app_password_shown", pathNewAppPassword, false, store.AppPasswordID{7}, nil},
		{"app_password_revoke", pathAppPasswords + "/07/revoke", false, list[0], nil},
		{"app_password_revoke_all", pathRevokeAll, false, list[:3], nil},
	}
}

// somePasswords are three that work, then those that ended in each way.
func somePasswords(now time.Time) []accounts.AppPassword {
	made := func(name string, days int, state store.AppPasswordState) accounts.AppPassword {
		p := accounts.AppPassword{AppPassword: store.AppPassword{ID: store.AppPasswordID{byte(days)}, Name: name,
			Made: now.AddDate(0, 0, -days), Scopes: store.ScopeAll, State: state}}
		if state != store.Live {
			p.Ended = now.AddDate(0, 0, -1)
		}
		return p
	}
	phone, office, printer := made(phoneName, 3, store.Live), made(officeName, 40, store.Live), made("HP", 90, store.Live)
	phone.LastUse = &store.LastUse{Time: now.Add(-3 * time.Minute), Addr: netip.MustParseAddr(longAddr), Service: "imap",
		ClientID: `"name" "com.apple.email.maild" "version" "3774" "os" "iOS" "os-version" "18.1 (22B83)"`}
	office.LastUse = &store.LastUse{Time: now.Add(-50 * time.Hour), Addr: netip.MustParseAddr("192.0.2.44"), Service: "submission"}
	office.Scopes, office.Expires = store.ScopeIMAP|store.ScopeSMTP, now.AddDate(0, 0, 50)
	printer.Scopes, printer.ByAdmin = store.ScopeSMTP, true
	odd := made("Backup", 200, store.Expired)
	return []accounts.AppPassword{phone, office, printer, made("Nexus", 100, store.Revoked), odd, made("Desk", 300, store.MadeBeforeBinding)}
}

func someSetup() setupView {
	return setupView{Address: alice, Servers: []serverView{
		{"setup.imap", "imap.example.org", 993, "SSL/TLS"},
		{"setup.pop3", "pop.example.org", 995, "SSL/TLS"},
		{"setup.smtp", "smtp.example.org", 587, "STARTTLS"},
	}}
}

func devicePictures(now time.Time) []picture {
	var browsers []browserView
	for i, ua := range []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.53",
		"",
	} {
		b := accounts.BrowserDevice{ID: store.DeviceID{byte(i + 1)}, UserAgent: ua, Last: now.Add(time.Duration(-i*26) * time.Hour),
			Addr: netip.MustParseAddr("192.0.2.7"), Current: i == 0, Sessions: 2 - i}
		if i < 2 {
			b.Trusted, b.TrustedUntil = now.AddDate(0, 0, -i-1), now.AddDate(0, 0, 6-i)
		}
		browsers = append(browsers, viewBrowser(b, now))
	}
	var programs []programView
	for _, p := range somePrograms(now) {
		programs = append(programs, viewProgram(p))
	}
	full := devicesView{Bound: true, Trusted: browsers[:2], Recent: browsers, Programs: programs}
	return []picture{
		{"devices", pathDevices, false, full, []message{{Good: true, Key: "told.device_untrusted"}}},
		{"devices-none", pathDevices, false, devicesView{}, nil},
		{"device_delete", pathDevices + "/01/delete", false, browsers[0], nil},
		{"program_delete", pathDevices + "/program/03/delete", false, viewAppPassword(somePasswords(now)[0]), nil},
	}
}

// somePrograms are refused for every reason that there is a text for, after one
// that is let in and one that insists.
func somePrograms(now time.Time) []accounts.Program {
	list := []accounts.Program{
		{AppPassword: store.AppPasswordID{3}, Name: phoneName, Service: "imap", Addr: netip.MustParseAddr(longAddr), Last: now.Add(-3 * time.Minute),
			Count: 40, State: store.Live, ClientID: `"name" "com.apple.email.maild" "os" "iOS" "os-version" "18.1"`},
		{Service: "imap", Addr: netip.MustParseAddr("198.51.100.3"), Last: now.Add(-time.Minute), Count: 144, Refused: true,
			Reason: store.ReasonPhoneBound, ClientID: `"name" "Foxmail" "version" "7.2"`},
		{AppPassword: store.AppPasswordID{100}, Name: "Nexus", Service: "pop3", Last: now.Add(-time.Hour), Count: 9, State: store.Revoked,
			Refused: true, Reason: store.ReasonRevoked},
		{Service: "imap", Last: now.Add(-2 * time.Hour), Count: 1},
	}
	for _, reason := range []store.Reason{store.ReasonWrongSecret, store.ReasonExpired, store.ReasonScope, store.ReasonDisabled, store.ReasonMalformed} {
		list = append(list, accounts.Program{Service: "submission", Last: now.Add(-30 * time.Hour), Count: 1, Refused: true, Reason: reason})
	}
	return list
}

func otherPictures(now time.Time) []picture {
	recovery := accounts.RecoveryState{Left: 8, Of: 10, Made: now.AddDate(0, -1, 0)}
	pictures := []picture{
		{"security", pathSecurity, false, securityView{Bound: true, Phone: maskedOwn, Recovery: recovery, AppPasswords: 3, Trusted: 1, Refused: 1},
			[]message{counted(true, "told.phone_bound_ended", 2, now)}},
		{"security-damaged", pathSecurity, false, securityView{Bound: true, Phone: maskedOwn, Recovery: accounts.RecoveryState{Damaged: true}}, nil},
		{"security-unbound", pathSecurity, false, securityView{}, nil},
		{"guide", pathGuide, false, guideView{Setup: someSetup(), Make: true}, nil},
		{"guide-out", pathGuide, true, guideView{Setup: setupView{Servers: someSetup().Servers}}, nil},
		{"recovery_codes", pathRecoveryCodes, false, recoveryCodesView{Left: 8, Of: 10, Made: recovery.Made, Asks: true}, nil},
		{"recovery_codes-none", pathRecoveryCodes, false, recoveryCodesView{}, nil},
		{"recovery_codes-damaged", pathRecoveryCodes, false, recoveryCodesView{Damaged: true}, nil},
		{"recovery_codes-made", pathRecoveryCodes, false, recoveryCodesView{Left: 10, Of: 10, Codes: slices.Repeat([]string{"abcd-efgh-jkmn"}, 10)}, nil},
		{"password", pathPassword, false, passwordView{Address: alice, AppPasswords: somePasswords(now)[:3]}, nil},
		{"password-wrong", pathPassword, false, passwordView{Address: alice, Revoke: true}, []message{{Key: "failure.password"}}},
	}
	for status, keys := range map[int][]string{
		http.StatusNotFound:            {"error.not_found"},
		http.StatusForbidden:           {"error.stale_form", "error.cross_origin"},
		http.StatusServiceUnavailable:  {"error.try_again"},
		http.StatusInternalServerError: {"error.try_again"},
		http.StatusBadRequest:          {"error.bad_form"},
		http.StatusUnprocessableEntity: {"error.failed"},
		http.StatusMisdirectedRequest:  {"error.host"},
	} {
		for _, key := range keys {
			pictures = append(pictures, picture{"error-" + http.StatusText(status) + key, pathSecurity, status != http.StatusNotFound,
				errorView{Status: status, Key: key}, nil})
		}
	}
	return pictures
}

// request is the one that a picture answers.
func (p picture) request(tag string) *http.Request {
	v := &visit{messages: p.told}
	if !p.out {
		v.session = &accounts.Session{Session: store.Session{Address: alice, Stage: store.StageIn}, Bound: true}
		v.cookie = "cookie"
	}
	r := httptest.NewRequest(http.MethodGet, "https://"+host+p.path, nil)
	r.Header.Set("Accept-Language", tag)
	return r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
}

// gallery is a world whose site has names of its own.
func gallery(t testing.TB) *world {
	w := newWorld(t)
	w.cfg.MailServers.IMAP = &config.MailServer{Host: "imap.example.org", Port: 993, Encryption: "TLS"}
	return w
}

// TestPictures renders every page in every language. With LATCHKEY_GALLERY set to
// a folder it leaves them there, to be looked at.
func TestPictures(t *testing.T) {
	w, folder := gallery(t), os.Getenv("LATCHKEY_GALLERY")
	drawn := map[string]bool{}
	for _, tag := range locale.Tags() {
		for _, p := range pictures(w.clock()) {
			drawn[p.page()] = true
			a := httptest.NewRecorder()
			w.render(a, p.request(tag), http.StatusOK, p.page(), p.view)
			if a.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", p.name, a.Code, w.log)
			}
			body := a.Body.String()
			for _, never := range []string{"<no value>", "&lt;nil&gt;", "ZgotmplZ", " style=", "<script>", " onclick=", "<style"} {
				if strings.Contains(body, never) {
					t.Errorf("%s in %s holds %q", p.name, tag, never)
				}
			}
			if want := `<html lang="` + tag + `">`; !strings.Contains(body, want) || !strings.Contains(body, "Helpdesk") || !strings.Contains(body, "1234") {
				t.Errorf("%s lacks its language or the help", p.name)
			}
			if folder != "" {
				keep(t, filepath.Join(folder, tag, p.name+".html"), a.Body.Bytes())
			}
		}
	}
	for page := range w.pages.sets["en"] {
		if !drawn[page] {
			t.Errorf("there is no picture of %s", page)
		}
	}
	if folder != "" {
		for name, body := range staticFiles(t) {
			keep(t, filepath.Join(folder, name), body)
		}
	}
}

func staticFiles(t *testing.T) map[string][]byte {
	files := map[string][]byte{}
	names, err := fs.Glob(static, "static/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if files[name], err = static.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func keep(t *testing.T, name string, body []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, body, 0o644); err != nil {
		t.Fatal(err)
	}
}
