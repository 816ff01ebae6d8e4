package idp_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
)

// FuzzTokenEndpoint sends whatever body and header: the answer is one of
// Azure's errors, and never a token, since no input has the secret.
func FuzzTokenEndpoint(f *testing.F) {
	s, err := idp.New(idp.Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("grant_type=client_credentials&scope=api://x/.default", "Basic YTpi", acme)
	f.Fuzz(func(t *testing.T, body, authorization, tenant string) {
		r := httptest.NewRequest(http.MethodPost, "/x/oauth2/v2.0/token", strings.NewReader(body))
		r.URL.Path = "/" + tenant + "/oauth2/v2.0/token"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if code := w.Result().StatusCode; code < 400 || code > 499 {
			t.Errorf("status %d for body %q, authorization %q, tenant %q: %s", code, body, authorization, tenant, w.Body)
		}
	})
}

// FuzzForm: where net/url reads a form, ours reads the same.
func FuzzForm(f *testing.F) {
	f.Add("a=b&c=%20+d&e")
	f.Fuzz(func(t *testing.T, body string) {
		got := idp.DecodeForm(body)
		want, err := url.ParseQuery(body)
		if err != nil {
			return // ours is more lenient
		}
		if len(got) != len(want) {
			t.Fatalf("%q: got %q, want %q", body, got, want)
		}
		for k, v := range want {
			if !slices.Equal(got[k], v) {
				t.Errorf("%q: %q is %q, want %q", body, k, got[k], v)
			}
		}
	})
}

func TestFuzzSeedsAreThere(t *testing.T) {
	for _, target := range []string{"FuzzTokenEndpoint", "FuzzForm"} {
		seeds, err := os.ReadDir("testdata/fuzz/" + target)
		if err != nil || len(seeds) < 4 {
			t.Errorf("%s has %d seeds (%v), want 4 or more", target, len(seeds), err)
		}
	}
}
