package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// usage is a wrong command line. What it says repeats no argument that may have
// been a password.
func usage(cmd *cobra.Command, sentence string) *failure {
	return &failure{status: exitUsage, sentence: sentence, hint: "see " + cmd.CommandPath() + " --help"}
}

// takes is the check for a command that takes exactly these arguments.
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == len(names):
			return nil
		case len(names) == 0:
			return usage(cmd, cmd.CommandPath()+" takes no arguments")
		case len(args) < len(names):
			return usage(cmd, strings.Join(names[len(args):], " and ")+" missing: "+cmd.UseLine())
		default:
			return usage(cmd, fmt.Sprintf("too many arguments: %s takes %s", cmd.CommandPath(), strings.Join(names, " and ")))
		}
	}
}

// takesMore is takes for a command whose last argument may come several times.
func takesMore(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		return takes(names...)(cmd, args[:min(len(args), len(names))])
	}
}

// mayTake is the check for a command with one argument that may be left out.
func mayTake(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage(cmd, fmt.Sprintf("too many arguments: %s takes %s or nothing", cmd.CommandPath(), name))
		}
		return nil
	}
}

// subcommand is the check for a command that only has others below it.
func subcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	f := usage(cmd, fmt.Sprintf("unknown command %q", printable(args[0])))
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		f.hint = fmt.Sprintf("do you mean %s %s?", cmd.CommandPath(), strings.Join(like, " or "))
	}
	return f
}

// flagError cuts off what pflag repeats of the command line: the rest of a
// wrong shorthand may be a password ("-phunter2").
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	if strings.HasPrefix(text, "unknown shorthand flag: ") {
		text, _, _ = strings.Cut(text, " in -")
	}
	return usage(cmd, text)
}
