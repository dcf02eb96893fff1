package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/memkv"
)

func fullEvent() Event {
	return Event{
		Time: t0, Last: t0.Add(1500 * time.Millisecond), Count: 7, Kind: EventLogin, Outcome: Rejected,
		Reason: ReasonWrongSecret, Counted: true, AccountID: AccountID{1, 2}, Address: "u@example.org",
		Credential: "main-0102000000000000", Service: "imap", Mechanism: "PLAIN", Session: "s1", ClientID: "phone 📱",
		Addr: netip.MustParseAddr("192.0.2.1"), Network: netip.MustParsePrefix("192.0.2.0/24"), Secured: true,
		Actor: "owner", Detail: "detail",
	}
}

func TestEventRoundTrip(t *testing.T) {
	s := newStore(t)
	want := fullEvent()
	v := reflect.ValueOf(want)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "ID" {
			t.Errorf("the test's event leaves %s out", name)
		}
	}
	batch := []Event{want, {Time: t0.Add(time.Hour), Kind: EventLogin, Addr: netip.MustParseAddr("2001:db8::1%eth0")}}
	if err := s.WriteMerged(ctx, batch, nil); err != nil {
		t.Fatal(err)
	}
	got := events(t, s, EventQuery{})
	if len(got) != 2 || batch[0].ID.IsZero() {
		t.Fatalf("events %v", got)
	}
	want.ID = batch[0].ID
	if !reflect.DeepEqual(got[1], want) {
		t.Errorf("read %+v\nwant %+v", got[1], want)
	}
	if e := got[0]; e.Count != 1 || !e.Last.Equal(e.Time) || e.Addr != netip.MustParseAddr("2001:db8::1") {
		t.Errorf("defaults: %+v", e)
	}
	if id := want.ID; !id.Time().Equal(t0) {
		t.Errorf("id of %v says %v", t0, id.Time())
	}
	var parsed EventID
	if err := parsed.UnmarshalText([]byte(want.ID.String())); err != nil || parsed != want.ID {
		t.Errorf("id %v reads back as %v, %v", want.ID, parsed, err)
	}
}

func events(t testing.TB, s *Store, q EventQuery) []Event {
	t.Helper()
	page, err := s.Events(ctx, q)
	if err != nil {
		t.Fatalf("Events(%+v): %v", q, err)
	}
	return page
}

// details lists the events' Detail, for short comparisons.
func details(page []Event) string {
	var out []string
	for _, e := range page {
		out = append(out, e.Detail)
	}
	return strings.Join(out, " ")
}

func TestEventsNewestFirst(t *testing.T) {
	s := newStore(t)
	old, recreated := AccountID{1}, AccountID{2}
	update(t, s, func(w *Writer) error {
		var errs []error
		put := func(minute int, address string, id AccountID, detail string) {
			errs = append(errs, w.PutEvent(Event{Time: t0.Add(time.Duration(minute) * time.Minute), Kind: EventLogin,
				Address: address, AccountID: id, Detail: detail}))
		}
		put(1, "u@example.org", old, "1")
		put(3, "u@example.org", recreated, "3a")
		put(3, "u@example.org", recreated, "3b") // the same millisecond: the later written is newer
		put(2, "v@example.org", AccountID{3}, "2")
		put(4, "", AccountID{}, "4")
		put(0, "u@example.or", AccountID{4}, "0") // a prefix of another name
		return errors.Join(errs...)
	})
	for _, test := range []struct {
		query EventQuery
		want  string
	}{
		{EventQuery{}, "4 3b 3a 2 1 0"},
		{EventQuery{Limit: 2}, "4 3b"},
		{EventQuery{Address: "u@example.org"}, "3b 3a 1"},
		{EventQuery{Address: "u@example.org", AccountID: recreated}, "3b 3a"},
		{EventQuery{AccountID: old}, "1"},
		{EventQuery{Address: "v@example.org"}, "2"},
		{EventQuery{Address: "none@example.org"}, ""},
		{EventQuery{Since: t0.Add(2 * time.Minute)}, "4 3b 3a 2"},
		{EventQuery{Address: "u@example.org", Since: t0.Add(2 * time.Minute)}, "3b 3a"},
	} {
		if got := details(events(t, s, test.query)); got != test.want {
			t.Errorf("%+v: %s; want %s", test.query, got, test.want)
		}
	}
	for _, address := range []string{"", "u@example.org"} {
		whole, paged := details(events(t, s, EventQuery{Address: address})), []string{}
		q := EventQuery{Address: address, Limit: 1}
		for page := events(t, s, q); len(page) > 0; page = events(t, s, q) {
			paged = append(paged, details(page))
			q.After = page[0].ID
		}
		if got := strings.Join(paged, " "); got != whole {
			t.Errorf("pages of one: %s; want %s", got, whole)
		}
	}
}

