package scenario

import (
	"cmp"

	"github.com/idpool/idpool"
)

// Request is what a customer's client does: it asks the token endpoint for a
// token, and logs in to a Kafka cluster with it. Where a field says nothing of
// a default, the default is the client of the Acme tenant, which gets in.
type Request struct {
	// Tenant, ClientID and ClientSecret are those of the token request.
	Tenant       string `json:"tenant"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
	// Endpoint is v2.0, the default, or v1.0.
	Endpoint string `json:"endpoint"`
	// Scope is that of the v2.0 endpoint, Resource that of the v1.0 endpoint.
	Scope    string `json:"scope"`
	Resource string `json:"resource"`
	// Form are further fields of the form: text, or null to leave one out that
	// is there otherwise, such as grant_type.
	Form map[string]any `json:"form"`
	// Assertion proves the client instead of a secret, as a federated identity
	// credential has it.
	Assertion *Assertion `json:"assertion"`
	// Basic sends id and secret as HTTP Basic, as Kafka clients do, and not in
	// the form.
	Basic bool `json:"basic"`

	// Token is used as it is, and no token is asked for.
	Token string `json:"token"`
	// From is elsewhere for a token of a second server with the same tenants
	// and other keys. Empty means the stack's own.
	From string `json:"from"`
	// Forge changes the token before it is used.
	Forge *Forge `json:"forge"`
	// RotateKeys replaces the keys of the identity provider: before the token is
	// asked for, and after a first login of the same client; or after it, when
	// nobody has logged in yet. Empty means that they stay.
	RotateKeys string `json:"rotateKeys"`
	// RefreshKeys makes Confluent Cloud fetch the keys just before the login, by
	// hand.
	RefreshKeys bool `json:"refreshKeys"`
	// Wait and Back are how much later, or earlier by the broker's clock, the
	// login is than the token.
	Wait idpool.Duration `json:"wait"`
	Back idpool.Duration `json:"back"`

	// Extensions are the SASL extensions as they are on the wire: text by key.
	Extensions map[string]any `json:"extensions"`
	// Operation is what the client does once it is in. None means nothing.
	Operation Operation `json:"operation"`
	// Client is what the client checks by itself. None means nothing.
	Client *Client `json:"client"`
}

// The values of RotateKeys.
const (
	rotateBefore = "before"
	rotateAfter  = "after"
)

// Operation is a pool.Operation, such as Read on topic=orders.
type Operation struct {
	Name     string `json:"name"`
	Resource string `json:"resource"`
}

// Assertion is a token that another application has got, from this or another
// tenant of the stack, and that stands for a secret.
type Assertion struct {
	Tenant       string `json:"tenant"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
	Scope        string `json:"scope"`
	// Forge changes it.
	Forge *Forge `json:"forge"`
}

// Forge changes a token and signs it again with the key that signed it, so that
// all that is wrong with it is what was changed.
type Forge struct {
	// Header and Claims are values to set; null takes one away.
	Header map[string]any `json:"header"`
	Claims map[string]any `json:"claims"`
	// Alg is none for a token without a signature, HS256 for one signed with
	// the public key as if that were a secret. Empty means RS256.
	Alg string `json:"alg"`
	// Tamper leaves the signature as it was.
	Tamper bool `json:"tamper"`
}

// defaultRequest is what an Overlay changes.
const defaultRequest = `tenant: 67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6
endpoint: v2.0
clientId: 75f2f796-363d-4de2-b299-713920db01a7
clientSecret: yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35
scope: api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default
extensions:
  logicalCluster: lkc-acme
  identityPoolId: pool-dev
`

// extension is an extension as a broker reads it.
func (r Request) extension(key string) string {
	value, _ := r.Extensions[key].(string)
	return value
}

// extensions are all of them.
func (r Request) extensions() map[string]string {
	all := make(map[string]string, len(r.Extensions))
	for key := range r.Extensions {
		all[key] = r.extension(key)
	}
	return all
}

// client is the model of the client, which is never nil.
func (r Request) client() Client {
	return *cmp.Or(r.Client, &Client{})
}
