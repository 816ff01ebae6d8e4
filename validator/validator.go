// Package validator decides as the broker of Confluent Cloud does whether a
// token may log in, and says of every check what it saw and what it wanted.
//
// Begin with [New] and [Validator.Validate]. The package fetches keys (JWKS)
// over HTTP from the providers of its [Config] and from nowhere else; it never
// follows a URL that a token names. It does not read SASL messages, and it does
// not find out why a setting is as it is: that is for packages broker and
// explain.
//
// Where neither Confluent nor the RFCs say what happens, these hold:
//
//   - A token without kid fails the key check, since Confluent finds keys by
//     kid (inferred).
//   - typ is not looked at, neither Apache Kafka nor anything that Confluent
//     documents does. crit and b64, which change what the signature means, fail
//     the format check; jku, jwk, x5u and x5c are not looked at.
//   - aud may be missing, a string or a list of strings; anything else fails
//     the format check. Whether it is the right one is for a filter to say.
//   - exp and iat are required, as in Apache Kafka, and fail the expiry check
//     when missing or no NumericDate. An iat in the future is no failure.
//   - The algorithm check comes before the provider check, and yet asks the list
//     of the provider that iss selects; only a token of an unknown issuer is
//     compared with the lists of all.
//   - An unknown id fails a whole list of pools. The filters of the others are
//     not tried.
//   - The principal is User:pool-… whenever one pool matched, also by auto pool
//     mapping; the identity claim is the pool's only when it alone was named.
package validator

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/idpool/idpool/pool"
)

// Config says whom a Validator trusts. The zero Config trusts nobody and
// refuses every token at the provider check.
type Config struct {
	// Providers are the identity providers. No id and no issuer may occur
	// twice.
	Providers []Provider
	// Clusters are the ids that the logicalCluster extension may name. Nil
	// means that the cluster is not looked at; empty allows none.
	Clusters []string
	// Organization is the UUID in the CRN of an identity. Empty means
	// DefaultOrganization.
	Organization string
	// ClockSkew is how far clocks may differ. Zero means 30 s, as Apache Kafka
	// has it; a negative value means none.
	ClockSkew time.Duration
	// MaxTokenBytes is the size above which a token is not read. Zero means
	// 16 KiB.
	MaxTokenBytes int
	// CacheSize is how many verdicts are remembered, at about 4.5 KB each.
	// Zero means 1024, a negative value none.
	CacheSize int
	// Now tells the time. Nil means time.Now.
	Now func() time.Time
	// Machine tells the machine's time, by which a pause between two fetches ends,
	// too, when Now stands still. Nil means time.Now.
	Machine func() time.Time
	// Client fetches JWKS. Nil means one with a timeout of 10 s, which is also
	// the timeout of a Client that has none. The Client is copied; redirects
	// are followed within the host of the JWKS only, whatever it says.
	Client *http.Client
	// Fetched is told of every fetch of a JWKS before its keys count, and so
	// before any login that waits for them goes on. It may be called from
	// several goroutines at once; it must not call Close, which waits for it.
	// Nil means that nobody is told.
	Fetched func(Fetch)
}

// DefaultOrganization is the organization of a Config that names none.
const DefaultOrganization = "00000000-0000-0000-0000-000000000000"

// Provider is an identity provider as Confluent Cloud has it: an issuer, the
// place of its keys, and identity pools.
type Provider struct {
	// ID is the provider's id, such as op-acme.
	ID string
	// Issuers are the values of iss that select this provider, compared
	// exactly. Confluent has one; a tenant of idpool has one per listener.
	Issuers []string
	// JWKSURI is where the keys are (RFC 7517): an absolute http or https URL.
	JWKSURI string
	// Algorithms may sign (RFC 7518 3.1, RFC 8037): RS256, RS384, RS512,
	// PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA. None means RS256.
	Algorithms []string
	// UnknownKid says what happens when a token's kid is not among the keys.
	// Empty means Refetch.
	UnknownKid UnknownKid
	// RefetchPause is the least time between two fetches that unknown kids
	// cause. Zero means 1 s. With FailThenRefetch it counts for each kid, of
	// which 16 are remembered, and zero means 1 min, as Apache Kafka has it.
	RefetchPause time.Duration
	// IdentityClaim names the client when not exactly one pool is asked for.
	// Empty means the first matching pool's own.
	IdentityClaim string
	// Pools are the provider's identity pools. Pool ids are unique over all
	// providers.
	Pools []*pool.Pool
}

