package cli

import (
	"net/netip"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

func TestBrowserWords(t *testing.T) {
	for userAgent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                        "Firefox 140 on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0":           "Edge 138 on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1": "Safari 18 on iPhone",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36":                   "Chrome 138 on Android",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                   "Safari 18 on macOS",
		"":            "unknown",
		"\x1b[2J/1.0": "?",
	} {
		if got := browserWords(userAgent); got != want {
			t.Errorf("%q is %q, want %q", userAgent, got, want)
		}
	}
}

func TestPrintDevices(t *testing.T) {
	a, out, _ := testApp()
	now := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	a.now = func() time.Time { return now }
	from := netip.MustParseAddr("192.0.2.7")
	a.printBrowsers(out, []accounts.BrowserDevice{
		{ID: store.DeviceID{1}, UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", First: now.Add(-48 * time.Hour),
			Last: now, Addr: from, Trusted: now.Add(-time.Hour), TrustedUntil: now.Add(time.Hour), Sessions: 1},
		{ID: store.DeviceID{2}, First: now, Last: now, Trusted: now.Add(-time.Hour), TrustedUntil: now}, // over this very moment
	})
	a.printPrograms(out, []accounts.Program{
		{AppPassword: store.AppPasswordID{1}, Name: "Alice's phone", Service: "imap", ClientID: "name=Foxmail", Addr: from, Last: now, Count: 1200, State: store.Live},
		{Service: "smtp", Last: now, Count: 1},
		{AppPassword: store.AppPasswordID{2}, Name: "scanner", Service: "smtp", Last: now, Count: 2, State: store.Revoked, Refused: true, Reason: store.ReasonRevoked},
		{Service: "imap", ClientID: "x\x1b", Last: now, Count: 3, Refused: true, Reason: store.ReasonWrongSecret},
	})
	const want = `ID                TRUSTED                 FIRST SEEN        LAST SEEN         FROM       SESSIONS  BROWSER
0100000000000000  until 2026-12-01 09:00  2026-11-29 08:00  2026-12-01 08:00  192.0.2.7  1         Firefox 140 on Linux
0200000000000000  no                      2026-12-01 08:00  2026-12-01 08:00  –          0         unknown
APP PASSWORD      STATE                              LAST TIME         TIMES  SERVICE  FROM       NAME AND PROGRAM
0100000000000000  live                               2026-12-01 08:00  1,200  imap     192.0.2.7  Alice's phone, name=Foxmail
–                 main password                      2026-12-01 08:00  1      smtp     –          –
0200000000000000  refused: revoked                   2026-12-01 08:00  2      smtp     –          scanner
–                 keeps being refused: wrong secret  2026-12-01 08:00  3      imap     –          x?
`
	if out.String() != want {
		t.Errorf("%s", out)
	}
}
