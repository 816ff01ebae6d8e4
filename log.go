package idpool

import (
	"context"
	"log/slog"

	"github.com/idpool/idpool/fault"
)

// faultLog adds the fault that happened to a request to its lines of the log, so
// that an injected failure is not taken for a real one there either.
type faultLog struct{ slog.Handler }

// Handle implements slog.Handler.
func (h faultLog) Handle(ctx context.Context, line slog.Record) error {
	if id := fault.ID(ctx); id != "" {
		line = line.Clone()
		line.AddAttrs(slog.String("fault", id))
	}
	return h.Handler.Handle(ctx, line)
}

// WithAttrs implements slog.Handler.
func (h faultLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return faultLog{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h faultLog) WithGroup(name string) slog.Handler { return faultLog{h.Handler.WithGroup(name)} }
