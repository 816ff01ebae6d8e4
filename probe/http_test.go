package probe_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/probe"
)

// serve answers as a function says.
func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s.URL
}

func TestStatuses(t *testing.T) {
	for _, tc := range []struct {
		status  int
		verdict probe.Verdict
		note    string
	}{
		{200, probe.Accepted, ""},
		{204, probe.Accepted, ""},
		{299, probe.Accepted, ""},
		{400, probe.Refused, ""},
		{401, probe.Refused, ""},
		{403, probe.Refused, ""},
		{431, probe.Refused, ""},
		{302, probe.Unclear, "a redirect, which is not followed, to /login"},
		{404, probe.Unclear, "there may be nothing at this URL"},
		{405, probe.Unclear, "neither a success nor a refusal"},
		{429, probe.Unclear, "send more slowly"},
		{500, probe.Unclear, "the target failed"},
		{503, probe.Unclear, "the target failed"},
	} {
		asked := 0
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked++
			w.Header().Set("Location", "/login")
			w.WriteHeader(tc.status)
		})
		a, err := probe.HTTP{URL: url}.Try(t.Context(), "a.b.c")
		if err != nil || a.Verdict != tc.verdict || !strings.Contains(a.Note, tc.note) || asked != 1 {
			t.Errorf("%d: %+v, %v, asked %d times; want %s and %q", tc.status, a, err, asked, tc.verdict, tc.note)
		}
		if want := fmt.Sprintf("%d %s", tc.status, http.StatusText(tc.status)); !strings.HasPrefix(a.Said, want) {
			t.Errorf("said %q, want %q", a.Said, want)
		}
	}
}

// TestStatusesOfOnesOwn: an API may hide what is there, or send people to a
// login page.
func TestStatusesOfOnesOwn(t *testing.T) {
	is := func(want int) func(int) bool { return func(status int) bool { return status == want } }
	for status, want := range map[int]probe.Verdict{404: probe.Accepted, 302: probe.Refused, 200: probe.Unclear, 401: probe.Unclear} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		a, err := probe.HTTP{URL: url, Accepts: is(404), Refuses: is(302)}.Try(t.Context(), "a.b.c")
		if err != nil || a.Verdict != want {
			t.Errorf("%d: %+v, %v, want %s", status, a, err, want)
		}
	}
}

func TestRequest(t *testing.T) {
	var got *http.Request
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r })
	for _, tc := range []struct {
		name   string
		target probe.HTTP
		want   func(*http.Request) bool
	}{
		{"as usual", probe.HTTP{}, func(r *http.Request) bool {
			return r.Method == "GET" && r.Header.Get("Authorization") == "Bearer a.b.c" && r.UserAgent() == "idpool-probe"
		}},
		{"another method", probe.HTTP{Method: "DELETE"}, func(r *http.Request) bool { return r.Method == "DELETE" }},
		{"more headers", probe.HTTP{Header: http.Header{"x-tenant": {"a", "b"}, "user-agent": {"me"}}}, func(r *http.Request) bool {
			return len(r.Header["X-Tenant"]) == 2 && r.UserAgent() == "me" && r.Header.Get("Authorization") == "Bearer a.b.c"
		}},
		{"another place", probe.HTTP{Header: http.Header{"X-Token": {"jwt {token}"}}}, func(r *http.Request) bool {
			return r.Header.Get("X-Token") == "jwt a.b.c" && r.Header.Get("Authorization") == ""
		}},
		{"another host", probe.HTTP{Header: http.Header{"Host": {"api.example"}}}, func(r *http.Request) bool { return r.Host == "api.example" }},
	} {
		tc.target.URL = url + "/orders?all=1"
		a, err := tc.target.Try(t.Context(), "a.b.c")
		if err != nil || a.Verdict != probe.Accepted || got.URL.RequestURI() != "/orders?all=1" || !tc.want(got) {
			t.Errorf("%s: %+v, %v, the request is %s %s %v", tc.name, a, err, got.Method, got.URL, got.Header)
		}
	}
}

// TestChallenge: why an API refuses is of use to who reads the report.
func TestChallenge(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(401)
	})
	a, err := probe.HTTP{URL: url}.Try(t.Context(), "a.b.c")
	if want := `401 Unauthorized, WWW-Authenticate: Bearer error="invalid_token"`; err != nil || a.Said != want {
		t.Errorf("%q, %v, want %q", a.Said, err, want)
	}
}

func TestUnsendableByHTTP(t *testing.T) {
	asked := false
	url := serve(t, func(http.ResponseWriter, *http.Request) { asked = true })
	for _, token := range []string{"a\nb", "a\r\nX-Admin: 1", "a\x00", "a\x7f"} {
		a, err := probe.HTTP{URL: url}.Try(t.Context(), token)
		if err != nil || a.Verdict != probe.Unsendable || asked {
			t.Errorf("%q: %+v, %v, sent: %v", token, a, err, asked)
		}
	}
	for _, token := range []string{"a b", "a\tb", "é", "a\xff"} {
		if a, err := (probe.HTTP{URL: url}).Try(t.Context(), token); err != nil || a.Verdict != probe.Accepted || !asked {
			t.Errorf("%q: %+v, %v, sent: %v", token, a, err, asked)
		}
		asked = false
	}
}

// TestNoAnswer: what cannot be asked is an error, and never a refusal.
func TestNoAnswer(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	hangsUp := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	secure.Config.ErrorLog = quiet()
	secure.StartTLS()
	t.Cleanup(secure.Close)
	for name, url := range map[string]string{"gone": gone.URL, "hangs up": hangsUp, "an unknown authority": secure.URL, "no URL": "http://[::1"} {
		if a, err := (probe.HTTP{URL: url}).Try(t.Context(), "a.b.c"); err == nil {
			t.Errorf("%s: %+v, want an error", name, a)
		}
	}
	trusting := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}}}
	t.Cleanup(trusting.CloseIdleConnections)
	if a, err := (probe.HTTP{URL: secure.URL, Client: trusting}).Try(t.Context(), "a.b.c"); err != nil || a.Verdict != probe.Accepted {
		t.Errorf("with the authority: %+v, %v", a, err)
	}
}

// TestSlowAPI: an API that never answers costs the time that a token has.
func TestSlowAPI(t *testing.T) {
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	r := probe.Run(t.Context(), probe.HTTP{URL: url}, matrix(), probe.Config{Timeout: 500 * time.Millisecond})
	if r.Conclusion != probe.Unproved || r.Problem != "the valid token was not let in: no answer within 500ms" {
		t.Errorf("%s: %q", r.Conclusion, r.Problem)
	}
}
