package idpool

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
)

// BenchmarkStart: the stack until it answers, and its end, against as many bare
// http servers, and without https in the same run: what the certificate costs.
func BenchmarkStart(b *testing.B) {
	var ours, plain, bare time.Duration
	config, withoutHTTPS := Acme(), Acme()
	withoutHTTPS.Listeners.HTTPS.Address = Off
	withoutHTTPS.Listeners.Kafka.SecurityProtocol = "SASL_PLAINTEXT" // which needs no certificate
	for b.Loop() {
		ours += timeStart(b, config)
		plain += timeStart(b, withoutHTTPS)
		begin := time.Now()
		for range 3 {
			bareServer(b)
		}
		bare += time.Since(begin)
	}
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N)/1000, "ms/start")
	b.ReportMetric(float64(ours)/float64(plain), "×without-https")
	b.ReportMetric(float64(ours)/float64(bare), "×bare")
}

func timeStart(b *testing.B, c Config) time.Duration {
	b.Helper()
	begin := time.Now()
	s, err := Start(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	took := time.Since(begin)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return took
}

func bareServer(b *testing.B) {
	l, err := net.Listen("tcp", freePort)
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	_ = server.Close()
	<-done
}

// BenchmarkFirstStart is what a test process pays: the first stack, with the
// filter compiler not yet warm. Run it with -benchtime 1x.
func BenchmarkFirstStart(b *testing.B) {
	for b.Loop() {
		s, err := Start(b.Context(), Acme())
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		_ = s.Close()
		b.StartTimer()
	}
}

// largeConfig has many applications and pools.
func largeConfig(applications, pools int) Config {
	c := Acme()
	for i := range applications {
		c.Tenants[0].Applications = append(c.Tenants[0].Applications, idp.Application{
			AppID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), PasswordCredentials: []idp.PasswordCredential{{SecretText: "s"}},
			AppRoleAssignments: []idp.AppRoleAssignment{{Resource: api, Roles: []string{"dev.environmentAdmin"}}},
		})
	}
	for i := range pools {
		c.IdentityProviders[0].IdentityPools = append(c.IdentityProviders[0].IdentityPools, pool.Config{
			ID: fmt.Sprintf("pool-%d", i), Filter: fmt.Sprintf("claims.azp == '%d'", i),
		})
	}
	return c
}

// BenchmarkLargeStart: 10,000 applications and 1,000 pools, from Go values.
func BenchmarkLargeStart(b *testing.B) {
	c := largeConfig(10_000, 1_000)
	for b.Loop() {
		s, err := New(c)
		if err != nil {
			b.Fatal(err)
		}
		_ = s.Close()
	}
}

// hundredTenants is a config file of 100 tenants with 1,000 applications each.
func hundredTenants() []byte {
	var file bytes.Buffer
	file.WriteString("tenants:\n")
	for i := range 100 {
		fmt.Fprintf(&file, "  - id: 00000000-0000-4000-9000-%012d\n    applications:\n", i)
		for j := range 1_000 {
			fmt.Fprintf(&file, "      - appId: 00000000-0000-4000-8000-%06d%06d\n        identifierUris: [api://%d/%d]\n", i, j, i, j)
			fmt.Fprintf(&file, "        appRoles: [{value: reader}]\n        passwordCredentials: [{secretText: secret}]\n")
		}
	}
	return file.Bytes()
}

// BenchmarkLoadHundredTenants: from the text of the file to a stack.
func BenchmarkLoadHundredTenants(b *testing.B) {
	file := hundredTenants()
	for b.Loop() {
		c, err := Parse("large.yaml", file)
		if err != nil {
			b.Fatal(err)
		}
		s, err := New(c)
		if err != nil {
			b.Fatal(err)
		}
		_ = s.Close()
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/load")
}

// BenchmarkKafkaLogins logs in by a token that has been seen, a connection each,
// on as many at once as there are processors.
func BenchmarkKafkaLogins(b *testing.B) {
	s, err := Start(b.Context(), Acme())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	token, err := s.Token(b.Context(), idp.TokenRequest{Tenant: acmeTenant, ClientID: acmeClient, Scope: acmeScope, InsecureSkipCredential: true})
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := kafkaLogin(s.Kafka, token.AccessToken); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "logins/s")
}

