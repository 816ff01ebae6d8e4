package idp_test

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/printed"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// masks hide what is another value each time.
var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`http://127\.0\.0\.1:\d+`), "http://HOST"},
	{regexp.MustCompile(`(trace_id":"|Trace ID: |X-Ms-Request-Id: )[0-9a-f-]{36}`), "${1}TRACE"},
	{regexp.MustCompile(`(correlation_id":"|Correlation ID: )[0-9a-f-]{36}`), "${1}CORRELATION"},
	{regexp.MustCompile(`(Request Id: |Correlation Id: )[0-9a-f-]{36}`), "${1}GUID"},
	{regexp.MustCompile(`\r?\nDate: [^\n]*`), ""},
}

// golden compares status, headers and body with testdata/NAME.golden. The
// first line of the file names the source of what it holds.
func golden(t *testing.T, name, source string, r *http.Request) {
	t.Helper()
	response, body := do(t, r)
	var header strings.Builder
	if err := response.Header.Write(&header); err != nil {
		t.Fatal(err)
	}
	got := "source: " + source + "\n\n" + response.Status + "\n" + strings.ReplaceAll(header.String(), "\r\n", "\n") + "\n" + body + "\n"
	for _, m := range masks {
		got = m.pattern.ReplaceAllString(got, m.with)
	}
	got = regexp.MustCompile(`Content-Length: \d+`).ReplaceAllString(got, "Content-Length: N")
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs\n--- got\n%s\n--- want\n%s", file, got, want)
	}
}

func TestGoldenAnswers(t *testing.T) {
	server := serve(t, idp.Config{})
	request := func(path string, header ...string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r
	}
	golden(t, "discovery", "azure-ad.md 1.1, 1.4", request("/"+acme+"/v2.0/.well-known/openid-configuration"))
	golden(t, "discovery-domain", "azure-ad.md 1.3: a domain becomes the id", request("/acmeexamples.onmicrosoft.com/v2.0/.well-known/openid-configuration"))
	golden(t, "discovery-common", "azure-ad.md 1.3", request("/common/v2.0/.well-known/openid-configuration"))
	golden(t, "discovery-consumers", "azure-ad.md 1.3 (inferred)", request("/consumers/v2.0/.well-known/openid-configuration"))
	golden(t, "discovery-unknown-tenant", "azure-ad.md 1.5", request("/contoso.com/v2.0/.well-known/openid-configuration"))
	golden(t, "discovery-bad-tenant", "azure-ad.md 1.5 (inferred)", request("/undefined/v2.0/.well-known/openid-configuration"))
	golden(t, "jwks", "azure-ad.md 2.1", request("/"+acme+"/discovery/v2.0/keys"))
	golden(t, "error-secret", "azure-ad.md 5.1, 5.3", tokenRequest(t, server, acme, map[string][]string{"client_secret": {"wrong"}}))
	golden(t, "error-browser", "azure-ad.md 5.1, 5.5 (status inferred)", request("/"+acme+"/oauth2/v2.0/token", "Accept", "text/html,*/*"))
	golden(t, "error-page", "idpool's own: where error_uri points", request("/error?code=7000216"))
	golden(t, "not-found", "azure-ad.md 1.3: 404 paths", request("/.well-known/openid-configuration"))
}

// TestErrorReference keeps the table in docs/azure.md equal to the data.
func TestErrorReference(t *testing.T) {
	printed.Section{File: "../docs/azure.md", Name: "errors", Update: *update}.Is(t, idp.ErrorTable())
}
