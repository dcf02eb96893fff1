package config

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

const sample = "../../examples/latchkey.toml"

// TestSampleIsDefault proves that the sample says the truth about defaults.
func TestSampleIsDefault(t *testing.T) {
	got, err := Load(sample)
	if err != nil {
		t.Fatal(err)
	}
	got.TwoStep.zone = nil
	if want := Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("the sample reads as\n%+v\nthe default is\n%+v", got, want)
	}
}

// TestSampleNamesEveryKey: a key that is added but not explained fails here.
func TestSampleNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	has := func(name string) bool {
		return regexp.MustCompile(`(?m)^#?` + name + ` = `).Match(text)
	}
	for path := range keys() {
		if name := path[strings.LastIndexByte(path, '.')+1:]; !has(name) {
			t.Errorf("the sample does not show %s", path)
		}
	}
	for name := range listenerKeys() {
		if !has(name) {
			t.Errorf("the sample does not show listener.%s", name)
		}
	}
	for name := range senderKeys() {
		if !has(name) {
			t.Errorf("the sample does not show sms.sender.%s", name)
		}
	}
}

// TestSampleExamplesAreGood: what is commented out must be right as well.
func TestSampleExamplesAreGood(t *testing.T) {
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("sample", uncommented(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Userdb.Home.Expand("alice@example.org"); got != "/var/vmail/example.org/alice" {
		t.Errorf("home = %q", got)
	}
	if len(c.Listeners) != 2 || c.Listeners[0].Owner != "postfix" || c.Listeners[0].Mode != 0o660 || c.Listeners[0].DistrustRIP ||
		c.Listeners[1].Place() != "127.0.0.1:12345" || !c.Listeners[1].DistrustRIP || !c.Listeners[1].IgnoreNoPenalty {
		t.Errorf("listeners = %+v", c.Listeners)
	}
	if got := c.TwoStep.Domains["cs.example.org"].String(); got != "2026-12-01" {
		t.Errorf("cs.example.org = %s", got)
	}
	if len(c.SMS.Senders) != 3 || c.SMS.Senders[0].Secrets["token"] != "/etc/latchkey/sms-token" || c.MailServers.SMTP.Port != 587 {
		t.Errorf("%+v, %+v", c.SMS.Senders, c.MailServers.SMTP)
	}
	if from, own := c.TwoStep.Domains["guests.example.org"]; !own || !from.IsZero() {
		t.Errorf("guests.example.org = %v, %v", from, own)
	}
}

// uncommented is the sample with all its examples in force.
func uncommented(text []byte) []byte {
	return regexp.MustCompile(`(?m)^#(\[|"|[a-z_0-9]+ = )`).ReplaceAll(text, []byte("$1"))
}

func TestParseEverything(t *testing.T) {
	c, err := Parse("x", []byte(`
data_dir = "/srv/latchkey/"
run_dir = "/run/lk"
log = { level = "debug" }
auth.mechanisms = ["plain"]
auth.default_domain = "Bücher.example"
auth.hash_workers = 0x3
auth.require_secured = true
[userdb]
uid = 5_000
gid = 4294967294
fields = ["quota_rule=*:storage=5%%", "mail=maildir:/v/%d/%n", "flag="]
[[listener]]
path = "/a"
kind = "master"
[[listener]]
path = "/b"
kind = "userdb"
mode = "0666"
[[listener]]
path = "/c"
kind = "login"
trust_rip = false
honour_no_penalty = false
[[listener]]
address = "127.0.0.1:12345"
kind = "client"
[[listener]]
address = "[::1]:12345"
kind = "client"
trust_rip = true
honour_no_penalty = true
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "/srv/latchkey" || c.Log.Level != slog.LevelDebug || c.Auth.DefaultDomain != "xn--bcher-kva.example" ||
		c.Auth.Workers != 3 || !c.Auth.RequireSecured || !reflect.DeepEqual(c.Auth.Mechanisms, []string{"PLAIN"}) {
		t.Errorf("%+v", c)
	}
	if *c.Userdb.UID != 5000 || *c.Userdb.GID != 4294967294 || len(c.Userdb.Fields) != 3 {
		t.Errorf("%+v", c.Userdb)
	}
	if got := c.Userdb.Fields[0].Value.Expand("u"); got != "*:storage=5%" {
		t.Errorf("field = %q", got)
	}
	want := []Listener{
		{Path: "/a", Kind: KindMaster, Mode: 0o660},
		{Path: "/b", Kind: KindUserdb, Mode: 0o666},
		{Path: "/c", Kind: KindLogin, Mode: 0o660, DistrustRIP: true, IgnoreNoPenalty: true},
		{Address: netip.MustParseAddrPort("127.0.0.1:12345"), Kind: KindClient, DistrustRIP: true, IgnoreNoPenalty: true},
		{Address: netip.MustParseAddrPort("[::1]:12345"), Kind: KindClient},
	}
	if !reflect.DeepEqual(c.Listeners, want) {
		t.Errorf("listeners = %+v", c.Listeners)
	}
	if got := c.SocketPaths().Admin; got != "/run/lk/admin" {
		t.Errorf("admin socket = %q", got)
	}
}

// TestBadFiles loads each testdata/bad/NAME.toml and wants the very message in
// NAME.txt. LATCHKEY_UPDATE=1 writes the messages, to be read before they are
// committed.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no bad files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(filepath.Base(file), text)
			var problems *Problems
			if !errors.As(err, &problems) {
				t.Fatalf("error = %v, want *Problems", err)
			}
			got, golden := err.Error()+"\n", strings.TrimSuffix(file, ".toml")+".txt"
			if os.Getenv("LATCHKEY_UPDATE") != "" {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if strings.Contains(got, "SECRET") {
				t.Error("a message repeats what stands in another line")
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.toml"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
}

func TestRefusal(t *testing.T) {
	c := Default()
	bare := c.Refusal()
	c.Portal.URL = "https://" + strings.Repeat("a", maxURL-8)
	long := c.Refusal()
	if !strings.HasSuffix(long, c.Portal.URL) {
		t.Errorf("the portal is not named: %q", long)
	}
	c.Auth.Refusal = "No."
	for _, s := range []string{bare, long, c.Refusal()} {
		text := value{kind: unstable.String, text: s}
		var set string
		if err := setRefusal(&set, text); err != nil {
			t.Errorf("%q %v", s, err)
		}
	}
	if c.Refusal() != "No." {
		t.Errorf("[auth] refusal is not used: %q", c.Refusal())
	}
}

func TestDurationRoundTrip(t *testing.T) {
	for _, s := range []string{"0s", "2s", "1.5s", "30m", "12h", "90d", "1d", "1h30m", "1m1s"} {
		d, err := ParseDuration(s)
		if err != nil || d.String() != s {
			t.Errorf("%q -> %q, %v", s, d, err)
		}
	}
	for _, s := range []string{"", "d", "-1d", "-2s", "2", "1.5d", "999999999999d", "200000d", "2 s"} {
		if d, err := ParseDuration(s); err == nil {
			t.Errorf("%q was read as %s", s, d)
		}
	}
}

func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/bad/*.toml")
	for _, file := range append(files, sample) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	text, err := os.ReadFile(sample)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uncommented(text))
	f.Add([]byte(everySender))
	f.Add([]byte("[mail_servers]\nimap = { host = \"h\" }\n[mail_sessions]\ncut = [\"doveadm\", \"kick\", \"%u\"]\n"))
	f.Add([]byte("[portal]\nurl = \"https://h\"\nlisten = \":443\"\nacme = true\n[two_step]\nbind_until = 2027-04-30\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("fuzz", text)
		if err != nil {
			var problems *Problems
			if c != nil || !errors.As(err, &problems) || len(problems.List) == 0 {
				t.Fatalf("%v, %v", c, err)
			}
			for _, p := range problems.List {
				if p.Text == "" || strings.ContainsFunc(p.Key, isControl) || strings.ContainsFunc(p.Text, isControl) {
					t.Errorf("problem %#v", p)
				}
			}
			return
		}
		if c.Auth.FailureDelay > Duration(3*second) || len(c.Auth.Mechanisms) == 0 || !filepath.IsAbs(c.DataDir) ||
			len(c.Refusal()) > maxRefusal || c.Userdb.Home.check() != nil {
			t.Errorf("a wrong value came through: %+v", c)
		}
		for _, l := range c.Listeners {
			if l.Kind == "" || (l.Path == "") != l.Address.IsValid() || l.Address.IsValid() && (l.Address.Port() == 0 || !l.Kind.SpeaksClient()) {
				t.Errorf("a wrong listener came through: %+v", l)
			}
		}
		p := c.Portal
		if p.SessionMax < p.SessionIdle || (p.Certificate == "") != (p.Key == "") || p.ACME && p.Listen == "" ||
			p.URL != "" && (p.Name == "" || utf8.RuneCountInString(p.Name) > maxHost) ||
			len(c.TwoStep.Countries) == 0 || c.TwoStep.ResendAfter >= c.TwoStep.CodeLifetime {
			t.Errorf("a wrong value came through: %+v, %+v", p, c.TwoStep)
		}
		if cut := c.MailSessions.Cut; len(cut) > 0 && checkProgram(cut[0]) != nil {
			t.Errorf("a wrong program came through: %q", cut)
		}
		for _, s := range c.SMS.Senders {
			if !slices.Contains(senderTypes(), s.Type) || s.Name == "" || s.Type == SMSHTTP == (s.URL == "") ||
				s.Type == SMSHTTP && checkGatewayURL(&s) != nil {
				t.Errorf("a wrong sender came through: %+v", s)
			}
		}
	})
}
