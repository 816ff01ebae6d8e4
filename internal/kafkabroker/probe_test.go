package kafkabroker

import (
	"testing"
	"time"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/clientsettings"
	"github.com/idpool/idpool/probe"
)

// probed is what the probe reports of a broker of a version, by the settings
// that are printed for one.
func probed(t *testing.T, version string) probe.Report {
	t.Helper()
	lib := LibOf(t, version)
	s := startStack(t, idpool.Acme())
	config := follow(t, printed(t, s, clientsettings.Settings{SecurityProtocol: "SASL_PLAINTEXT"}))
	config.Lib = lib
	c := Start(t, config)
	tokens, err := forge.All(forge.Source{Token: acquire(t, s), Key: idp.TestKeys().Signer(), Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	r := probe.Run(t.Context(), probe.Kafka{
		Bootstrap:  c.Bootstrap("SASL_PLAINTEXT")[0],
		Extensions: map[string]string{"logicalCluster": "lkc-acme"}, // which the command sends to every broker
	}, tokens, probe.Config{Timeout: time.Minute})
	t.Logf("%s in %v: %s", version, r.Took, r.Sentence())
	return r
}

// TestProbe: idpool probe tells a broker that takes any token (CVE-2026-33557,
// 4.1.0 and 4.1.1) from one that is mended, by settings that are right for both.
func TestProbe(t *testing.T) {
	t.Run("4.1.0", func(t *testing.T) {
		r := probed(t, "4.1.0")
		if r.Conclusion != probe.Failed || r.Problem != "" {
			t.Errorf("%s: %s", r.Conclusion, r.Sentence())
		}
		outcomes := map[string]probe.Outcome{}
		for _, one := range r.Results {
			outcomes[one.Name] = one.Outcome
		}
		for name, want := range map[string]probe.Outcome{
			// Nobody looks at the signature, the issuer or the time before which a
			// token does not count; a token that has expired cannot be used.
			"valid": probe.Right, "payload-tampered": probe.Wrong, "wrong-key": probe.Wrong, "kid-unknown": probe.Wrong,
			"alg-none-filled": probe.Wrong, "hs256-pem": probe.Wrong, "issuer-wrong": probe.Wrong, "not-yet-valid": probe.Wrong,
			"audience-wrong": probe.Noted, "expired": probe.Right, "empty": probe.Right, "payload-word": probe.Right,
		} {
			if outcomes[name] != want {
				t.Errorf("%s is %q, want %q", name, outcomes[name], want)
			}
		}
	})
	t.Run("4.1.2", func(t *testing.T) {
		if r := probed(t, "4.1.2"); r.Conclusion != probe.Passed {
			t.Errorf("%s: %s", r.Conclusion, r.Sentence())
		}
	})
}
