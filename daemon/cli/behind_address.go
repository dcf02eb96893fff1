package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// behind is a verb that stands behind the address: latchkey devices ADDRESS delete ID.
// cobra knows only verbs that stand in front of all arguments.
type behind struct {
	verb  string
	takes []string // the arguments behind it
	run   func(q *question, args []string) error
}

// behindAddress makes cmd run one of verbs. Without one, usual is run; nil: there
// has to be one.
func (a *app) behindAddress(cmd *cobra.Command, usual *behind, verbs ...behind) *cobra.Command {
	cmd.DisableFlagsInUseLine = true
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		_, err := chosen(cmd, usual, verbs, args)
		return err
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		b, err := chosen(cmd, usual, verbs, args)
		if err != nil {
			return err
		}
		return a.asking(func(q *question, args []string) error {
			return b.run(q, append(args[:1:1], args[min(2, len(args)):]...))
		})(cmd, args)
	}
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) != 1 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return verbNames(verbs), cobra.ShellCompDirectiveNoFileComp
	}
	return cmd
}

// chosen is the verb that args ask for, once their number fits.
func chosen(cmd *cobra.Command, usual *behind, verbs []behind, args []string) (*behind, error) {
	names := verbNames(verbs)
	switch {
	case len(args) == 0:
		return nil, usage(cmd, "ADDRESS missing: "+cmd.UseLine())
	case slices.Contains(names, args[0]) && (len(args) == 1 || !slices.Contains(names, args[1])):
		f := usage(cmd, "the address stands in front of "+args[0])
		f.hint = fmt.Sprintf("%s ADDRESS %s", cmd.CommandPath(), args[0])
		return nil, f
	case len(args) == 1 && usual != nil:
		return usual, nil
	case len(args) == 1:
		return nil, usage(cmd, anyOf(names)+" missing: "+cmd.UseLine())
	}
	i := slices.Index(names, args[1])
	if i < 0 { // not repeated: nobody knows what it is
		return nil, usage(cmd, "behind the address stands "+anyOf(names))
	}
	b := &verbs[i]
	line := fmt.Sprintf("%s ADDRESS %s %s", cmd.CommandPath(), b.verb, strings.Join(b.takes, " "))
	switch n := len(args) - 2; {
	case n < len(b.takes):
		return nil, usage(cmd, strings.Join(b.takes[n:], " and ")+" missing: "+line)
	case n > len(b.takes):
		return nil, usage(cmd, "too many arguments: "+strings.TrimSpace(line))
	}
	return b, nil
}

func verbNames(verbs []behind) []string {
	names := make([]string, 0, len(verbs))
	for _, b := range verbs {
		names = append(names, b.verb)
	}
	return names
}

// anyOf is "list, untrust or delete".
func anyOf(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
