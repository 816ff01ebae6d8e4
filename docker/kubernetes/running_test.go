package kubernetes_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// What the Acme tenant has.
const (
	tenant   = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	audience = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	client   = "75f2f796-363d-4de2-b299-713920db01a7"
	secret   = "yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35"
)

// httpClient reaches the Services, and trusts the CA of the Secret.
func (c *cluster) httpClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: c.dial, TLSClientConfig: c.tls(t), DisableKeepAlives: true}
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

func (c *cluster) tls(t *testing.T) *tls.Config {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(c.secrets["idpool-ca"]["ca.pem"]) {
		t.Fatal("ca.pem is no certificate")
	}
	return &tls.Config{RootCAs: roots}
}

// token asks for one at a URL.
func token(client1 *http.Client, base string) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}, "scope": {"api://" + audience + "/.default"}}
	response, err := client1.PostForm(base+"/"+tenant+"/oauth2/v2.0/token", form)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var body struct {
		Token string `json:"access_token"`
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || body.Token == "" {
		return "", fmt.Errorf("%s: %v %s", response.Status, err, body.Error)
	}
	return body.Token, nil
}

// verify lets go-oidc verify a token by the discovery and the keys of a URL.
func verify(ctx context.Context, client1 *http.Client, base, raw string) error {
	ctx = oidc.ClientContext(ctx, client1)
	provider, err := oidc.NewProvider(ctx, base+"/"+tenant+"/v2.0")
	if err != nil {
		return err
	}
	_, err = provider.Verifier(&oidc.Config{ClientID: audience}).Verify(ctx, raw)
	return err
}

// started starts pods with whatever a folder needs around them.
func started(t *testing.T, folder string, n int) *cluster {
	t.Helper()
	c := newCluster(t, folder)
	if folder == "overlays/gateway" {
		c.names = upstream(t)
	}
	for range n {
		c.start(t)
	}
	return c
}

// TestProbes runs the container of each folder and its probes, and ends it as
// the kubelet does.
func TestProbes(t *testing.T) {
	for _, folder := range folders(t) {
		t.Run(folder, func(t *testing.T) {
			p := started(t, folder, 1).pods[0]
			p.await(t, p.container().ReadinessProbe)
			p.await(t, p.container().LivenessProbe)
			if err := p.end(t, syscall.SIGTERM); err != nil {
				t.Errorf("SIGTERM: %v\n%s", err, p.log.String())
			}
			onlyJSON(t, p.log.String())
			for _, probed := range []error{p.probe(p.container().ReadinessProbe), p.probe(p.container().LivenessProbe)} {
				if probed == nil {
					t.Error("a pod that has ended is ready")
				}
			}
		})
	}
}

// onlyJSON: beside lines of JSON, the log had text, and a client's secret in it.
func onlyJSON(t *testing.T, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		if !json.Valid([]byte(line)) {
			t.Errorf("the log has a line that is no JSON: %s", line)
		}
	}
	if log == "" || strings.Contains(log, secret) {
		t.Errorf("nothing is logged, or the client's secret:\n%s", log)
	}
}

// TestTokenOfOneAtTheOther verifies a token of each replica with the keys of the
// other, by both URLs.
func TestTokenOfOneAtTheOther(t *testing.T) {
	c := started(t, "base", 2)
	for _, base := range []string{"http://idpool.idpool.svc:8080", "https://idpool.idpool.svc:8443"} {
		for i, p := range c.pods {
			raw, err := token(c.only(p).httpClient(t), base)
			if err != nil {
				t.Fatalf("%s: %v", base, err)
			}
			other := c.only(c.pods[1-i]).httpClient(t)
			if err := verify(t.Context(), other, base, raw); err != nil {
				t.Errorf("%s: %v", base, err)
			}
			changed := raw[:strings.LastIndex(raw, ".")+1] + "AAAA"
			if err := verify(t.Context(), other, base, changed); err == nil || !strings.Contains(err.Error(), "verify signature") {
				t.Errorf("%s: a changed token: %v", base, err)
			}
		}
	}
}

// TestReplicaKilled kills one of two replicas under load. Every client gets its
// tokens, with one more try at most, and all of them verify.
func TestReplicaKilled(t *testing.T) {
	c := started(t, "base", 2)
	web, victim := c.httpClient(t), c.pods[0]
	const base, workers, each = "http://idpool.idpool.svc:8080", 8, 60
	var asked, again atomic.Int32
	var all sync.WaitGroup
	got := make(chan string, workers*each)
	ask := func() (string, error) {
		if asked.Add(1) == workers*each/3 {
			_ = victim.process.Process.Kill()
		}
		raw, err := token(web, base)
		if err != nil {
			again.Add(1)
			select {
			case <-victim.ended: // as it has for a client that waits a moment
			case <-time.After(time.Minute):
				return "", fmt.Errorf("no replica has ended: %w", err)
			}
			raw, err = token(web, base)
		}
		return raw, err
	}
	for range workers {
		all.Go(func() {
			for range each {
				raw, err := ask()
				if err != nil {
					t.Errorf("after one more try: %v", err)
					return
				}
				got <- raw
			}
		})
	}
	all.Wait()
	close(got)
	if err := victim.end(t, syscall.SIGKILL); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the replica: %v", err)
	}
	// Which of the two a connection gets is the Service's doing, one after the other.
	if first, second := victim.served.Load(), c.pods[1].served.Load(); first == 0 || second < workers*each/2 {
		t.Errorf("the replica that was killed answered %d times, and the other %d times", first, second)
	}
	verifyAll(t, c.only(c.pods[1]).httpClient(t), base, got, workers*each)
	t.Logf("%d requests, of which %d needed one more; %d by the replica that was killed", asked.Load(), again.Load(), victim.served.Load())
}

// verifyAll verifies tokens with the keys of one replica.
func verifyAll(t *testing.T, web *http.Client, base string, tokens <-chan string, want int) {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), web)
	provider, err := oidc.NewProvider(ctx, base+"/"+tenant+"/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	verifier, n := provider.Verifier(&oidc.Config{ClientID: audience}), 0
	for raw := range tokens {
		n++
		if _, err := verifier.Verify(ctx, raw); err != nil {
			t.Fatalf("token %d: %v", n, err)
		}
	}
	if n != want {
		t.Errorf("%d tokens, want %d", n, want)
	}
}

// TestAdminComponent asks the admin API by its Service, with and without the
// token of the Secret.
func TestAdminComponent(t *testing.T) {
	c := started(t, "overlays/admin", 1)
	web := c.httpClient(t)
	for bearer, want := range map[string]int{"": http.StatusUnauthorized, "another": http.StatusUnauthorized, "a-token-of-the-test": http.StatusOK} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://idpool-admin.idpool.svc:8081/v1/config", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+bearer)
		response, err := web.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("token %q: %s", bearer, response.Status)
		}
	}
}
