//go:build race

package examples

// raceDetector says that the daemon under test is built with it, too.
const raceDetector = true
