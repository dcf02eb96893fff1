package accountfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// passdbFields are the extra fields that Dovecot's passdbs know (Dovecot:
// doc/wiki PasswordDatabase.ExtraFields, and auth_request_set_field in
// src/auth/auth-request.c). They say how a login goes on, which nothing here can
// keep. Other words are not repeated: a password with a colon in it shifts what
// stands behind it.
func passdbFields() []string {
	return []string{"allow_nets", "allow_real_nets", "delay_until", "destuser", "fail", "host", "hostip", "k5principals", "login_user",
		"master", "master_user", "noauthenticate", "nodelay", "nopassword", "original_user", "pass", "password", "port", "proxy",
		"proxy_maybe", "proxy_mech", "proxy_noauth", "proxy_timeout", "reason", "source_ip", "ssl", "starttls", "temp", "user"}
}

// parsePasswd reads "user:password:uid:gid:gecos:home:shell:extra fields". Columns
// may be missing from the end; the extra fields are words, and may have colons.
func parsePasswd(text string, r *row) error {
	columns := []string{"user", "password", "uid", "gid", "gecos", "home", "shell"}
	for i, value := range strings.SplitN(text, ":", len(columns)+1) {
		if i == len(columns) {
			return r.extra(value)
		}
		if err := r.set(columns[i], value); err != nil {
			return err
		}
	}
	return nil
}

func (r *row) extra(words string) error {
	for _, word := range strings.Split(words, " ") {
		if word == "" {
			continue
		}
		key, value, _ := strings.Cut(word, "=")
		switch {
		case strings.HasPrefix(key, "userdb_"):
			if err := r.set(key, value); err != nil {
				return err
			}
		case key == "nologin":
			if value != "" && value != "y" && value != "yes" {
				return errors.New("the field nologin is not yes")
			}
			r.Disabled = true
		case slices.Contains(passdbFields(), key):
			return fmt.Errorf("the field %s cannot be kept", key)
		default:
			return errors.New("an extra field that is neither nologin nor begins with userdb_ cannot be kept")
		}
	}
	return nil
}
