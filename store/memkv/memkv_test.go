package memkv_test

import (
	"testing"

	"github.com/latchkey-mail/latchkey/store/kv"
	"github.com/latchkey-mail/latchkey/store/kvtest"
	"github.com/latchkey-mail/latchkey/store/memkv"
)

func TestEngine(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) kv.Engine {
		e := memkv.New()
		t.Cleanup(func() { e.Close() })
		return e
	})
}

func TestModel(t *testing.T) {
	kvtest.Model(t, func() (*kvtest.Reopener, error) {
		e := memkv.New()
		return &kvtest.Reopener{Engine: e, Close: e.Close}, nil
	})
}
