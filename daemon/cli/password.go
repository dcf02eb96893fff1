package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/latchkey-mail/latchkey/store/secret"
)

// maxTyped bounds what is read of a password; what is too long for one is
// refused by whoever is asked.
const maxTyped = 4096

// newPassword reads a new password: from standard input, or twice from the
// terminal, without echo. It is never an argument, which every user of the
// machine can read.
func (a *app) newPassword(cmd *cobra.Command, address string, fromStdin bool) (secret.Secret, error) {
	if fromStdin {
		return a.passwordLine(cmd)
	}
	in, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return secret.Secret{}, &failure{status: exitUsage, sentence: "there is no terminal to ask for the password on",
			hint: "give the password on standard input, with --password-stdin"}
	}
	first, err := a.prompt(in, "new password for "+printable(address)+": ")
	if err != nil {
		return secret.Secret{}, err
	}
	again, err := a.prompt(in, "the same again: ")
	if err != nil {
		return secret.Secret{}, err
	}
	if first.Reveal() != again.Reveal() {
		return secret.Secret{}, &failure{status: exitFailed, sentence: "the two passwords are not the same"}
	}
	return first, nil
}

func (a *app) prompt(in *os.File, text string) (secret.Secret, error) {
	fmt.Fprint(a.err, text)
	typed, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(a.err)
	if err != nil {
		return secret.Secret{}, fmt.Errorf("reading the password: %w", err)
	}
	return nonEmpty(string(typed))
}

// passwordLine takes one line, with or without its end.
func (a *app) passwordLine(cmd *cobra.Command) (secret.Secret, error) {
	r := bufio.NewReader(io.LimitReader(a.in, maxTyped))
	line, err := r.ReadString('\n')
	if err != nil && err != io.EOF {
		return secret.Secret{}, fmt.Errorf("reading the password: %w", err)
	}
	if _, err := r.ReadByte(); err == nil {
		return secret.Secret{}, usage(cmd, "standard input has more than the one line of the password")
	}
	return nonEmpty(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
}

func nonEmpty(s string) (secret.Secret, error) {
	if s == "" {
		return secret.Secret{}, &failure{status: exitFailed, sentence: "the password is empty"}
	}
	if !utf8.ValidString(s) {
		return secret.Secret{}, &failure{status: exitFailed, sentence: "the password is not UTF-8 text",
			hint: "mail programs send passwords as UTF-8: set the terminal to it"}
	}
	return secret.New(s), nil
}
