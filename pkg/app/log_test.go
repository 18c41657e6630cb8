package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// Values are encoded when a line is written, those of each logger with its own lines.
func TestDeferredFields(t *testing.T) {
	inner, lines := observer.New(zapcore.InfoLevel)
	added := 0
	base := zap.New(deferred{Core: counting{inner, &added}})
	one := base.With(zap.String("object", "a")).With(zap.String("phase", "build"))
	other := base.With(zap.String("object", "b"))

	one.Debug("nobody reads this")
	if added != 0 {
		t.Errorf("encoded for a line that is not written: %d times", added)
	}
	one.Info("first", zap.Int("n", 1))
	other.Info("second")
	if added != 2 {
		t.Errorf("two lines encoded the fields %d times", added)
	}
	var got []map[string]any
	for _, line := range lines.All() {
		got = append(got, line.ContextMap())
	}
	want := []map[string]any{{"object": "a", "phase": "build", "n": int64(1)}, {"object": "b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// counting counts how often fields are added to it.
type counting struct {
	zapcore.Core

	added *int
}

func (c counting) With(fields []zapcore.Field) zapcore.Core {
	*c.added++
	return counting{c.Core.With(fields), c.added}
}
