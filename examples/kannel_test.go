package examples

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// kannel is a whole Kannel running examples/sms-kannel: bearerbox, smsbox, and
// as the handset the program that Kannel has for it.
type kannel struct {
	bearerbox, smsbox *process
	handset           *handset
	logs              string   // folder of what bearerbox and smsbox write by themselves
	ports             []string // admin, smsbox, sendsms and the fake carrier's, as in kannel.conf
	sendsms           string   // address
}

// newKannel starts it on free ports, in the place's folder.
func newKannel(t *testing.T, p *place) *kannel {
	t.Helper()
	example, err := os.ReadFile("sms-kannel/kannel.conf")
	if err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 4)
	k := &kannel{logs: p.folder(t, "kannel", "root", 0o755), ports: ports, sendsms: "127.0.0.1:" + ports[2]}
	conf := p.write(t, "kannel.conf", strings.NewReplacer(
		"= 13000\n", "= "+ports[0]+"\n",
		"= 13001\n", "= "+ports[1]+"\n",
		"= 13013\n", "= "+ports[2]+"\n",
		"= 10000\n", "= "+ports[3]+"\n",
		"/var/log/kannel", k.logs,
	).Replace(string(example)))

	k.bearerbox = start(t, "bearerbox", exec.Command("bearerbox", "-v", "1", conf), "entering mainloop")
	k.smsbox = start(t, "smsbox", exec.Command("smsbox", "-v", "1", conf), "Connected to bearerbox")
	// It sends nothing (-m 0) and prints what it is sent.
	fake := exec.Command("/usr/lib/kannel/test/fakesmsc", "-H", "127.0.0.1", "-r", ports[3], "-i", "1", "-m", "0", "100 200 text x")
	k.handset = &handset{process: start(t, "handset", fake, "fakesmsc starting")}
	if !k.bearerbox.log.await("Fakesmsc client connected", patience) {
		t.Fatal("the handset does not reach bearerbox")
	}
	return k
}

// handset is the phone: the text messages that arrived.
type handset struct {
	*process
	read  int      // lines of its log that were looked at
	codes []string // that came so far
}

// text is one message as a phone shows it.
type text struct {
	from, to, body string
}

// next waits for the next message. What arrived in parts is put together.
func (h *handset) next(t *testing.T) text {
	t.Helper()
	var whole text
	for {
		line, read, found := h.log.awaitAfter(h.read, "Got message ", patience)
		if !found {
			t.Fatal("no text message arrived")
		}
		h.read = read
		part, more, err := parseText(line)
		if err != nil {
			t.Fatal(err)
		}
		whole = text{part.from, part.to, whole.body + part.body}
		if !more {
			h.codes = append(h.codes, sixDigits.FindAllString(whole.body, -1)...)
			return whole
		}
	}
}

// gotMessage is how the handset prints a message: "text" is followed by the text
// itself, "ucs-2" by percent-encoded UTF-16BE (a blank is a plus), and a part of
// a longer one by its header, "data" and the same (smsc_fake.c in Kannel).
var gotMessage = regexp.MustCompile(`Got message \d+: <(\S+) (\S+) (text|ucs-2|udh (\S+) data) (.*)>$`)

func parseText(line string) (got text, more bool, err error) {
	m := gotMessage.FindStringSubmatch(line)
	if m == nil {
		return text{}, false, fmt.Errorf("the handset printed %q", line)
	}
	got = text{from: m[1], to: m[2], body: m[5]}
	if m[3] == "text" {
		return got, false, nil
	}
	got.body, err = decodeUCS2(m[5])
	if err == nil && m[4] != "" {
		more, err = morePartsFollow(m[4])
	}
	return got, more, err
}

func decodeUCS2(escaped string) (string, error) {
	raw, err := url.QueryUnescape(escaped)
	if err != nil || len(raw)%2 != 0 {
		return "", fmt.Errorf("the handset printed %d bytes of UTF-16: %w", len(raw), err)
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
	}
	return string(utf16.Decode(units)), nil
}

// morePartsFollow reads the header of a concatenated message (3GPP TS 23.040,
// 9.2.3.24.1): 5, 0, 3, reference, how many, which.
func morePartsFollow(escaped string) (bool, error) {
	header, err := url.QueryUnescape(escaped)
	if err != nil || len(header) != 6 {
		return false, fmt.Errorf("the handset printed the header %q: %w", escaped, err)
	}
	return header[5] < header[4], nil
}

// sixDigits is what a code looks like. A Chinese letter is no part of a word to \b.
var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// code gives the only six digits of the message.
func (m text) code(t *testing.T) string {
	t.Helper()
	found := sixDigits.FindAllString(m.body, -1)
	if len(found) != 1 {
		t.Fatalf("want one code in the message %q", m.body)
	}
	return found[0]
}

// TestKannel sends by hand what latchkey's sender sends, and reads it on the
// handset: the gateway is understood before anything is built on it.
func TestKannel(t *testing.T) {
	requirePeers(t, gatewayPeers)
	k := newKannel(t, newPlace(t))
	for _, want := range []text{
		{"latchkey", "+8613812345678", "mail.example.org: 123456 is your code to sign in. It's good for 5 minutes, 100 % & <never> a+b."},
		{"latchkey", "+8613812345678", "【邮件】验证码 234567，用于登录，5 分钟内有效。"},
		{"latchkey", "+8613900000000", strings.Repeat("一个很长的短信，", 15) + "345678"},
	} {
		mustRun(t, "", "curl", "-sS", "--fail", "--get", "http://"+k.sendsms+"/cgi-bin/sendsms",
			"--data-urlencode", "username=latchkey", "--data-urlencode", "password=change-me", "--data-urlencode", "from="+want.from,
			"--data-urlencode", "to="+want.to, "--data", "coding=2", "--data", "charset=UTF-8", "--data-urlencode", "text="+want.body)
		if got := k.handset.next(t); got != want {
			t.Errorf("sent %+v, the handset shows %+v", want, got)
		}
	}
	k.mustListenOnLoopback(t)
	if !slices.Equal(k.handset.codes, []string{"123456", "234567", "345678"}) {
		t.Errorf("the codes were %q", k.handset.codes)
	}
	k.mustNotLog(t, k.handset.codes...)
}

// mustListenOnLoopback knocks from beside: who listens on 127.0.0.1 alone is not
// there at 127.0.0.2, who listens everywhere is. The fake carrier's port is the
// one exception that kannel.conf names.
func (k *kannel) mustListenOnLoopback(t *testing.T) {
	t.Helper()
	for i, port := range k.ports {
		conn, err := net.Dial("tcp", "127.0.0.2:"+port)
		if err == nil {
			conn.Close()
		}
		if open, fake := err == nil, i == len(k.ports)-1; open != fake {
			t.Errorf("port %d of kannel.conf is open to everywhere: %v", i+1, open)
		}
	}
}

// mustNotLog looks for secrets in the log files.
func (k *kannel) mustNotLog(t *testing.T, secrets ...string) {
	t.Helper()
	if len(secrets) == 0 {
		t.Fatal("no secrets to look for")
	}
	files, err := filepath.Glob(filepath.Join(k.logs, "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("want two log files, got %q, %v", files, err)
	}
	for _, file := range files {
		log, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets {
			if strings.Contains(string(log), secret) {
				t.Errorf("%s holds %q", file, secret)
			}
		}
	}
}
