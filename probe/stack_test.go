package probe_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/probe"
)

// decisions asks the admin listener of a stack, which answers 200 to whatever
// can be decided.
type decisions struct{ url string }

func (d decisions) Try(ctx context.Context, token string) (probe.Answer, error) {
	body, err := json.Marshal(map[string]string{"token": token, "cluster": "lkc-acme", "pool": "pool-dev"})
	if err != nil {
		return probe.Answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/v1/decisions", strings.NewReader(string(body)))
	if err != nil {
		return probe.Answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return probe.Answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	var decision struct{ Allowed *bool }
	if err := json.NewDecoder(response.Body).Decode(&decision); err != nil || decision.Allowed == nil {
		return probe.Answer{}, fmt.Errorf("%s, no decision: %v", response.Status, err)
	}
	if *decision.Allowed {
		return probe.Answer{Verdict: probe.Accepted, Said: response.Status}, nil
	}
	return probe.Answer{Verdict: probe.Refused, Said: response.Status}, nil
}

// TestStack: idpool's own listeners refuse all that it can forge, whichever
// way it is sent.
func TestStack(t *testing.T) {
	s, err := idpool.Start(t.Context(), idpool.Acme())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	token, err := s.Token(t.Context(), idp.TokenRequest{Tenant: idp.Acme().ID, ClientID: acmeClient, Scope: acmeAPI + "/.default", InsecureSkipCredential: true})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := forge.All(forge.Source{Token: token.AccessToken, Key: idp.TestKeys().Signer(), Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(s.CA())
	extensions := map[string]string{"logicalCluster": "lkc-acme", "identityPoolId": "pool-dev"}
	for name, target := range map[string]probe.Target{
		"decisions":      decisions{s.Admin},
		"SASL_PLAINTEXT": probe.Kafka{Bootstrap: s.Kafka, Extensions: extensions},
		"SASL_SSL":       probe.Kafka{Bootstrap: s.Kafka, Extensions: extensions, TLS: &tls.Config{RootCAs: trusted}},
		"no pool":        probe.Kafka{Bootstrap: s.Kafka, Extensions: map[string]string{"logicalCluster": "lkc-acme"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := probe.Run(t.Context(), target, tokens, probe.Config{})
			if r.Conclusion != probe.Passed || r.Counts.Right < 200 {
				got, _ := text(r)
				t.Errorf("%s", got)
			}
		})
	}
}
