package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// CheckUserdbField says what is wrong with a userdb field of one account, as a
// sentence that goes on after its key. The value is a Template. It is stricter than
// [userdb] fields, which whoever may edit the file has to answer for.
func CheckUserdbField(key, value string) error {
	if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || key == "" || key[0] < 'a' {
		return errors.New("is no key: lower-case letters, digits and _, a letter first")
	}
	if strings.Contains(key, "pass") || strings.Contains(key, "secret") {
		return errors.New("looks like the name of a secret, which is no userdb field")
	}
	switch key {
	case "user", "user_apw":
		return errors.New("is set by latchkey itself")
	case "uid", "gid":
		if n, err := strconv.ParseUint(value, 10, 32); err != nil || n == 1<<32-1 || strconv.FormatUint(n, 10) != value {
			return errors.New("wants a number")
		} else if n == 0 {
			return errors.New("must not be 0: mail would be handled as root")
		}
	case "home":
		if !filepath.IsAbs(value) {
			return errors.New("wants an absolute path")
		}
	}
	if value == "" {
		return errors.New("has no value")
	}
	if err := Template(value).check(); err != nil {
		return fmt.Errorf("has a value that %w", err)
	}
	return nil
}
