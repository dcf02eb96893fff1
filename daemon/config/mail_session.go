package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// MailSessions is the section [mail_sessions].
type MailSessions struct {
	// Cut is the command, with its arguments, that ends mail sessions; empty =
	// none is run. %u stands for the address, %c for the credential's id, %% for
	// a percent sign, never in the first: which program runs is fixed.
	Cut []string
}

// Bounds of a command.
const (
	maxArguments = 64
	maxArgument  = 1024
)

func setCommand(to *[]string, v value) error {
	words, err := v.asStrings()
	if err != nil {
		return err
	}
	if len(words) == 0 {
		*to = nil
		return nil
	}
	if len(words) > maxArguments {
		return fmt.Errorf("has %d entries: at most %d", len(words), maxArguments)
	}
	if err := checkProgram(words[0]); err != nil {
		return err
	}
	for _, word := range words[1:] {
		if err := checkArgument(word); err != nil {
			return err
		}
	}
	*to = words
	return nil
}

// checkProgram takes an absolute path, or a name to be looked for in PATH.
func checkProgram(name string) error {
	switch {
	case name == "" || len(name) > maxArgument || strings.ContainsFunc(name, isControl):
		return errors.New("begins with no name of a program")
	case strings.ContainsAny(name, " \t"):
		return fmt.Errorf(`begins with %q: wants the program and each argument apart, as in ["doveadm", "kick", "%%u"]`, name)
	case strings.Contains(name, "%"):
		return errors.New("begins with a variable: the program is always the same one")
	case strings.Contains(name, "/") && !filepath.IsAbs(name):
		return fmt.Errorf("begins with %q: wants an absolute path or the plain name of a program", name)
	}
	return nil
}

func checkArgument(word string) error {
	if len(word) > maxArgument {
		return fmt.Errorf("has an argument of %d bytes: at most %d", len(word), maxArgument)
	}
	if strings.ContainsFunc(word, isControl) {
		return errors.New("contains a control character")
	}
	for i := 0; i < len(word); i++ {
		if word[i] != '%' {
			continue
		}
		i++
		if i == len(word) {
			return fmt.Errorf("%q ends with a lone %% (write %%%% for a percent sign)", word)
		}
		if strings.IndexByte("uc%", word[i]) < 0 {
			return fmt.Errorf("%q has the unknown variable %q (there are %%u, %%c and %%%%)", word, "%"+runeAt(word, i))
		}
	}
	return nil
}
