package main

import (
	"encoding/base64"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/idpool/idpool"
)

// environment is the variables for a stack that runs, by http and without TLS.
func environment(s *idpool.Stack) map[string]string {
	return map[string]string{
		"TOKEN_ENDPOINT":    s.HTTP + "/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/oauth2/v2.0/token",
		"CLIENT_ID":         "75f2f796-363d-4de2-b299-713920db01a7",
		"CLIENT_SECRET":     "yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35",
		"SCOPE":             "api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default",
		"BROKERS":           s.Kafka,
		"SECURITY_PROTOCOL": "SASL_PLAINTEXT",
		"LOGICAL_CLUSTER":   "lkc-acme",
		"IDENTITY_POOL":     "pool-dev",
		"LIMIT":             "2m",
	}
}

// start is the Acme tenant, until the test ends.
func start(t *testing.T) *idpool.Stack {
	t.Helper()
	c := idpool.Acme()
	c.Listeners.Admin.Address = idpool.Off
	s, err := idpool.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// runWith runs the program with variables changed, and returns what it prints.
func runWith(t *testing.T, variables map[string]string) (string, error) {
	t.Helper()
	var stdout strings.Builder
	err := run(t.Context(), func(name string) string { return variables[name] }, &stdout)
	return stdout.String(), err
}

func TestRun(t *testing.T) {
	s := start(t)
	// The second finds the topic there, the group's offsets, and the first one's
	// records.
	for range 2 {
		got, err := runWith(t, environment(s))
		if err != nil {
			t.Fatal(err)
		}
		want := "produced and consumed 100 records of orders at " + s.Kafka + ", with a token of " +
			s.HTTP + "/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/v2.0\n"
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestTLS is the token and Kafka by an authority in a file.
func TestTLS(t *testing.T) {
	s := start(t)
	variables := environment(s)
	variables["TOKEN_ENDPOINT"] = s.HTTPS + "/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/oauth2/v2.0/token"
	variables["SECURITY_PROTOCOL"] = "" // SASL_SSL
	if _, err := runWith(t, variables); err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("without the CA the error is %v", err)
	}
	variables["CA_FILE"] = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(variables["CA_FILE"], s.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := runWith(t, variables)
	if err != nil || !strings.Contains(got, "with a token of "+s.HTTPS) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestErrors is what a person is told, in place of a client that tries again
// until the limit.
func TestErrors(t *testing.T) {
	s := start(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	noPEM := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(noPEM, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ variable, value, want string }{
		{"CLIENT_ID", "", "CLIENT_ID is not set"},
		{"CLIENT_SECRET", "", "CLIENT_SECRET is not set"},
		{"SCOPE", "", "SCOPE is not set"},
		{"BROKERS", "", "BROKERS is not set"},
		{"LOGICAL_CLUSTER", "", "LOGICAL_CLUSTER is not set"},
		{"IDENTITY_POOL", "", "IDENTITY_POOL is not set"},
		{"LIMIT", "soon", `LIMIT is "soon", want a duration such as 90s`},
		{"SECURITY_PROTOCOL", "SSL", `SECURITY_PROTOCOL is "SSL", want SASL_SSL or SASL_PLAINTEXT`},
		{"CA_FILE", "missing.pem", "CA_FILE: open missing.pem: no such file or directory"},
		{"CA_FILE", noPEM, "CA_FILE: " + noPEM + " has no certificate in it"},
		{"CLIENT_SECRET", "wrong", "no token: " + s.HTTP + "/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/oauth2/v2.0/token answers 401 Unauthorized: "},
		{"TOKEN_ENDPOINT", "http://" + nobody, "no token: Post \"http://" + nobody + "\": dial tcp " + nobody},
		{"IDENTITY_POOL", "pool-none", "topic orders cannot be created: "},
		{"IDENTITY_POOL", "pool-prod", "topic orders cannot be created: "},
	} {
		t.Run(tc.variable+"="+tc.value, func(t *testing.T) {
			variables := environment(s)
			variables[tc.variable] = tc.value
			got, err := runWith(t, variables)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) || got != "" {
				t.Errorf("got %q, %v, want %s", got, err, tc.want)
			}
		})
	}
}

// TestLimit is a Kafka that never comes.
func TestLimit(t *testing.T) {
	s := start(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	variables := environment(s)
	variables["BROKERS"], variables["LIMIT"] = closed.Addr().String(), "5s" // the token comes before
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = runWith(t, variables)
	if err == nil || !strings.Contains(err.Error(), "(it is not done after LIMIT, which is 5s)") {
		t.Errorf("the error is %v", err)
	}
}

func TestIssuer(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	for token, want := range map[string]string{
		"e30." + encode([]byte(`{"iss":"https://example.com"}`)) + ".c2ln": "https://example.com",
		"opaque":               "nobody, since it is no JWT (unexpected end of JSON input)",
		"e30." + "!" + ".c2ln": "nobody, since it is no JWT (illegal base64 data at input byte 0)",
	} {
		if got := issuer(token); got != want {
			t.Errorf("the issuer of %s is %q, want %q", token, got, want)
		}
	}
}