// UnknownKid is what to do about a token whose key is not known.
type UnknownKid string

// The ways to treat an unknown kid.
const (
	Refetch         UnknownKid = "refetch"           // fetch again, then answer
	FailThenRefetch UnknownKid = "fail-then-refetch" // Apache Kafka: this attempt fails, the next finds the key
	Never           UnknownKid = "never"             // Confluent Cloud: until max-age is over
)

// Request asks whether a token may log in.
type Request struct {
	// Token is the bearer token in compact form.
	Token string
	// Cluster is the logicalCluster extension.
	Cluster string
	// Pools is the identityPoolId extension as on the wire: one id, a comma
	// list of up to 100, or empty for auto pool mapping. Ids are compared
	// exactly, white space included; one unknown id refuses the whole list,
	// so that a misspelt one does not go unnoticed.
	Pools string
	// All asks for every check that can be made, not only those up to the
	// first failure.
	All bool

	// Unverified leaves out the checks key and signature, so that nothing is
	// fetched. It is for explaining a token whose signature has been cut off,
	// which may have two parts then; a broker must never set it.
	Unverified bool
	// Claims are the payload of a token that is not at hand itself. When they
	// are not nil, Token is not read and the checks of it are left out too.
	Claims map[string]any
	// Operation is what the client wants to do once it is logged in. With a
	// Name there is a twelfth check, authorization.
	Operation pool.Operation
	// Extensions are the SASL extensions as received, by key, the two above
	// included. A key that the grammar does not allow fails the check cluster;
	// otherwise they are for explaining.
	Extensions map[string]string
}

// plain reports whether a Request is one that a broker makes, whose verdict may
// be remembered.
func (r Request) plain() bool {
	_, spoils := r.BadExtension()
	return !r.Unverified && r.Claims == nil && r.Operation.Name == "" && !spoils
}

// Validator decides about tokens. It is safe for concurrent use.
type Validator struct {
	now           func() time.Time
	skew          time.Duration
	maxTokenBytes int
	organization  string
	clusters      []string
	providers     []*provider
	byIssuer      map[string]*provider
	pools         map[string]namedPool
	algorithms    map[string]algorithm // those that any provider lists
	steps         []step
	cache         *cache       // nil when nothing is remembered
	headers       knownHeaders // of tokens that were verified
	deciders      sync.Pool    // of *decider
	fetch         *fetcher
	tasks         *tasks
}

// provider is a Provider made ready.
type provider struct {
	id            string
	algorithms    map[string]algorithm
	jwks          *jwks
	identityClaim *pool.IdentityClaim // nil when the Provider names none
	identityPath  string              // its text
	pools         []namedPool
}

// namedPool is a pool with what is asked of it often: Config copies the role
// bindings each time.
type namedPool struct {
	*pool.Pool
	id           string
	identityPath string
	provider     *provider
}

// New makes a Validator. It fetches nothing and starts nothing: keys come with
// the first token that needs them. Its error joins one *Error for each mistake
// in the Config.
func New(c Config) (*Validator, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Machine == nil {
		c.Machine = time.Now
	}
	t := &tasks{}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return build(c, newFetcher(c), t, nil), nil
}

