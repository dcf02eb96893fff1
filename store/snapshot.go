package store

import (
	"context"
	"io"

	"github.com/latchkey-mail/latchkey/store/kv"
)

// Snapshot writes a consistent copy of the database to w while it is in use:
// what was acknowledged before is in it. w should be a local file, never a peer
// that may stall (kv.Snapshotter). ErrNoSnapshot means that the engine has none.
func (s *Store) Snapshot(ctx context.Context, w io.Writer) error {
	engine, ok := s.engine.(kv.Snapshotter)
	if !ok {
		return ErrNoSnapshot
	}
	return engine.Snapshot(ctx, w)
}
