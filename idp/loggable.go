package idp

import (
	"fmt"

	"github.com/idpool/idpool/internal/mask"
)

// loggableID is a client id as a log may have it. What is no GUID may be a
// secret of somewhere else: people swap the two.
func (s *Server) loggableID(id string) string {
	if isGUID(id) || len(id) < 8 || s.mask(id) != id {
		return s.loggable(id)
	}
	return fmt.Sprintf("%.4s… (%d characters, no GUID)", id, len(id))
}

// tenantName is what a log calls the tenant that a URL names: its id, however the
// URL has it.
func (s *Server) tenantName(segment string) string {
	if id := s.TenantID(segment); id != "" {
		return id
	}
	return s.loggable(segment)
}

// loggable is what a client sent as a log may have it: without secrets and
// tokens, and cut.
func (s *Server) loggable(text string) string { return mask.CutFrom(s.mask(text), len(text)) }

// mask hides secrets and tokens as the Config says.
func (s *Server) mask(text string) string {
	if s.config.Mask != nil {
		return s.config.Mask(text)
	}
	return s.dir.secrets().Text(text)
}

// hide are the secrets of the applications of some tenants.
func hide(tenants []Tenant) *mask.Set {
	var secrets mask.Set
	for _, t := range tenants {
		for _, a := range t.Applications {
			for _, c := range a.PasswordCredentials {
				secrets.Add(c.SecretText)
			}
		}
	}
	return &secrets
}