func TestMergedEventGrows(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	batch := []Event{fullEvent()}
	if err := s.WriteMerged(ctx, batch, nil); err != nil {
		t.Fatal(err)
	}
	keys := countKeys(t, e)
	batch[0].Count, batch[0].Last = 9, t0.Add(time.Minute)
	if err := s.WriteMerged(ctx, batch, nil); err != nil {
		t.Fatal(err)
	}
	got := events(t, s, EventQuery{Address: "u@example.org"})
	if len(got) != 1 || got[0].Count != 9 || !got[0].Last.Equal(t0.Add(time.Minute)) || countKeys(t, e) != keys {
		t.Errorf("after growing: %+v", got)
	}
	if err := s.WriteMerged(ctx, make([]Event, maxMerged+1), nil); !errors.Is(err, ErrInvalidRecord) {
		t.Errorf("a batch beyond the bound: %v", err)
	}
}

// TestHostileEventTexts makes sure that what a client calls itself can neither
// lose an event nor grow the database.
func TestHostileEventTexts(t *testing.T) {
	s := newStore(t)
	e := fullEvent()
	e.Address, e.ClientID, e.Session = "u\x00@example.org", strings.Repeat("é", 400), "\xff\xfe ok"
	if err := s.WriteMerged(ctx, []Event{e}, nil); err != nil {
		t.Fatal(err)
	}
	got := events(t, s, EventQuery{})
	if len(got) != 1 || got[0].Kind != EventLogin || got[0].Session != " ok" || len(got[0].ClientID) > maxText || got[0].ClientID[:2] != "é" {
		t.Errorf("read %+v", got)
	}
	if got[0].Address != "" || !got[0].AccountID.IsZero() {
		t.Errorf("an impossible address was kept: %q", got[0].Address)
	}
}

func TestDamagedEventShows(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{})
	batch := []Event{fullEvent()}
	if err := s.WriteMerged(ctx, batch, nil); err != nil {
		t.Fatal(err)
	}
	replaceValue(t, e, string(eventKey(batch[0].ID)), []byte("damaged"))
	got := events(t, s, EventQuery{Address: "u@example.org"})
	if len(got) != 1 || got[0].Kind != EventDamaged || got[0].ID != batch[0].ID || !got[0].Time.Equal(t0) {
		t.Errorf("read %+v", got)
	}
	if n, err := s.PruneEvents(ctx, t0.Add(time.Hour), nil); n != 1 || err != nil || len(events(t, s, EventQuery{})) != 0 {
		t.Errorf("PruneEvents = %d, %v", n, err)
	}
	if got := countKeys(t, e); got != 2 { // schema and generation
		t.Errorf("%d keys are left", got)
	}
}

func TestPruneByAge(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{EventsPerNetwork: 1000})
	for hour := range 600 { // more than a page
		batch := []Event{{Time: t0.Add(time.Duration(hour) * time.Hour), Kind: EventLogin, Address: "u@example.org"}}
		if hour%2 == 0 {
			batch[0].Address = ""
		}
		if err := s.WriteMerged(ctx, batch, nil); err != nil {
			t.Fatal(err)
		}
	}
	pauses := 0
	n, err := s.PruneEvents(ctx, t0.Add(595*time.Hour), func() { pauses++ })
	if n != 595 || err != nil {
		t.Errorf("PruneEvents = %d, %v; want 595", n, err)
	}
	if pauses != 4 { // three pages of old events, one of what is listed still
		t.Errorf("%d pauses, want 4", pauses)
	}
	leaving, leave := context.WithCancel(ctx)
	if n, err := s.PruneEvents(leaving, t0.Add(595*time.Hour), leave); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("PruneEvents, stopped in a pause = %d, %v", n, err)
	}
	if left := events(t, s, EventQuery{}); len(left) != 5 || !left[4].Time.Equal(t0.Add(595*time.Hour)) {
		t.Errorf("%d events left", len(left))
	}
	if n, err := s.PruneEvents(ctx, t0.Add(595*time.Hour), nil); n != 0 || err != nil {
		t.Errorf("PruneEvents again = %d, %v", n, err)
	}
	if n, err := s.PruneEvents(ctx, t0.Add(1000*time.Hour), nil); n != 5 || err != nil || countKeys(t, e) != 2 {
		t.Errorf("PruneEvents of all = %d, %v, %d keys left", n, err, countKeys(t, e))
	}
}

