package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/validator"
)

// probed runs idpool probe and returns its exit code and what it has written.
func probed(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), append([]string{"probe"}, args...), strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// guarded is an API that lets in whom a function does.
func guarded(t *testing.T, letsIn func(token string) bool) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusInternalServerError)
		} else if !letsIn(token) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// trusting starts a stack and returns the issuer of its tokens, and an API that
// takes those.
func trusting(t *testing.T) (issuer string, letsIn func(string) bool) {
	t.Helper()
	s, err := idpool.Start(t.Context(), idpool.Acme())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.HTTP + "/" + idpool.Acme().Tenants[0].ID + "/v2.0", func(token string) bool {
		return s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"}).Allowed
	}
}

// ownAudience lets in whom another guard does, if the token is for this API
// itself and not for another one that trusts the same issuer.
func ownAudience(letsIn func(string) bool) func(string) bool {
	return func(token string) bool {
		claims, err := payload(token)
		return err == nil && claims["aud"] == "be587d08-a466-45e9-a02a-dfdda6b4c765" && letsIn(token)
	}
}

// careless lets in a token for what its payload says.
func careless(token string) bool {
	claims, err := payload(token)
	return err == nil && claims["azp"] == "75f2f796-363d-4de2-b299-713920db01a7"
}

func TestProbeOfAnAPI(t *testing.T) {
	issuer, decides := trusting(t) // as Confluent does: aud is the filter's to compare, and this one does not
	good, shared, bad := guarded(t, ownAudience(decides)), guarded(t, decides), guarded(t, careless)
	good.Start()
	shared.Start()
	bad.Start()
	for _, tc := range []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"a good one", []string{"--url", good.URL, "--issuer", issuer}, 0, "✓ passed: the valid token was let in", ""},
		{"one that takes tokens for others", []string{"--url", shared.URL, "--issuer", issuer, "--only", "audience-*"}, 1, "✗ audience-wrong  ", ""},
		{"all that it takes are those", []string{"--url", shared.URL, "--issuer", issuer, "--skip", "audience-*"}, 0, "✓ passed: the valid token was let in", ""},
		{"a careless one", []string{"--url", bad.URL, "--issuer", issuer}, 1, "✗ alg-none ", ""},
		{"another issuer", []string{"--url", good.URL}, 2, `iss "http://localhost:8080/67e9d472`, "hint: --client-id, --tenant, --scope and --issuer"},
		{"the https one", []string{"--url", good.URL, "--issuer", "https"}, 2, `iss "https://localhost:8443/67e9d472`, "hint: "},
		{"Azure's", []string{"--url", good.URL, "--issuer", "azure"}, 2, `iss "https://login.microsoftonline.com/67e9d472`, "hint: "},
		{"only some", []string{"--url", good.URL, "--issuer", issuer, "--only", "alg-none*,expired", "--skip", "alg-none-*"}, 0, "and 2 broken ones were refused", ""},
		{"only what it refuses", []string{"--url", bad.URL, "--issuer", issuer, "--only", "empty,opaque"}, 0, "and 2 broken ones were refused", ""},
		{"failing", []string{"--url", good.URL + "/broken", "--issuer", issuer}, 2, "NOTHING IS PROVED: the valid token was not let in: 500", ""},
		{"500 lets in", []string{"--url", good.URL + "/broken", "--accept", "5xx", "--only", "expired"}, 1, "expired  ACCEPTED  500", ""},
		{"401 lets in", []string{"--url", good.URL, "--accept", "401", "--refuse", "200", "--only", "expired"}, 1, "expired  ACCEPTED  401", ""},
		{"another place", []string{"--url", bad.URL, "--header", "X-Token: {token}"}, 2, "NOTHING IS PROVED", "hint: "},
		{"with headers", []string{"--url", bad.URL, "--header", "X-Test: 1", "--only", "wrong-key", "--method", "POST"}, 1, "wrong-key  ACCEPTED", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := probed(t, tc.args...)
			if code != tc.code || !strings.Contains(stdout, tc.stdout) || !strings.HasPrefix(stderr, tc.stderr) || tc.stderr == "" && stderr != "" {
				t.Errorf("exit code %d, want %d; want %q in\n%s\nand %q before\n%s", code, tc.code, tc.stdout, stdout, tc.stderr, stderr)
			}
		})
	}
}

