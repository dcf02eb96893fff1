package main

import (
	"fmt"
	"io"
)

// doorsTable compares latchkey's own doors and mechanisms with the first of them.
func (r *results) doorsTable(w io.Writer) {
	fmt.Fprintf(w, `## Doors and mechanisms

latchkey alone, with the same accounts, at %v. Its configuration offers SCRAM and has a [[listener]] for each other door.
Medians of %d rounds, in each of which all have their turn. The load comes from the process that writes this.

- PLAIN, LOGIN and SCRAM-SHA-256 are spoken on the Dovecot auth socket, and PLAIN also over TCP on loopback. Connections are
  kept there. LOGIN takes two messages more than PLAIN, SCRAM one.
- saslauthd and auth_http have a connection for each login, which is made within its age.
- SCRAM is measured with the first %d accounts only. The mail programs' side has derived its keys before the clock starts;
  the server tries the proof against two forms of %d app passwords.

| | logins/s | of PLAIN | p50 | p99 |
| --- | ---: | ---: | ---: | ---: |
`, serial, r.site.doorRounds(), scramAccounts, appPasswordsOfEach)
	for i, d := range r.doors {
		of := ""
		if i > 0 {
			of = fmt.Sprintf("%.2f ×", ratio(d.rounds, r.doors[0].rounds))
		}
		fmt.Fprintf(w, "| %s | %.0f | %s | %.2f ms | %.2f ms |\n", d.name, median(d.rounds, rate), of,
			median(d.rounds, milliseconds(p50)), median(d.rounds, milliseconds(p99)))
	}
	fmt.Fprintln(w)
}
