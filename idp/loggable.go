package idp

import (
	"fmt"
	"strings"
)

// loggableID is a client id as a log may have it. What is no GUID may be a
// secret: people swap the two.
func loggableID(id string) string {
	if isGUID(id) || len(id) < 8 {
		return id
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

// separators are what may stand around a secret that was put into a wrong
// place: those of forms, URLs, headers and lists.
const separators = "&;=?/: ,\t\r\n\"'"

// Loggable is what a client sent as a log may have it: cut, and without the
// secrets of the tenants' applications.
func (s *Server) Loggable(text string) string { return s.loggable(text) }

// loggable is what a client sent as a log may have it: cut, and without the
// secrets of the directory.
func (s *Server) loggable(text string) string {
	if s.dir.secrets[text] {
		return "(a secret)"
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		if s.dir.secrets[word] {
			text = strings.ReplaceAll(text, word, "(a secret)")
		}
	}
	if len(text) > 200 {
		return fmt.Sprintf("%.200s… (%d bytes)", text, len(text))
	}
	return text
}