// kafkaLogin sends SaslHandshake and SaslAuthenticate, and wants a session.
func kafkaLogin(address, token string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, "OAUTHBEARER"
	authenticate := kmsg.NewPtrSASLAuthenticateRequest()
	authenticate.Version = 1
	authenticate.SASLAuthBytes = []byte("n,,\x01auth=Bearer " + token + "\x01logicalCluster=lkc-acme\x01identityPoolId=pool-dev\x01\x01")
	answer := make([]byte, 4096)
	for _, request := range []kmsg.Request{handshake, authenticate} {
		if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, request, 1)); err != nil {
			return err
		}
		n, err := conn.Read(answer)
		if err != nil {
			return err
		}
		if n < 10 || answer[8] != 0 || answer[9] != 0 { // size, correlation id, error
			return fmt.Errorf("%T: % x", request, answer[:n])
		}
	}
	return nil
}

// BenchmarkTokenOfAStack: a token through all that a request passes (scope,
// journal, metrics, faults that are not there) against one RS256 signature.
func BenchmarkTokenOfAStack(b *testing.B) {
	s := start(b, Acme())
	door := s.door("http")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("idpool"))
	body := "grant_type=client_credentials&client_id=" + client + "&client_secret=" + secret + "&scope=" + acmeScope
	var ours, signature time.Duration
	for b.Loop() {
		begin := time.Now()
		answered(b, door, http.MethodPost, "/"+acme+"/oauth2/v2.0/token", body)
		middle := time.Now()
		if _, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]); err != nil {
			b.Fatal(err)
		}
		ours += middle.Sub(begin)
		signature += time.Since(middle)
	}
	b.ReportMetric(float64(ours)/float64(signature), "×signature")
}

// BenchmarkEntry: what finding the scope, the journal and the metrics add to a
// request, with an identity provider that does nothing but say what it is about.
func BenchmarkEntry(b *testing.B) {
	s := start(b, Acme())
	idle := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if o, ok := w.(idp.Observer); ok {
			o.Observe(idp.Event{Endpoint: "token", Tenant: acme, ClientID: client, Scope: acmeScope, RequestID: "a2f2ad2e-3f6a-4b93-8a3c-2f1b7d0f6a11"})
		}
		w.WriteHeader(http.StatusOK)
	})
	s.current().handlers[s.HTTP] = func() http.Handler { return idle }
	door := s.door("http")
	r := httptest.NewRequest(http.MethodPost, "/"+acme+"/oauth2/v2.0/token", nil)
	var w discard
	var ours, alone time.Duration
	const turns = 100 // of each, since reading the clock takes as long as one
	for b.Loop() {
		begin := time.Now()
		for range turns {
			door.ServeHTTP(w, r)
		}
		middle := time.Now()
		for range turns {
			idle.ServeHTTP(w, r)
		}
		ours += middle.Sub(begin)
		alone += time.Since(middle)
	}
	b.ReportMetric(float64((ours-alone).Nanoseconds())/float64(b.N*turns)/1000, "µs/entry")
}

// discard is a ResponseWriter that keeps nothing.
type discard struct{}

func (discard) Header() http.Header         { return nil }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// answered makes a request that has to succeed.
func answered(b *testing.B, h http.Handler, method, path, body string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatal(w.Body)
	}
}

// BenchmarkChange: a change of the Config while the stack runs, of the Acme
// config and of one with 3,000 applications and 500 pools.
func BenchmarkChange(b *testing.B) {
	for name, c := range map[string]Config{"acme": Acme(), "large": largeConfig(3_000, 500)} {
		b.Run(name, func(b *testing.B) {
			s, err := New(c)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			names := []string{"one", "other"}
			for i := 0; b.Loop(); i++ {
				if err := s.Change(b.Context(), func(c *Config) error {
					c.Tenants[0].DisplayName = names[i%2]
					return nil
				}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
