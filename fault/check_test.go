package fault_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/fault"
)

// set is one that knows a tenant and a kind of token.
func set() *fault.Set {
	return fault.New(fault.Config{
		Tenant: func(segment string) string {
			if segment == domain || segment == acme {
				return acme
			}
			return ""
		},
		TokenNames: func() []string { return []string{"expired", "tampered"} },
		Break:      func(_ context.Context, _, token string) (string, error) { return token, nil },
	})
}

// A fault that cannot be meant is refused by the name of the field.
func TestRefusedFaults(t *testing.T) {
	p := func(f float64) *float64 { return &f }
	for _, row := range []struct {
		fault fault.Fault
		want  string
	}{
		{fault.Fault{}, `endpoint: missing, want one of discovery, jwks, token, instance, imds, app-service, tls, kafka-login`},
		{fault.Fault{Endpoint: "tokens", Status: 500}, `endpoint: "tokens" is unknown, did you mean "token"?`},
		{fault.Fault{Endpoint: "graph", Status: 500}, `endpoint: "graph" is none of discovery, jwks, token, instance, imds, app-service, tls, kafka-login`},
		{fault.Fault{Endpoint: "token"}, `it says not what goes wrong, give one of delay, stall, close, status, aadsts, retryAfter, body, contentType, html, cutBody, slowBody, token`},
		{fault.Fault{Endpoint: "tls", Times: 3}, `it says not what goes wrong, give one of delay, stall, close, certificate`},
		{fault.Fault{Endpoint: "token", Status: 500, ID: "a b"}, `id: "a b" is no id, want up to 64 letters, digits, dots, hyphens and underscores`},
		{fault.Fault{Endpoint: "token", Status: 500, Tenant: "acme"}, `tenant: there is no tenant "acme"`},
		{fault.Fault{Endpoint: "jwks", Status: 500, ClientID: client}, `clientId: contradicts endpoint jwks, where requests do not say which client they are of`},
		{fault.Fault{Endpoint: "token", Status: 500, ClientID: client + " "}, `clientId: "` + client + ` " has white space in it, want an appId`},
		{fault.Fault{Endpoint: "kafka-login", Close: true, ClientID: "the orders service"}, `clientId: "the orders service" has white space in it, want an appId`},
		{fault.Fault{Endpoint: "tls", Close: true, Tenant: acme}, `tenant: contradicts endpoint tls, it is for discovery, jwks, token, kafka-login`},
		{fault.Fault{Endpoint: "tls", Close: true, ClientID: client}, `clientId: contradicts endpoint tls, it is for token, imds, app-service, kafka-login`},
		{fault.Fault{Endpoint: "token", Status: 500, Times: -1}, `times: -1 is negative`},
		{fault.Fault{Endpoint: "token", Status: 500, Every: -2}, `every: -2 is negative`},
		{fault.Fault{Endpoint: "token", Status: 500, Every: 2, Probability: p(0.5)}, `probability: contradicts every: the one counts, the other throws dice`},
		{fault.Fault{Endpoint: "token", Status: 500, Probability: p(1.01)}, `probability: 1.01 is no probability, want a number from 0 to 1`},
		{fault.Fault{Endpoint: "token", Status: 500, Probability: p(math.NaN())}, `probability: NaN is no probability, want a number from 0 to 1`},
		{fault.Fault{Endpoint: "token", Status: 500, From: start, Until: start}, `until: 2026-11-23T15:00:00Z is not after from, which is 2026-11-23T15:00:00Z`},
		{fault.Fault{Endpoint: "token", Delay: fault.Duration(-time.Second)}, `delay: -1s is negative`},
		{fault.Fault{Endpoint: "token", CutBody: -1}, `cutBody: -1 is negative`},
		{fault.Fault{Endpoint: "token", AADSTS: -1}, `aadsts: -1 is negative`},
		{fault.Fault{Endpoint: "token", Status: 99}, `status: 99 is no status of an answer, want 200 to 599`},
		{fault.Fault{Endpoint: "token", Status: 600}, `status: 600 is no status of an answer, want 200 to 599`},
		{fault.Fault{Endpoint: "token", Status: 204, Body: "x"}, `body: contradicts status 204, which has no body`},
		{fault.Fault{Endpoint: "token", Status: 500, Close: true}, `status: contradicts close: a fault does one of the two`},
		{fault.Fault{Endpoint: "token", Stall: true, Close: true}, `close: contradicts stall: a fault does one of the two`},
		{fault.Fault{Endpoint: "token", Stall: true, SlowBody: 1}, `slowBody: contradicts stall: a fault does one of the two`},
		{fault.Fault{Endpoint: "token", CutBody: 1, SlowBody: 1}, `slowBody: contradicts cutBody: a fault does one of the two`},
		{fault.Fault{Endpoint: "token", AADSTS: 50049, Body: "x"}, `body: contradicts aadsts, which has a body of its own`},
		{fault.Fault{Endpoint: "token", HTML: true, Body: "x"}, `body: contradicts html, which has a body of its own: for a page of yours write body and contentType`},
		{fault.Fault{Endpoint: "token", ContentType: "text/plain\r\nX: y"}, `contentType: "text/plain\r\nX: y" has a line break in it`},
		{fault.Fault{Endpoint: "token", JWKS: "empty"}, `jwks: contradicts endpoint token, it is for jwks`},
		{fault.Fault{Endpoint: "jwks", JWKS: "emtpy"}, `jwks: "emtpy" is unknown, did you mean "empty"?`},
		{fault.Fault{Endpoint: "jwks", JWKS: "empty", Status: 500}, `jwks: contradicts status: a fault does one of the two`},
		{fault.Fault{Endpoint: "jwks", Token: "expired"}, `token: contradicts endpoint jwks, it is for token, imds, app-service`},
		{fault.Fault{Endpoint: "token", Token: "expird"}, `token: "expird" is unknown, did you mean "expired"?`},
		{fault.Fault{Endpoint: "token", Token: "expired", AADSTS: 50049}, `token: contradicts aadsts: a fault does one of the two`},
		{fault.Fault{Endpoint: "discovery", Certificate: "expired"}, `certificate: contradicts endpoint discovery, it is for tls`},
		{fault.Fault{Endpoint: "tls", Certificate: "wrong-hots"}, `certificate: "wrong-hots" is unknown, did you mean "wrong-host"?`},
		{fault.Fault{Endpoint: "tls", Certificate: "old"}, `certificate: "old" is none of expired, not-yet-valid, wrong-host, unknown-ca, self-signed`},
		{fault.Fault{Endpoint: "tls", Certificate: "expired", Close: true}, `certificate: contradicts close: a fault does one of the two`},
		{fault.Fault{Endpoint: "tls", Status: 500}, `status: contradicts endpoint tls, it is for discovery, jwks, token, instance, imds, app-service`},
		{fault.Fault{Endpoint: "kafka-login", AADSTS: 50049}, `aadsts: contradicts endpoint kafka-login, it is for discovery, jwks, token, instance, imds, app-service`},
		{fault.Fault{Endpoint: "token", Error: "no"}, `error: contradicts endpoint token, it is for kafka-login`},
		{fault.Fault{Endpoint: "kafka-login", Error: "no", Stall: true}, `error: contradicts stall: a fault does one of the two`},
	} {
		_, err := set().Add(row.fault)
		var typed *fault.Error
		if !errors.As(err, &typed) || typed.Text() != strings.TrimPrefix(row.want, typed.Field+": ") && err.Error() != "fault: "+row.want {
			t.Errorf("%+v:\ngot  %v\nwant %s", row.fault, err, row.want)
		}
	}
}

