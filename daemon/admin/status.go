package admin

import (
	"context"
	"runtime/debug"
)

// Status is what a running daemon says of itself.
type Status struct {
	Version string   `json:"version"` // as the Go tool wrote it into the binary
	Sockets []Socket `json:"sockets"` // that it listens on for mail servers
}

// Socket is one of them.
type Socket struct {
	Kind  string `json:"kind"`  // as in [[listener]]
	Place string `json:"place"` // a path, or an address and port
}

// Version is that of this binary.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// StatusQuestion asks for it.
type StatusQuestion struct{}

func (h *Handler) status(context.Context, StatusQuestion) (Status, error) {
	s := Status{Version: Version(), Sockets: []Socket{}}
	if h.Sockets != nil {
		s.Sockets = append(s.Sockets, h.Sockets()...)
	}
	return s, nil
}
