package app

import (
	"slices"

	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger returns the logger that the options ask for. Every pass and every phase
// adds values to it, and few of them write a line.
func newLogger(o logger.Options) logr.Logger {
	log := logger.NewLogger(o)
	inner, ok := log.GetSink().(zapr.Underlier)
	if !ok {
		return log
	}
	return zapr.NewLogger(inner.GetUnderlying().WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return deferred{Core: core}
	})))
}

// deferred encodes the fields that were added to it once there is a line to write.
type deferred struct {
	zapcore.Core

	fields []zapcore.Field
}

// With adds fields.
func (d deferred) With(fields []zapcore.Field) zapcore.Core {
	return deferred{Core: d.Core, fields: slices.Concat(d.fields, fields)}
}

// Check has the line written if its level is, with the fields that were added.
func (d deferred) Check(entry zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !d.Enabled(entry.Level) {
		return to
	}
	return d.Core.With(d.fields).Check(entry, to)
}
