package idp

import (
	"context"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// fetchTimeout bounds the fetch of an issuer's document and keys.
	fetchTimeout = 10 * time.Second
	// maxDocument is how much of an answer is read.
	maxDocument = 1 << 20
	// maxIssuers is how many issuers' keys are remembered.
	maxIssuers = 1000
	// keysLifetime is how long keys are used before they are fetched again, so
	// that a key an issuer withdraws stops working.
	keysLifetime = time.Hour
)

// issuers are the OpenID Connect issuers that federated identity credentials
// trust, with the keys that were fetched from them. Only an issuer that a
// credential of the config names is ever asked.
//
// The fetching is here and not in a library since a key that is unknown, an
// issuer that fails and a signature that is wrong are three answers of Azure's.
type issuers struct {
	client *http.Client
	now    func() time.Time
	logger *slog.Logger

	mu    sync.Mutex
	known map[string]*issuer
}

func newIssuers(c Config) *issuers {
	client := c.Client
	if client == nil {
		client = &http.Client{Timeout: fetchTimeout}
	}
	return &issuers{client: client, now: c.Now, logger: c.Logger, known: map[string]*issuer{}}
}

// issuer is one of them. Its keys are replaced as a whole.
type issuer struct {
	url string

	mu      sync.Mutex
	keys    []issuerKey
	fetched time.Time // of keys
	version int       // of keys: how often they were fetched
	flight  *flight   // the fetch that is under way, or nil
}

// issuerKey is a key that an issuer publishes.
type issuerKey struct {
	id     string // kid
	public *rsa.PublicKey
}

// flight is a fetch that several requests wait for.
type flight struct {
	done chan struct{} // closed at the end; keys and err are there then
	keys []issuerKey
	err  error
}

// verify verifies an assertion with the keys of its issuer. Keys that do not
// fit are fetched again, once: the issuer may have new ones.
func (x *issuers) verify(ctx context.Context, a *application, j *jws) *Error {
	from := x.issuer(j.claims.Iss)
	keys, version := from.cached(x.now())
	if keys != nil && verifyWith(keys, a, j) == nil {
		return nil
	}
	keys, err := x.fetch(ctx, from, version)
	if err != nil {
		return newError(50166)
	}
	return verifyWith(keys, a, j)
}

// issuer finds or begins what is known of an issuer.
func (x *issuers) issuer(url string) *issuer {
	x.mu.Lock()
	defer x.mu.Unlock()
	if known := x.known[url]; known != nil {
		return known
	}
	for other := range x.known {
		if len(x.known) < maxIssuers {
			break
		}
		delete(x.known, other) // any will do: it is fetched again when needed
	}
	x.known[url] = &issuer{url: url}
	return x.known[url]
}

// cached are the keys, unless they have to be fetched, and their version.
func (i *issuer) cached(now time.Time) ([]issuerKey, int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if age := now.Sub(i.fetched); age < 0 || age >= keysLifetime {
		return nil, i.version
	}
	return i.keys, i.version
}

// fetch gets keys that are newer than a version, or waits for a fetch that is
// under way. Whoever began it ends it even if its own client leaves: others
// may wait.
func (x *issuers) fetch(ctx context.Context, from *issuer, version int) ([]issuerKey, error) {
	from.mu.Lock()
	if from.version != version { // somebody's fetch ended meanwhile
		defer from.mu.Unlock()
		return from.keys, nil
	}
	f := from.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		from.flight = f
		from.mu.Unlock()
		x.fly(ctx, from, f)
		return f.keys, f.err
	}
	from.mu.Unlock()
	select {
	case <-f.done:
		return f.keys, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fly makes a fetch for all who wait.
func (x *issuers) fly(ctx context.Context, from *issuer, f *flight) {
	// A client of the config's own may have no timeout.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	f.keys, f.err = x.download(bounded, from.url)
	if f.err != nil {
		x.logger.Warn("issuer of a federated identity credential failed", "issuer", from.url, "error", f.err.Error())
	}
	from.mu.Lock()
	if f.err == nil {
		from.keys, from.fetched, from.version = f.keys, x.now(), from.version+1
	}
	from.flight = nil
	from.mu.Unlock()
	close(f.done)
}

// download reads the discovery document (OpenID Connect Discovery 1.0, 4) and
// the JWKS that it points to.
func (x *issuers) download(ctx context.Context, issuer string) ([]issuerKey, error) {
	var document struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := x.read(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", &document); err != nil {
		return nil, err
	}
	// OpenID Connect Discovery 1.0, 4.3: to the letter, or one tenant of an
	// issuer could speak for another.
	if document.Issuer != issuer {
		return nil, fmt.Errorf("its discovery document is of issuer %q", shorten(document.Issuer))
	}
	if u, err := url.Parse(document.JWKSURI); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("its jwks_uri %q is no absolute URL", shorten(document.JWKSURI))
	}
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := x.read(ctx, document.JWKSURI, &set); err != nil {
		return nil, err
	}
	return readKeySet(set.Keys)
}

