package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey-mail/latchkey/daemon"
	"github.com/latchkey-mail/latchkey/daemon/admin"
	"github.com/latchkey-mail/latchkey/daemon/config"
	"github.com/latchkey-mail/latchkey/daemon/doctor"
	"github.com/latchkey-mail/latchkey/sasl"
)

// diagnosis is the record of doctor.
type diagnosis struct {
	OK       bool            `json:"ok"` // no door is open to main passwords
	Open     int             `json:"open"`
	Warnings int             `json:"warnings"`
	Reports  []doctor.Report `json:"reports"`
}

const doctorLong = `Look at this machine: whether the daemon answers and its sockets are there, whether
the mail servers' users may connect to them, the key file, the disk and the clock;
and whether Dovecot and Postfix, by the configuration that doveconf and postconf
print, ask latchkey at every door that takes passwords.

A door that asks somebody else is named with the lines to change, and the exit status
is 1: there a main password opens what latchkey would keep closed. A server that is
not on this machine is no mistake. Warnings do not change the exit status. Nothing is
changed. Run it as root: others may not look everywhere.

What is judged is the configuration. A server that was not restarted since may still
do what it did before.`

func (a *app) doctor() *cobra.Command {
	var m doctor.Machine
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "look at this machine, and whether every mail door asks latchkey",
		Long:  doctorLong,
		Args:  takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			d := a.diagnose(cmd.Context(), cfg, &m)
			if err := record(a, d, func(w io.Writer) { printDiagnosis(w, d) }); err != nil || d.OK {
				return err
			}
			return &failure{status: exitFailed, sentence: plural(d.Open, "door is", "doors are") + " open to main passwords",
				hint: "change the lines above, restart the server, and run this again"}
		},
	}
	cmd.Flags().StringVar(&m.DovecotConfig, "dovecot-config", "", "Dovecot's configuration `FILE` (default its own)")
	cmd.Flags().StringVar(&m.PostfixConfig, "postfix-config", "", "Postfix's configuration `FOLDER` (default its own)")
	return cmd
}

func (a *app) diagnose(ctx context.Context, cfg *config.Config, m *doctor.Machine) *diagnosis {
	for _, mechanism := range sasl.Mechanisms() {
		if mechanism.Binds && slices.Contains(cfg.Auth.Mechanisms, mechanism.Name) {
			m.Binding = append(m.Binding, mechanism.Name)
		}
	}
	reports := []doctor.Report{
		askStatus(ctx, cfg, m),
		checkPlaces(cfg),
		m.CheckSockets(ctx),
		doctor.CheckSystem(cfg.DataDir, filepath.Join(cfg.DataDir, daemon.KeyFile), a.now().In(a.zone)),
		m.Dovecot(ctx),
		m.Postfix(ctx),
	}
	d := &diagnosis{Open: doctor.Count(reports, doctor.Open), Warnings: doctor.Count(reports, doctor.Warning)}
	d.OK = d.Open == 0
	for _, r := range reports {
		if len(r.Findings) > 0 {
			d.Reports = append(d.Reports, r)
		}
	}
	return d
}

// askStatus asks the daemon for its version and sockets; where none answers, the
// sockets are those of the configuration.
func askStatus(ctx context.Context, cfg *config.Config, m *doctor.Machine) doctor.Report {
	r := doctor.Report{Part: "Daemon"}
	say := func(l doctor.Level, text string) {
		r.Findings = append(r.Findings, doctor.Finding{Level: l, Text: printable(text)})
	}
	socket := cfg.SocketPaths().Admin
	var status admin.Status
	client, closeClient, err := dial(socket)
	if err == nil {
		status, err = client.Status(ctx)
		err = errors.Join(err, closeClient())
	}
	switch {
	case err == nil && status.Version != admin.Version():
		say(doctor.Warning, fmt.Sprintf("the daemon on %s is version %s, this command %s: restart the daemon", socket, status.Version, admin.Version()))
	case err == nil:
		say(doctor.Good, fmt.Sprintf("latchkey %s answers on %s", status.Version, socket))
	case noDaemon(err):
		say(doctor.Warning, "no daemon answers on "+socket+"; so only the sockets of its configuration are known, none that systemd holds for it")
	default:
		f := explain(err)
		say(doctor.Warning, f.sentence+"; "+f.hint)
	}
	m.Running = err == nil
	for _, s := range status.Sockets {
		m.Sockets = append(m.Sockets, doctor.Socket{Kind: config.Kind(s.Kind), Place: s.Place})
	}
	if !m.Running {
		m.Sockets = configuredSockets(cfg)
	}
	return r
}

func configuredSockets(cfg *config.Config) []doctor.Socket {
	paths := cfg.SocketPaths()
	all := []doctor.Socket{{Kind: config.KindClient, Place: paths.Client}, {Kind: config.KindMaster, Place: paths.Master}, {Kind: config.KindUserdb, Place: paths.Userdb}}
	for _, l := range cfg.Listeners {
		all = append(all, doctor.Socket{Kind: l.Kind, Place: l.Place()})
	}
	return all
}

// checkPlaces is what config check says about the places of the sockets.
func checkPlaces(cfg *config.Config) doctor.Report {
	r := doctor.Report{Part: "Configuration"}
	say := func(list []config.Problem) {
		for _, p := range list {
			r.Findings = append(r.Findings, doctor.Finding{Level: doctor.Warning, Text: printable(p.Key + ": " + p.Text)})
		}
	}
	found, err := daemon.CheckDoors(cfg, daemon.DoorCheck{})
	if err != nil {
		r.Findings = append(r.Findings, doctor.Finding{Level: doctor.Warning, Text: printable(err.Error())})
	}
	say(found.Wrong)
	say(found.Doubtful)
	return r
}

func printDiagnosis(w io.Writer, d *diagnosis) {
	for i, r := range d.Reports {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, r.Part)
		for _, f := range r.Findings {
			fmt.Fprintf(w, "  %-8s %s\n", levelWord(f.Level), f.Text)
			for _, line := range f.Fix {
				fmt.Fprintln(w, strings.TrimRight(strings.Repeat(" ", 13)+line, " "))
			}
		}
	}
	switch {
	case d.OK && d.Warnings == 0:
		fmt.Fprintln(w, "\nevery door asks latchkey")
	case d.OK:
		fmt.Fprintf(w, "\nevery door asks latchkey; %s\n", plural(d.Warnings, "warning", "warnings"))
	}
}

func levelWord(l doctor.Level) string {
	switch l {
	case doctor.Open:
		return "OPEN"
	case doctor.Good:
		return "ok"
	case doctor.Note:
		return "–"
	default:
		return string(l)
	}
}
