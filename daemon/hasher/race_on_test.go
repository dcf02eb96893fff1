//go:build race

package hasher

const raceEnabled = true
