package idpool

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

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

// loggable is what a client sent as far as a log may have it: people paste
// tokens and secrets into the wrong place.
func loggable(s string) string {
	if len(s) > 200 || strings.Contains(s, "eyJ") {
		return fmt.Sprintf("%.8s… (%d bytes)", s, len(s))
	}
	return s
}

// noted is a text of a client's as journal and log have it.
func (s *Scope) noted(text string) string {
	if text == "" {
		return ""
	}
	return strings.Clone(loggable(s.current().idp.Loggable(text)))
}

// said is a sentence of idpool's own, which may quote a client, as the journal has
// it.
func (s *Scope) said(text string) string {
	for i := strings.Index(text, "eyJ"); i >= 0; i = strings.Index(text, "eyJ") {
		end := strings.IndexFunc(text[i:], func(r rune) bool { return !isTokenRune(r) })
		if end < 0 {
			end = len(text) - i
		}
		text = text[:i] + " (a token)" + text[i+end:]
	}
	var out strings.Builder
	for word := range strings.SplitAfterSeq(text, " ") { // of a long text Loggable keeps the beginning
		out.WriteString(s.current().idp.Loggable(word))
	}
	return out.String()
}

func isTokenRune(r rune) bool {
	return r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