func TestProbeFormats(t *testing.T) {
	bad := guarded(t, careless)
	bad.Start()
	for _, show := range []bool{false, true} {
		args := []string{"--url", bad.URL, "--only", "alg-none,expired,jku", "--output", "json"}
		if show {
			args = append(args, "--show-tokens")
		}
		code, stdout, stderr := probed(t, args...)
		var report struct {
			Conclusion string
			Results    []struct{ Name, Outcome, Token string }
		}
		if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != 1 || stderr != "" {
			t.Fatalf("exit code %d, %v\n%s%s", code, err, stdout, stderr)
		}
		if len(report.Results) != 4 || report.Conclusion != "failed" || report.Results[0].Name != "valid" || strings.Contains(stdout, "eyJ") != show {
			t.Errorf("tokens %v: %s", show, stdout)
		}
	}
	code, stdout, stderr := probed(t, "--url", bad.URL, "--only", "alg-none,expired", "--output", "junit")
	var suites struct {
		XMLName  xml.Name `xml:"testsuites"`
		Failures int      `xml:"failures,attr"`
	}
	if err := xml.Unmarshal([]byte(stdout), &suites); err != nil || code != 1 || suites.Failures != 2 || stderr != "" {
		t.Errorf("exit code %d, %v, %+v\n%s%s", code, err, suites, stdout, stderr)
	}
	// Nobody reads a file of XML: that nothing is proved is said beside it.
	code, stdout, stderr = probed(t, "--url", bad.URL+"/broken", "--output", "junit")
	if code != 2 || !strings.HasPrefix(stderr, "idpool: probe: NOTHING IS PROVED") || !strings.Contains(stdout, "<error") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr = probed(t, "--url", bad.URL, "--output", "yaml"); code != 2 || !strings.Contains(stderr, `"yaml" is no format, want text, json or junit`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestProbeOverTLS(t *testing.T) {
	bad := guarded(t, careless)
	bad.Config.ErrorLog = nil
	bad.StartTLS()
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: bad.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	few := []string{"--url", bad.URL, "--only", "alg-none"}
	for code, args := range map[int][]string{2: few, 1: slices.Concat(few, []string{"--ca", file})} {
		if got, stdout, stderr := probed(t, args...); got != code || code == 2 && !strings.Contains(stdout, "certificate") {
			t.Errorf("%q: exit code %d, want %d\n%s%s", args, got, code, stdout, stderr)
		}
	}
	if got, stdout, _ := probed(t, append(few, "--insecure")...); got != 1 {
		t.Errorf("insecure: exit code %d\n%s", got, stdout)
	}
}

// TestProbeKeys: the twins are signed with the keys that the target has.
func TestProbeKeys(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "idpool.yaml")
	write := func(keys string) {
		t.Helper()
		if err := os.WriteFile(config, []byte("keys: "+keys+"\n"+string(idpool.AcmeYAML)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bad := guarded(t, careless)
	bad.Start()
	write(filepath.Join(dir, "keys"))
	if code, stdout, stderr := probed(t, "--url", bad.URL, "--config", config, "--only", "alg-none"); code != 1 {
		t.Errorf("keys of a folder: exit code %d\n%s%s", code, stdout, stderr)
	}
	write("generate")
	if code, _, stderr := probed(t, "--url", bad.URL, "--config", config); code != 2 || !strings.Contains(stderr, "no target trusts those of this one") {
		t.Errorf("keys of each process: exit code %d: %s", code, stderr)
	}
}

// TestProbeLure: an API that asks any URL that a token names is caught.
func TestProbeLure(t *testing.T) {
	asks := guarded(t, func(token string) bool {
		header, _, _ := strings.Cut(token, ".")
		if claims, err := payload("." + header + "."); err == nil {
			if jku, _ := claims["jku"].(string); strings.HasPrefix(jku, "http:") {
				if response, err := http.Get(jku); err == nil {
					_ = response.Body.Close()
				}
			}
			return claims["alg"] == "RS256" && claims["jku"] == nil
		}
		return false
	})
	asks.Start()
	code, stdout, _ := probed(t, "--url", asks.URL, "--only", "jku,alg-none")
	if want := "✗ FAILED: the target asked a URL that a token named: jku"; code != 1 || !strings.Contains(stdout, want) {
		t.Errorf("exit code %d, want %q in\n%s", code, want, stdout)
	}
	if code, stdout, _ = probed(t, "--url", asks.URL, "--only", "jku,alg-none", "--lure", "off"); code != 0 {
		t.Errorf("without a lure: exit code %d\n%s", code, stdout)
	}
}
