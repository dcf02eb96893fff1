// Latchkey is an authentication daemon for mail servers, and the command line
// to run and manage it.
package main

import (
	"os"
	_ "time/tzdata" // [two_step] timezone works on machines without zone files

	"github.com/latchkey-mail/latchkey/daemon/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
