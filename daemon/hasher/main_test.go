package hasher

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets this test binary be its own worker (WorkerEnv) and the parent
// that is killed (parentEnv).
func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv(WorkerEnv) != "":
		err = Main(os.Stdin, os.Stdout)
	case os.Getenv(parentEnv) != "":
		err = runParent()
	default:
		goleak.VerifyTestMain(m)
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
