package clients

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/internal/imports"
	"github.com/idpool/idpool/validator"
)

// The names of testdata/stack.yaml.
const (
	acme           = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	confluent      = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	service        = "75f2f796-363d-4de2-b299-713920db01a7"
	servicePrin    = "b1841e28-d943-4d11-822a-253ef2835b4c"
	secret         = "yOZ8Q~iSK_Zh9IA5Hz&icuY.lK+nlka%20VIkpuxc35"
	expiredSecret  = "last.years~secret"
	workload       = "0b9a6f1e-3d4c-4f57-8a43-5d0c1f5a7e21"
	workloadPrin   = "5f0a4e0b-1d9e-4c86-9a55-0c8a4d4c9b02"
	farm           = "c2d1f9b0-58f6-4a0a-9f0e-7f8f2b1a9d33"
	pipeline       = "4c3b2a19-0817-4f6e-9d5c-4b3a29180716"
	pipelineSecret = "pipeline~secret"
	webAppPrin     = "2c8b6f0e-9a41-4d59-8e0a-3f5b7c9d1e20"
	shared         = "6e4d2c1b-0a9f-4e8d-b7c6-a5f4e3d2c1b0"
	sharedPrin     = "7f3e1d2c-5b4a-4698-8776-655443322110"
	sharedID       = "/subscriptions/5c1f0c7e-8f51-4f0b-9a39-2f1d8f7f3a55/resourcegroups/acme/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shared-identity"

	scope         = "api://confluent/.default"
	scopeV1       = "api://confluent-v1/.default"
	exchangeScope = "api://AzureADTokenExchange/.default"
)

//go:embed testdata/stack.yaml
var stackYAML string

// clientCertificate is registered for the application service, and with its key
// lets anybody in as it.
type clientCertificate struct {
	key  *rsa.PrivateKey
	leaf *x509.Certificate
}

// registered is the registered one.
var registered = sync.OnceValue(makeCertificate)

func makeCertificate() clientCertificate {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "acme-service"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return clientCertificate{key, leaf}
}

// thumbprint is the x5t that assertions name the certificate by.
func (c clientCertificate) thumbprint() string {
	sum := sha1.Sum(c.leaf.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// keyPEM is the key as PKCS #8, which every library reads.
func (c clientCertificate) keyPEM(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func (c clientCertificate) leafPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.leaf.Raw})
}

// freeAddress is one of this machine that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// start runs testdata/stack.yaml. publicURL is that of the https listener;
// empty means https://localhost:PORT. The ports are known beforehand because a
// federated credential names its issuer in full; should another program take
// one in between, others are tried.
func start(t *testing.T, publicURL string) *idpool.Stack {
	t.Helper()
	var err error
	for range 10 {
		plain, secure := freeAddress(t), freeAddress(t)
		url := publicURL
		if url == "" {
			url = "https://localhost:" + portOf(secure)
		}
		text := strings.NewReplacer("HTTP_ADDRESS", plain, "HTTPS_ADDRESS", secure, "HTTPS_URL", url,
			"RESOURCE", fmt.Sprintf("api://confluent/stack-%d", started.Add(1)), "CERTIFICATE", base64.StdEncoding.EncodeToString(registered().leaf.Raw)).Replace(stackYAML)
		config, invalid := idpool.Parse("stack.yaml", []byte(text))
		if invalid != nil {
			t.Fatal(invalid)
		}
		var s *idpool.Stack
		if s, err = idpool.Start(context.Background(), config); err == nil {
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			return s
		}
	}
	t.Fatal(err)
	return nil
}

// started numbers the stacks of this process.
var started atomic.Int64

// ownResource names the API Confluent Cloud as no other stack does: MSAL for Go
// keeps the tokens of managed identities in one cache for the whole process.
func ownResource(s *idpool.Stack) string {
	return s.Config().Tenants[0].Applications[0].IdentifierURIs[1]
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// want is what a token must say besides being allowed.
type want struct {
	principal string // oid and sub
	acr       string // azpacr or appidacr: 1 a secret, 2 a certificate
	pool      string // empty means pool-v2
}

// check puts a token to the broker's side and looks at its claims.
func check(t *testing.T, s *idpool.Stack, token string, w want) {
	t.Helper()
	if w.pool == "" {
		w.pool = "pool-v2"
	}
	d := s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: w.pool})
	if !d.Allowed {
		t.Errorf("refused at %+v, causes %+v", d.Failed(), d.Causes)
	}
	claims := claimsOf(t, token)
	wanted := map[string]any{"tid": acme, "oid": w.principal, "sub": w.principal, "ver": "2.0", "azpacr": w.acr}
	if w.pool == "pool-v1" {
		delete(wanted, "azpacr")
		wanted["ver"], wanted["appidacr"], wanted["aud"] = "1.0", w.acr, "api://confluent-v1"
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if claims[name] != wanted[name] {
			t.Errorf("claim %s is %v, want %v", name, claims[name], wanted[name])
		}
	}
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts, want 3", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// wantError wants the number of an error of Azure in what a library says.
func wantError(t *testing.T, err error, number string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("got a token, want %s", number)
	case !strings.Contains(err.Error(), number+":"):
		t.Errorf("the error is %v, want %s in it", err, number)
	}
}

// writeFile writes into the test's own folder.
func writeFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestImports(t *testing.T) { imports.Check(t, ".") }
