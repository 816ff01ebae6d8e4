package idpool

import (
	_ "embed"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"time"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// Config is the whole stack: tenants on the side of Azure, identity providers
// and pools on the side of Confluent Cloud, and how to serve them. The zero
// Config has no tenant and no provider; [Acme] is the one to begin with.
//
// The file form is YAML or JSON with the names of the json tags; docs/config.md
// has every key.
type Config struct {
	// Listeners are the addresses to serve at.
	Listeners Listeners `json:"listeners,omitzero"`
	// Issuer of v2.0 tokens: empty for the public URL of the listener that
	// minted them, "azure" for login.microsoftonline.com, or any URL.
	Issuer string `json:"issuer,omitempty"`
	// Keys sign: empty for the fixed test keys, "generate" for fresh ones in
	// each process, or a folder that keeps them, relative to where the command
	// runs.
	Keys string `json:"keys,omitempty"`
	// State is the folder that keeps the certificate authority of the https
	// listener, so that clients trust it once, relative to where the command
	// runs. "off" makes a fresh one in each process. Empty means fresh in Go,
	// which must not write into anybody's home, and for the command the folder
	// idpool in the user's cache folder.
	State string `json:"state,omitempty"`
	// Seed decides whatever is random and shapes behaviour, such as the order
	// of the published keys.
	Seed uint64 `json:"seed,omitempty"`
	// ClockSkew is how far the validator lets clocks differ. Nil means 30 s.
	ClockSkew *Duration `json:"clockSkew,omitempty"`
	// Organization is Confluent's organization id, a UUID, in the CRN of an
	// identity.
	Organization string `json:"organization,omitempty"`
	// Tenants are the directories of Azure AD.
	Tenants []idp.Tenant `json:"tenants,omitempty"`
	// Clusters are the Kafka clusters that clients may name.
	Clusters []Cluster `json:"clusters,omitempty"`
	// Kafka says how the Kafka listener behaves and what is behind it.
	Kafka Kafka `json:"kafka,omitzero"`
	// IdentityProviders are those of Confluent Cloud, with their pools.
	IdentityProviders []IdentityProvider `json:"identityProviders,omitempty"`

	// Keyring signs, whatever Keys says. Nil means what Keys says.
	Keyring *idp.Keyring `json:"-"`
	// Transport carries the requests for keys and discovery documents that are
	// not the stack's own. Nil means http.DefaultTransport.
	Transport http.RoundTripper `json:"-"`
	// Now tells the time to issuer and validator alike. Nil means time.Now.
	Now func() time.Time `json:"-"`
	// Logger gets a line for each token and each decision. Nil means none.
	Logger *slog.Logger `json:"-"`
	// Begin is called by Start once the stack is made and before it answers
	// anybody, so that the first request meets the faults that Begin adds. Its
	// error ends Start. Nil does nothing.
	Begin func(*Stack) error `json:"-"`

	// source is the file the Config was read from, for messages.
	source string
	// anyCluster lets clients name any cluster, or none.
	anyCluster bool
}

// Listeners are the addresses of the stack.
type Listeners struct {
	// HTTP serves the identity provider.
	HTTP Listener `json:"http,omitzero"`
	// HTTPS serves the identity provider to clients that refuse http, such as
	// Microsoft's libraries.
	HTTPS SecureListener `json:"https,omitzero"`
	// Admin serves the admin API, and never anything of the others.
	Admin AdminListener `json:"admin,omitzero"`
	// Kafka logs in Kafka clients by SASL/OAUTHBEARER.
	Kafka KafkaListener `json:"kafka,omitzero"`
}

// Listener is one address to serve at.
type Listener struct {
	// Address is HOST:PORT; port 0 takes a free one, "off" leaves the listener
	// out. Empty means a free port of 127.0.0.1, and for the command its
	// documented default.
	Address string `json:"address,omitempty"`
	// PublicURL is how clients reach the listener. Empty means
	// http://localhost:PORT.
	PublicURL string `json:"publicUrl,omitempty"`
	// InsideURL is a second URL of the listener, by which clients of a network
	// inside reach it, such as http://idpool:8080 between containers. To them the
	// discovery document names endpoints under it; tokens have the issuer of
	// PublicURL wherever they are asked for.
	InsideURL string `json:"insideUrl,omitempty"`
}

// AdminListener is the address of the admin API. Who reaches it may mint any
// token and read every secret of the Config.
type AdminListener struct {
	// Address is HOST:PORT; port 0 takes a free one, "off" leaves the listener
	// out. Empty means a free port of 127.0.0.1, and for the command its
	// documented default. Beyond loopback it needs a Token.
	Address string `json:"address,omitempty"`
	// PublicURL is how clients reach the listener. Empty means
	// http://HOST:PORT of the Address.
	PublicURL string `json:"publicUrl,omitempty"`
	// Token is what requests must have as Authorization: Bearer, but for those of
	// health, readiness and the CA. Empty asks for none.
	Token string `json:"token,omitempty"`
	// InsecureWithoutToken lets the whole network use an admin API that has no
	// Token.
	InsecureWithoutToken bool `json:"insecureWithoutToken,omitempty"`
}

// listener is what the listeners have in common.
func (l AdminListener) listener() Listener {
	return Listener{Address: l.Address, PublicURL: l.PublicURL}
}

// SecureListener is one address to serve TLS at.
type SecureListener struct {
	// Address is HOST:PORT; port 0 takes a free one, "off" leaves the listener
	// out. Empty means a free port of 127.0.0.1, and for the command its
	// documented default.
	Address string `json:"address,omitempty"`
	// PublicURL is how clients reach the listener. Empty means
	// https://localhost:PORT.
	PublicURL string `json:"publicUrl,omitempty"`
	// InsideURL is a second URL of the listener, as that of http is.
	InsideURL string `json:"insideUrl,omitempty"`
	// Names are further DNS names and IP addresses that clients reach the
	// listener by, for the certificate that idpool makes. It has already
	// localhost, 127.0.0.1, ::1, the hosts of PublicURL, InsideURL and Address,
	// those that Kafka clients are told, and
	// Azure's login.microsoftonline.com, login.windows.net and sts.windows.net.
	Names []string `json:"names,omitempty"`
	// Certificate and Key are PEM files of a certificate of your own, with its
	// chain, and its private key, relative to the config file. They are given
	// together, and idpool then makes no authority.
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"`
}

// listener is what the listeners have in common.
func (l SecureListener) listener() Listener { return Listener{l.Address, l.PublicURL, l.InsideURL} }

// Off is the Address of a listener that is left out.
const Off = "off"

// Cluster is a Kafka cluster of Confluent Cloud.
type Cluster struct {
	// ID is the cluster's id, such as lkc-acme.
	ID string `json:"id"`
	// DisplayName is for people.
	DisplayName string `json:"displayName,omitempty"`
	// Topics are in the embedded cluster from the start.
	Topics []Topic `json:"topics,omitempty"`
}

// IdentityProvider is an OAuth identity provider of Confluent Cloud.
type IdentityProvider struct {
	// ID is the provider's id, such as op-acme.
	ID string `json:"id"`
	// DisplayName and Description are for people.
	DisplayName string `json:"displayName,omitempty"`
	Description string `json:"description,omitempty"`
	// Tenant is the id of a tenant of this Config: its v2.0 issuers are
	// accepted, its keys are trusted. Either this, or Issuer and JWKSURI.
	Tenant string `json:"tenant,omitempty"`
	// Issuer is the iss of the provider's tokens, compared exactly.
	Issuer string `json:"issuer,omitempty"`
	// JWKSURI is where the provider's keys are.
	JWKSURI string `json:"jwksUri,omitempty"`
	// IdentityClaim names the client when not exactly one pool is asked for.
	IdentityClaim string `json:"identityClaim,omitempty"`
	// Algorithms that may sign. Empty means RS256.
	Algorithms []string `json:"algorithms,omitempty"`
	// UnknownKid is refetch (the default), fail-then-refetch or never.
	UnknownKid validator.UnknownKid `json:"unknownKid,omitempty"`
	// RefetchPause is the least time between two fetches for unknown kids.
	RefetchPause Duration `json:"refetchPause,omitempty"`
	// IdentityPools are the provider's pools.
	IdentityPools []pool.Config `json:"identityPools,omitempty"`
}

// Duration is a time.Duration that a file writes as 30s, 5m or 1h30m.
type Duration time.Duration

// duration is the form of one.
var duration = regexp.MustCompile(`^[-+]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`)

// UnmarshalText reads Go's form of a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil && duration.Match(text) {
		return fmt.Errorf("%q is longer than a duration can be, which is 2562047h", text)
	}
	if err != nil {
		return fmt.Errorf("want a duration such as 30s or 5m, got %q", text)
	}
	*d = Duration(parsed)
	return nil
}

// String is Go's form of a duration.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes Go's form of a duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// AcmeYAML is the file of the Acme tenant, as "idpool config init" writes it.
//
//go:embed acme.yaml
var AcmeYAML []byte

// Acme is the Config of the article "Getting Started with OAuth for Confluent
// Cloud Using Azure AD DS": what runs when there is no file.
func Acme() Config {
	c, err := Parse("acme.yaml", AcmeYAML)
	if err != nil {
		panic(err) // the file is compiled in and read by every test
	}
	return c
}

// Load reads a Config from a file. Its error is a ConfigErrors with every
// mistake, or says why the file cannot be read.
func Load(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("idpool: config: %v", err)
	}
	return Parse(path, data)
}
