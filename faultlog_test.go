package idpool

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/fault"
)

// linesOf are the lines of a log that have a word.
func linesOf(log *logBuffer, word string) []string {
	lines := strings.Split(log.String(), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return !strings.Contains(line, word) })
}

// The log blamed a fault of tokens for a real refusal, which header and journal
// had taken it back from.
func TestTheLogOfARealRefusalNamesNoFault(t *testing.T) {
	log := newLogBuffer()
	c := Acme()
	c.Logger = slog.New(slog.NewTextHandler(log, nil))
	s := start(t, c)
	ask := func(secret string) string {
		r, err := s.Client().PostForm(s.HTTP+"/"+acme+"/oauth2/v2.0/token", map[string][]string{
			"client_id": {client}, "client_secret": {secret}, "scope": {acmeScope}, "grant_type": {"client_credentials"}})
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.Header.Get(fault.Header)
	}
	addFault(t, s.Scope, fault.Fault{ID: "broken", Endpoint: "token", Token: "expired"})
	if id := ask("wrong"); id != "" {
		t.Errorf("a real refusal has the header %s: %s", fault.Header, id)
	}
	if id := ask(secret); id != "broken" {
		t.Errorf("a broken token has the header %q", id)
	}
	s.Faults().Clear()
	addFault(t, s.Scope, fault.Fault{ID: "late", Endpoint: "token", Token: "expired", Delay: 1})
	if id := ask("wrong"); id != "late" {
		t.Errorf("a refusal that was delayed has the header %q", id)
	}
	s.Faults().Clear()
	addFault(t, s.Scope, fault.Fault{ID: "refusing", Endpoint: "token", Status: http.StatusServiceUnavailable})
	ask(secret)
	refused, issued := linesOf(log, "token refused"), linesOf(log, "token issued")
	if len(refused) != 3 || strings.Contains(refused[0], "fault=") || !strings.Contains(refused[1], "fault=late") || !strings.Contains(refused[2], "fault=refusing") {
		t.Errorf("the refusals, of which the first is real:\n%s", strings.Join(refused, "\n"))
	}
	if len(issued) != 1 || !strings.Contains(issued[0], "fault=broken") {
		t.Errorf("the token that was broken:\n%s", strings.Join(issued, "\n"))
	}
}