// read gets a JSON document. A member that occurs twice is not for us to mind:
// the document is the issuer's, and unlike an assertion read by one party only.
func (x *issuers) read(ctx context.Context, from string, to any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	response, err := x.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: status %d, want 200", from, response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err != nil {
		return fmt.Errorf("GET %s: %v", from, err)
	}
	if len(body) > maxDocument {
		return fmt.Errorf("GET %s: more than %d bytes", from, maxDocument)
	}
	if err := json.Unmarshal(body, to, jsontext.AllowDuplicateNames(true)); err != nil {
		return fmt.Errorf("GET %s: no such JSON (%d bytes of %q): %v", from, len(body), response.Header.Get("Content-Type"), err)
	}
	return nil
}

// readKeySet keeps the RSA signing keys of a JWKS (RFC 7517 5) and passes over
// what it does not understand, as the RFC wants it.
func readKeySet(keys []jsontext.Value) ([]issuerKey, error) {
	var read []issuerKey
	for _, raw := range keys {
		var k struct {
			Kty string `json:"kty"`
			Use string `json:"use"`
			Kid string `json:"kid"`
			N   string `json:"n"`
			E   string `json:"e"`
		}
		if json.Unmarshal(raw, &k) != nil || k.Kty != "RSA" || k.Use != "" && k.Use != "sig" {
			continue
		}
		if public := rsaKey(k.N, k.E); public != nil {
			read = append(read, issuerKey{k.Kid, public})
		}
	}
	if len(read) == 0 {
		return nil, errors.New("its JWKS has no RSA key for signatures of 2048 to 8192 bits")
	}
	return read, nil
}

// rsaKey reads the members of an RSA key (RFC 7518 6.3.1); nil when they make
// none that is safe, or cheap enough, to verify with.
func rsaKey(n, e string) *rsa.PublicKey {
	modulus, ok := decodeBase64URL(urlAlphabet(n))
	exponent, ok2 := decodeBase64URL(urlAlphabet(e))
	if !ok || !ok2 || len(exponent) > 4 {
		return nil
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(exponent).Int64())}
	if bits := key.N.BitLen(); bits < 2048 || bits > 8192 || key.E < 3 || key.E%2 == 0 || key.E > 1<<31-1 {
		return nil
	}
	return key
}

// verifyWith verifies an assertion with the key that its kid names, or, when
// it has no kid, with any.
func verifyWith(keys []issuerKey, a *application, j *jws) *Error {
	kid, found := j.header.Kid, false
	for _, k := range keys {
		if kid != "" && k.id != "" && k.id != kid { // RFC 7517 4.5: a key need not have one
			continue
		}
		if j.verify(k.public) {
			return nil
		}
		found = found || kid == "" || k.id == kid
	}
	if !found {
		return newError(7000272, "kid", showKid(kid), "iss", shorten(j.claims.Iss))
	}
	reason := "Key was found, but use of the key to verify the signature failed."
	if kid != "" {
		reason += ", Thumbprint of key used by client: '" + showKid(kid) + "'"
	}
	return newError(700027, "reason", reason, "appId", a.AppID, "sni", "")
}

// showKid is a kid as Azure prints it: a thumbprint in hex, others as sent.
func showKid(kid string) string {
	if thumbprint := decodeThumbprint(kid); thumbprint != nil {
		return strings.ToUpper(hex.EncodeToString(thumbprint))
	}
	return shorten(kid)
}