// Tokens cannot be broken where nobody knows how.
func TestNoBreak(t *testing.T) {
	_, err := fault.New(fault.Config{}).Add(fault.Fault{Endpoint: "token", Token: "expired"})
	if err == nil || err.Error() != "fault: token: tokens cannot be broken here" {
		t.Errorf("got %v", err)
	}
}

// A set refuses faults where it is never asked, also those of a file, and takes
// all others.
func TestWithout(t *testing.T) {
	s := fault.New(fault.Config{Without: []string{fault.TLS, "common"}, Tenant: func(string) string { return "" }})
	_, err := s.Add(fault.Fault{Endpoint: fault.TLS, Close: true})
	var typed *fault.Error
	if !errors.As(err, &typed) || typed.Field != "endpoint" || !strings.Contains(typed.Text(), "belong to the server's own scope") {
		t.Errorf("Add: got %v", err)
	}
	_, err = s.Add(fault.Fault{Endpoint: fault.Token, Tenant: "Common", Close: true})
	if want := "fault: tenant: Common is shared by all scopes: its faults belong to the server's own scope"; err == nil || err.Error() != want {
		t.Errorf("Add: got %v, want %s", err, want)
	}
	_, err = s.Read("f.yaml", []byte("- {endpoint: token, close: true}\n- {endpoint: tls, close: true}\n"))
	if want := "f.yaml:2:14: [1].endpoint: tls is shared by all scopes: its faults belong to the server's own scope"; err == nil || err.Error() != want {
		t.Errorf("Read: got %v, want %s", err, want)
	}
	if len(s.List()) != 0 {
		t.Errorf("there are %v", s.List())
	}
	if _, err := s.Read("f.yaml", []byte("- {endpoint: token, close: true}")); err != nil {
		t.Errorf("another endpoint: %v", err)
	}
}

// Ids are made from the endpoint, are unique, and begin anew after Clear.
func TestIDs(t *testing.T) {
	s := set()
	add := func(id, endpoint string) string {
		f, err := s.Add(fault.Fault{ID: id, Endpoint: endpoint, Close: true})
		if err != nil {
			return err.Error()
		}
		return f.ID
	}
	got := []string{add("", "token"), add("token-2", "token"), add("", "token"), add("", "kafka-login"), add("TOKEN-1", "jwks")}
	s.Remove("TOKEN-3")
	got = append(got, add("", "token"), fmt.Sprint(s.Remove("token-3")))
	s.Clear()
	got = append(got, add("", "token"))
	want := `[token-1 token-2 token-3 kafka-login-1 fault: id: there is a fault "TOKEN-1" already token-4 false token-5]`
	if fmt.Sprint(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A set does not grow without bound.
func TestTooMany(t *testing.T) {
	s := set()
	var err error
	for range 1001 {
		_, err = s.Add(fault.Fault{Endpoint: "token", Close: true})
	}
	if err == nil || err.Error() != "fault: there would be more than 1000" {
		t.Errorf("got %v", err)
	}
}

// Every setting has its row, and every row a setting.
func TestTable(t *testing.T) {
	var names []string
	for _, row := range fault.Table() {
		if row.Sees == "" || len(row.Endpoints) == 0 {
			t.Errorf("%+v says nothing", row)
		}
		names = append(names, row.Setting)
	}
	_, err := fault.Parse("f", []byte("- {endpoint: token, status: 500, x: 1}"))
	if err == nil {
		t.Fatal("x is a setting")
	}
	_, list, _ := strings.Cut(err.Error(), "want one of ")
	list, _, _ = strings.Cut(list, "\n")
	if want := "id, endpoint, " + strings.Join(names, ", "); list != want {
		t.Errorf("a file knows\n%s\nthe table\n%s", list, want)
	}
}

func sameToken(_ context.Context, _, token string) (string, error) { return token, nil }
