package config

import "testing"

func TestCheckUserdbField(t *testing.T) {
	for _, good := range [][2]string{
		{"uid", "5001"}, {"gid", "4294967294"}, {"home", "/srv/%d/%n"}, {"quota_rule", "*:storage=5G"}, {"quota_rule2", "Trash:storage=+10%%"},
		{"mail", "maildir:~/Maildir:INBOX=~/%u"}, {"x", "é"},
	} {
		if err := CheckUserdbField(good[0], good[1]); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range [][2]string{
		{"", "x"}, {"UID", "1"}, {"a-b", "x"}, {"a=b", "x"}, {"_a", "x"}, {"1a", "x"}, {"é", "x"}, {"a\tb", "x"},
		{"user", "x"}, {"user_apw", "x"}, {"pass", "x"}, {"password", "x"}, {"nopassword", "y"}, {"mail_crypt_private_password", "x"}, {"client_secret", "x"},
		{"uid", "0"}, {"uid", "00"}, {"uid", "vmail"}, {"uid", "-1"}, {"uid", "+1"}, {"uid", "05"}, {"uid", "4294967295"}, {"uid", "4294967296"}, {"uid", ""}, {"gid", "0"}, {"uid", "%n"},
		{"home", ""}, {"home", "relative"}, {"home", "/%x"}, {"a", ""}, {"a", "%"}, {"a", "a\tb"}, {"a", "a\nb"}, {"a", "\x00"},
	} {
		if CheckUserdbField(bad[0], bad[1]) == nil {
			t.Errorf("%q passed", bad)
		}
	}
}
