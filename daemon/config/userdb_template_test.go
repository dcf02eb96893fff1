package config

import "testing"

func TestTemplateExpand(t *testing.T) {
	for _, tt := range []struct{ template, user, want string }{
		{"/var/vmail/%d/%n", "alice@example.org", "/var/vmail/example.org/alice"},
		{"%u", "alice@example.org", "alice@example.org"},
		{"/home/%n/%d", "alice", "/home/alice/"},
		{"100%%u", "alice", "100%u"},
		{"%n", "%d%u@example.org", "%d%u"}, // filled in once
		{"plain", "alice", "plain"},
		{"", "alice", ""},
	} {
		if got := Template(tt.template).Expand(tt.user); got != tt.want {
			t.Errorf("%q for %q = %q, want %q", tt.template, tt.user, got, tt.want)
		}
	}
}

func TestTemplateCheck(t *testing.T) {
	for _, good := range []string{"", "%u%n%d%%", "/a b"} {
		if err := Template(good).check(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"%", "a%", "%x", "%é", "%%%", "a\tb", "a\nb"} {
		if Template(bad).check() == nil {
			t.Errorf("%q passed", bad)
		}
	}
}