// TestEventCaps writes far more than is kept and looks both at what WriteMerged
// holds at once and at what PruneEvents leaves.
func TestEventCaps(t *testing.T) {
	e := memkv.New()
	s := openStore(t, e, Options{EventsPerAccount: 20, EventsPerNetwork: 10, EventsOfUnknown: 50})
	write := func(i int, address, network string) {
		ev := Event{Time: t0.Add(time.Duration(i) * time.Second), Kind: EventLogin, Address: address, Detail: fmt.Sprint(i)}
		if network != "" {
			ev.Network = netip.MustParsePrefix(network)
		}
		if err := s.WriteMerged(ctx, []Event{ev}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		write(i, "u@example.org", "")
		write(i, "v@example.org", "")
		write(i, "", "192.0.2.0/24")
		write(i, "", fmt.Sprintf("10.%d.0.0/16", i))
	}
	slack := func(limit int) int { return limit + limit/10 + 1 }
	if n := len(events(t, s, EventQuery{Address: "u@example.org"})); n < 20 || n > slack(20) {
		t.Errorf("%d events of an address, cap 20", n)
	}
	if n := countOwner(t, e, ownerNetworkPrefix(netip.MustParsePrefix("192.0.2.0/24"))); n > slack(10) {
		t.Errorf("%d events of a network, cap 10", n)
	}
	if n := countOwner(t, e, ownerUnknownPrefix()); n > slack(50) {
		t.Errorf("%d events of unknown names, cap 50", n)
	}
	if _, err := s.PruneEvents(ctx, t0, nil); err != nil {
		t.Fatal(err)
	}
	u := events(t, s, EventQuery{Address: "u@example.org"})
	if len(u) != 20 || u[0].Detail != "99" || u[19].Detail != "80" {
		t.Errorf("kept %s", details(u))
	}
	if n := countOwner(t, e, ownerNetworkPrefix(netip.MustParsePrefix("192.0.2.0/24"))); n > 10 {
		t.Errorf("%d events of a network after pruning", n)
	}
	if n := countOwner(t, e, ownerUnknownPrefix()); n != 50 {
		t.Errorf("%d events of unknown names after pruning, not 50", n)
	}
	if all := len(events(t, s, EventQuery{Limit: 1000})); all != 20+20+50 {
		t.Errorf("%d events in all, not 90", all)
	}
}

func countOwner(t testing.TB, e kv.Engine, prefix []byte) int {
	t.Helper()
	n := 0
	err := e.View(ctx, func(r kv.Reader) error {
		return r.Scan(prefix, nil, func(_, _ []byte) error { n++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOwnerNetworks(t *testing.T) {
	seen := map[string]string{}
	for _, n := range []string{"192.0.2.0/24", "192.0.2.0/25", "192.0.3.0/24", "2001:db8::/64", "2001:db8::/48", "::/0", "0.0.0.0/0"} {
		key := string(ownerNetworkPrefix(netip.MustParsePrefix(n)))
		if len(key) != 19 || seen[key] != "" {
			t.Errorf("%s has the key of %s", n, seen[key])
		}
		seen[key] = n
	}
	if string(ownerNetworkPrefix(netip.MustParsePrefix("192.0.2.9/24"))) != string(ownerNetworkPrefix(netip.MustParsePrefix("192.0.2.0/24"))) {
		t.Error("a network's host bits tell it from itself")
	}
	ownerNetworkPrefix(netip.Prefix{}) // an event without one
}

func TestClosedLists(t *testing.T) {
	kinds, reasons := map[EventKind]bool{}, map[Reason]bool{}
	for _, k := range EventKinds() {
		if kinds[k] || k == "" || k.String() != string(k) {
			t.Errorf("kind %q", k)
		}
		kinds[k] = true
	}
	for _, r := range Reasons() {
		if reasons[r] || r == "" || r.String() != string(r) {
			t.Errorf("reason %q", r)
		}
		reasons[r] = true
	}
	for _, o := range []Outcome{Undecided, Rejected, Accepted} {
		var back Outcome
		text, _ := o.MarshalText()
		if err := back.UnmarshalText(text); err != nil || back != o {
			t.Errorf("%v reads back as %v", o, back)
		}
	}
	if Outcome(0) != Undecided || Outcome(77).String() != "undecided" {
		t.Error("what is not known must read as undecided")
	}
}

// TestOutcomeInJSON: a verdict has its outcome, "undecided" too; a change has none.
func TestOutcomeInJSON(t *testing.T) {
	for _, kind := range EventKinds() {
		e := Event{Time: t0, Last: t0, Kind: kind, ClientID: "<a&b>"}
		want := ""
		if kind == EventLogin || kind == EventLookup {
			want = "undecided"
		}
		var line bytes.Buffer
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		var got struct{ Outcome, Kind string }
		if err := errors.Join(enc.Encode(e), json.Unmarshal(line.Bytes(), &got)); err != nil {
			t.Fatal(err)
		}
		if got.Outcome != want || got.Kind != string(kind) || !strings.Contains(line.String(), "<a&b>") {
			t.Errorf("%s", &line)
		}
		var back Event
		if err := json.Unmarshal(line.Bytes(), &back); err != nil || back != e {
			t.Errorf("%+v, %v", back, err)
		}
	}
}
