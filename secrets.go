package idpool

import (
	"context"
	"log/slog"
	"runtime"
	"strings"

	"github.com/idpool/idpool/internal/mask"
)

// hideSecrets keeps the secrets of a world out of the log and the journal of all
// scopes, since a client may send one to any: for as long as anything holds what
// it returns.
func (s *Stack) hideSecrets(p parts) *hidden {
	h := new(hidden)
	for _, t := range p.tenants {
		for _, a := range t.Applications {
			for _, c := range a.PasswordCredentials {
				h.secrets = append(h.secrets, c.SecretText)
			}
		}
	}
	all := s.secrets
	all.Add(h.secrets...)
	// A world ends when the last request in it does, and nobody is told.
	runtime.AddCleanup(h, func(secrets []string) { all.Remove(secrets...) }, h.secrets)
	return h
}

// hidden are the secrets of a world.
type hidden struct{ secrets []string }

// secrets are those of a Config that are not its applications': the admin token,
// and the passwords of a real cluster.
func (c Config) secrets() []string {
	all := []string{c.Listeners.Admin.Token, c.Kafka.Upstream.User.Password}
	for _, user := range c.Kafka.Upstream.Users {
		all = append(all, user.Password)
	}
	return all
}

// noted is a text of a client's as journal and log have it: cut, and without
// secrets and tokens.
func (s *Scope) noted(text string) string {
	return strings.Clone(mask.CutFrom(s.stack.secrets.Text(text), len(text)))
}

// said is a sentence of idpool's own, which may quote a client, as journal and log
// have it.
func (s *Scope) said(text string) string { return s.stack.secrets.Text(text) }

// loggable is what a client sent as an answer quotes it: cut, and without tokens,
// which answers to other programs end in logs with.
func loggable(text string) string { return mask.CutFrom(mask.Tokens(text), len(text)) }

// maskedLog takes secrets and tokens out of the values of a log: what is written
// there quotes errors, which quote clients.
type maskedLog struct {
	slog.Handler
	secrets *mask.Set
}

// Handle implements slog.Handler.
func (h maskedLog) Handle(ctx context.Context, line slog.Record) error {
	masked := slog.NewRecord(line.Time, line.Level, h.secrets.Sentence(line.Message), line.PC)
	line.Attrs(func(a slog.Attr) bool {
		masked.AddAttrs(h.attribute(a))
		return true
	})
	return h.Handler.Handle(ctx, masked)
}

// WithAttrs implements slog.Handler.
func (h maskedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	masked := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		masked[i] = h.attribute(a)
	}
	return maskedLog{h.Handler.WithAttrs(masked), h.secrets}
}

// WithGroup implements slog.Handler.
func (h maskedLog) WithGroup(name string) slog.Handler {
	return maskedLog{h.Handler.WithGroup(name), h.secrets}
}

// attribute is an attribute without secrets. A duration is a text, which in JSON
// would be a number of nobody knows what.
func (h maskedLog) attribute(a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(h.secrets.Sentence(v.String()))
	case slog.KindDuration:
		a.Value = slog.StringValue(v.Duration().String())
	case slog.KindAny:
		a.Value = slog.AnyValue(h.any(v.Any()))
	}
	return a
}

// any is a value of a type that idpool logs.
func (h maskedLog) any(value any) any {
	switch v := value.(type) {
	case error:
		return h.secrets.Sentence(v.Error())
	case []string:
		masked := make([]string, len(v))
		for i, text := range v {
			masked[i] = h.secrets.Sentence(text)
		}
		return masked
	}
	return value
}