// build makes a Validator of a Config without a mistake, whose Now is set. kept
// are the providers of another one, whose keys it may share.
func build(c Config, f *fetcher, t *tasks, kept []*provider) *Validator {
	v := &Validator{
		now:           c.Now,
		skew:          max(c.ClockSkew, 0),
		maxTokenBytes: cmp.Or(c.MaxTokenBytes, defaultMaxTokenBytes),
		organization:  cmp.Or(c.Organization, DefaultOrganization),
		clusters:      slices.Clone(c.Clusters),
		byIssuer:      map[string]*provider{},
		pools:         map[string]namedPool{},
		algorithms:    map[string]algorithm{},
		steps:         steps(),
		fetch:         f,
		tasks:         t,
		deciders:      sync.Pool{New: func() any { return new(decider) }},
	}
	if c.ClockSkew == 0 {
		v.skew = defaultClockSkew
	}
	if c.CacheSize >= 0 {
		v.cache = newCache(cmp.Or(c.CacheSize, defaultCacheSize))
	}
	for _, p := range c.Providers {
		v.add(p, kept)
	}
	if len(v.algorithms) == 0 {
		// Without any provider the provider check is to fail, and not the one
		// before it.
		v.algorithms = Provider{}.algorithmSet()
	}
	return v
}

// add makes a Provider ready, of which check has found no mistake: errors of
// parsing cannot occur any more.
func (v *Validator) add(c Provider, kept []*provider) {
	p := &provider{id: c.ID, algorithms: c.algorithmSet(), jwks: v.keySetOf(c, kept)}
	if c.IdentityClaim != "" {
		p.identityPath = c.IdentityClaim
		p.identityClaim, _ = pool.CompileIdentityClaim(c.IdentityClaim)
	}
	for _, compiled := range c.Pools {
		described := compiled.Config()
		n := namedPool{compiled, described.ID, cmp.Or(described.IdentityClaim, "claims.sub"), p}
		p.pools = append(p.pools, n)
		v.pools[n.id] = n
	}
	for _, issuer := range c.Issuers {
		v.byIssuer[issuer] = p
	}
	maps.Copy(v.algorithms, p.algorithms)
	v.providers = append(v.providers, p)
}

// Validate decides about a token. It returns no error: whatever is wrong, a
// JWKS that cannot be fetched included, is a failed check of the Decision.
//
// What is decided after the signature is remembered, so that the same Request
// is answered again without any work until exp, until the provider's keys
// change, or until their max-age is over.
func (v *Validator) Validate(ctx context.Context, r Request) Decision {
	d := v.deciders.Get().(*decider)
	defer v.deciders.Put(d)
	defer d.forget()
	d.v, d.ctx, d.request, d.now = v, ctx, r.cut(), v.now()
	r = d.request
	// What is too long to be read is too long to be hashed.
	if len(r.Token) > v.maxTokenBytes {
		return d.decide()
	}
	var k cacheKey
	d.spelt, d.signed, k = r.key(d.spelt)
	if v.cache == nil || !r.plain() {
		return d.decide()
	}
	if known, ok := v.cache.look(k, d.now); ok {
		return known
	}
	decision := d.decide()
	if d.lasting() {
		v.cache.keep(&verdict{decision: decision, key: k, from: d.notBefore, to: d.notAfter,
			source: d.provider.jwks, keys: d.keys})
	}
	return decision
}

// cut shortens extensions that no check will take, so that neither hashing nor
// explaining them takes long. What is cut is still too long to pass.
func (r Request) cut() Request {
	r.Cluster = r.Cluster[:min(len(r.Cluster), maxCluster+1)]
	r.Pools = r.Pools[:min(len(r.Pools), maxPoolList+1)]
	return r
}

// RefreshKeys fetches a provider's keys now, as the manual refresh of
// Confluent Cloud does (confluent-cloud.md 4.2). A fetch that is under way
// counts. When it fails the old keys stay in use, and the error, an *Error,
// says why.
func (v *Validator) RefreshKeys(ctx context.Context, providerID string) error {
	for _, p := range v.providers {
		if p.id != providerID {
			continue
		}
		if err := p.jwks.refresh(ctx); err != nil {
			return &Error{Provider: p.id, Field: "jwksUri", Problem: err.Error()}
		}
		return nil
	}
	return &Error{Provider: providerID, Problem: "there is no such provider"}
}

// Close ends the fetches under way and waits for them, those of every Validator
// that With has made of this one or this one of, which fetch no more either. A
// closed Validator still decides, with the keys that it has.
func (v *Validator) Close() {
	v.tasks.close()
	v.fetch.close()
}
