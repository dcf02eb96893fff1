package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/latchkey-mail/latchkey/daemon/bench"
)

const (
	portalRounds = 3           // at most
	ahead        = time.Second // a load on the portal runs that long before it is measured
)

// portalResults are the figures of the portal, one for each round.
type portalResults struct {
	views   map[viewing][]*bench.WebResult
	signIns []signInRound
}

func (s *site) portalRounds() int { return min(portalRounds, s.rounds) }

// measurePortal does all rounds on the portal.
func (s *site) measurePortal(ctx context.Context) (*portalResults, error) {
	p, err := makePortal(ctx, filepath.Join(s.dir, "portal"), university())
	if err != nil {
		return nil, err
	}
	running, err := s.startPortal(ctx, p)
	if err != nil {
		return nil, err
	}
	defer running.stop()
	r := &portalResults{views: make(map[viewing][]*bench.WebResult)}
	if err := s.measureViews(ctx, p, r); err != nil {
		return nil, fmt.Errorf("pages: %w\n%s", err, running.said())
	}
	if err := s.measureSignIns(ctx, p, running, r); err != nil {
		return nil, fmt.Errorf("sign-ins: %w\n%s", err, running.said())
	}
	return r, nil
}
