package idpool

import (
	"errors"

	"github.com/google/uuid"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// explain finds the causes, as of now.
func (s *Scope) explain(in explain.Input) []validator.Cause {
	in.Facts = s.current().facts()
	in.Facts.Now = s.clock.Now()
	return explain.Causes(in)
}

// ExplainToken says why the token endpoint refused a request, and how to fix
// it. err is what Token returned; nil when it is no *idp.Error.
func (s *Scope) ExplainToken(r idp.TokenRequest, err error) []validator.Cause {
	var e *idp.Error
	if !errors.As(err, &e) {
		return nil
	}
	return s.explain(explain.Input{TokenError: &explain.TokenError{
		Code: e.Code, Description: e.Message, Number: e.Number, ClientID: r.ClientID, Scope: r.Scope,
		SecretIsGUID: uuid.Validate(r.ClientSecret) == nil,
	}})
}

// ExplainClient says what a Kafka client's own text means: a line of its log,
// or the token endpoint's answer that it printed. The request says what the
// client sent, as far as that is known.
func (s *Scope) ExplainClient(r validator.Request, text string) []validator.Cause {
	return s.explain(explain.Input{Request: r, ClientError: text})
}

// Traces are, for a Decision whose check filter failed, the filters of the pools
// that refused, part by part. They are for people and made when asked for.
func (s *Scope) Traces(d validator.Decision) map[string]pool.Trace {
	traces := map[string]pool.Trace{}
	for id := range d.Matches {
		if p := s.current().facts().Compiled[id]; p != nil {
			traces[id] = p.Trace(d.Claims)
		}
	}
	return traces
}
