package fault_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
)

// Without a network a client sees what it would see over one.
func TestRoundTrip(t *testing.T) {
	provider, err := idp.New(idp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	set := fault.New(fault.Config{Tenant: provider.TenantID, Refuse: provider.WriteError})
	for _, f := range []fault.Fault{
		{Endpoint: "jwks", When: `header("x-test") == "close"`, Close: true},
		{Endpoint: "jwks", When: `header("x-test") == "cut"`, CutBody: 10},
		{Endpoint: "jwks", When: `header("x-test") == "stall"`, Stall: true},
		{Endpoint: "jwks", When: `header("x-test") == "busy"`, Status: 503},
	} {
		if _, err := set.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(ctx context.Context, what string) (*http.Response, string, error) {
		r := httptest.NewRequestWithContext(ctx, "GET", "/"+acme+"/discovery/v2.0/keys", nil)
		r.Header.Set("x-test", what)
		response, err := fault.RoundTrip(set.Handler(provider), r)
		if err != nil {
			return nil, "", err
		}
		body, err := io.ReadAll(response.Body)
		return response, string(body), err
	}
	if _, _, err := ask(t.Context(), "close"); !errors.Is(err, io.EOF) {
		t.Errorf("close: %v", err)
	}
	if response, body, err := ask(t.Context(), "cut"); !errors.Is(err, io.ErrUnexpectedEOF) || body != `{"keys":[{` || response.ContentLength < 1000 {
		t.Errorf("cut: %q, %v", body, err)
	}
	if response, body, err := ask(t.Context(), "busy"); err != nil || response.StatusCode != 503 || !strings.Contains(body, "90033") || response.Header.Get(fault.Header) != "jwks-4" {
		t.Errorf("busy: %q, %v", body, err)
	}
	if response, body, err := ask(t.Context(), ""); err != nil || response.StatusCode != 200 || !strings.HasSuffix(body, "]}") {
		t.Errorf("nothing: %q, %v", body, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := ask(ctx, "stall"); !errors.Is(err, context.Canceled) {
		t.Errorf("stall: %v", err)
	}
}

// Only broken connections are caught: a panic of the handler's own goes on.
func TestRoundTripPanics(t *testing.T) {
	defer func() {
		if got := recover(); got != "a bug" {
			t.Errorf("recovered %v", got)
		}
	}()
	r := httptest.NewRequest("GET", "/", nil)
	_, err := fault.RoundTrip(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") }), r)
	t.Errorf("it returned %v", err)
}
