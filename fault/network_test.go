package fault_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
)

// A server with time limits of its own delays for longer than they are: a
// WriteTimeout broke the connection off, with no fault to blame. The limits are
// long, since a busy machine has to read a request and to answer within them.
func TestDelayOutlastsTimeouts(t *testing.T) {
	const limit = 2 * time.Second
	for name, f := range map[string]fault.Fault{
		"delay":     {Delay: fault.Duration(limit * 3 / 2)},
		"slow body": {SlowBody: fault.Duration(limit / 4)}, // seven times
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newWorld(t)
			f.Endpoint = fault.Token
			x.add(f)
			server := httptest.NewUnstartedServer(x.Config.Handler)
			server.Config.ReadTimeout, server.Config.WriteTimeout = limit, limit
			server.Start()
			defer server.Close()
			x.URL = server.URL
			if got := x.ask(fault.Token); got.err != nil || got.status != 200 || !strings.HasSuffix(got.body, "}") {
				t.Errorf("got %+v, want the token", got)
			}
		})
	}
}

// Over HTTP/2 a broken connection is a reset stream.
func TestHTTP2(t *testing.T) {
	provider, err := idp.New(idp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	set := fault.New(fault.Config{Tenant: provider.TenantID, Refuse: provider.WriteError})
	server := httptest.NewUnstartedServer(set.Handler(provider))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	for _, f := range []fault.Fault{
		{Endpoint: "jwks", When: `header("x-test") == "close" and listener == "https"`, Close: true},
		{Endpoint: "jwks", When: `header("x-test") == "cut"`, CutBody: 10},
		{Endpoint: "jwks", When: `header("x-test") == "slow"`, SlowBody: 1},
	} {
		if _, err := set.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(what string) (*http.Response, string, error) {
		r, err := http.NewRequest("GET", server.URL+"/"+acme+"/discovery/v2.0/keys", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("x-test", what)
		response, err := server.Client().Do(r)
		if err != nil {
			return nil, "", err
		}
		defer response.Body.Close()
		if response.ProtoMajor != 2 {
			t.Errorf("it is %s", response.Proto)
		}
		body, err := io.ReadAll(response.Body)
		return response, string(body), err
	}
	const reset = "INTERNAL_ERROR"
	if _, _, err := ask("close"); err == nil || !strings.Contains(err.Error(), reset) {
		t.Errorf("close: %v", err)
	}
	if response, body, err := ask("cut"); err == nil || !strings.Contains(err.Error(), reset) || body != `{"keys":[{` || response.Header.Get(fault.Header) != "jwks-2" {
		t.Errorf("cut: %q, %v", body, err)
	}
	if response, body, err := ask("slow"); err != nil || !strings.HasSuffix(body, "]}") || response.Header.Get(fault.Header) != "jwks-3" {
		t.Errorf("slow: %q, %v", body, err)
	}
	if response, _, err := ask(""); err != nil || response.Header.Get(fault.Header) != "" {
		t.Errorf("nothing: %v", err)
	}
}
