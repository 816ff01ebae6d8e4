// Package scenario is the catalogue of misconfigurations: how people get the
// path from a Kafka client over Azure AD to Confluent Cloud wrong, each as a
// file that breaks it, says what must happen, and heals it.
//
// Begin with [All] or [Find], and then [Scenario.Run]: it starts the broken
// stack, does what the customer did, compares what was seen and explained with
// what the file says, and does the same with the healed stack, which must let
// the client in. [Load] reads a file of one's own.
//
// Token requests and TLS handshakes are real, on loopback. Decisions are those
// of a running stack. What Kafka clients check by themselves, before or instead
// of asking a server, is a model ([Client]): no Java or C runs here.
package scenario

import (
	"github.com/idpool/idpool/internal/strictyaml"
)

// Scenario is one misconfiguration, as its file describes it.
type Scenario struct {
	// ID is the file's name without .yaml, such as no-app-role.
	ID string `json:"id"`
	// Title is one sentence that a customer would recognise.
	Title string `json:"title"`
	// Rows are those of the published catalogue of misconfigurations that the
	// scenario shows (docs/scenarios.md, "known as"); often one, sometimes none.
	Rows []int `json:"rows,omitempty"`
	// Story has three lines: who did what, what was forgotten, what they saw.
	Story string `json:"story"`
	// Broken is what was changed to break the Acme tenant, Healed what mends it.
	Broken Overlay `json:"broken"`
	Healed Overlay `json:"healed"`
	// Expect is what must happen when it is broken.
	Expect Expectation `json:"expect"`
	// Causes are ids that must be explained, the first of them first.
	Causes []string `json:"causes"`

	broken, healed half
}

// Overlay is a change of a config and of a request, as YAML; either may be
// empty. Broken changes the Acme config (idpool.AcmeYAML) and the default
// [Request]; Healed changes what Broken has made of them.
//
// Mappings merge, key by key. null takes a key away, which must be there.
// Lists of things with an identity merge by it: tenants, clusters,
// identityProviders and identityPools by id, applications and
// servicePrincipals by appId, appRoles by value, passwordCredentials and
// keyCredentials by keyId, federatedIdentityCredentials by name,
// appRoleAssignments by resource, requiredResourceAccess by resourceAppId. What
// is new in such a list is appended, and {id: x, $remove: true} takes an
// element away. Every other list, one whose elements lack the identity
// included, replaces the list, and so does an empty one. In form, and in the
// header and claims of forge, null is a value and stays.
type Overlay struct {
	Config  string `json:"config,omitempty"`
	Request string `json:"request,omitempty"`
}

// Expectation is what a customer must see. At least one field is set, and all
// that are must hold.
type Expectation struct {
	// AADSTS is the number of the token endpoint's error.
	AADSTS int `json:"aadsts,omitempty"`
	// Check is the first failed check of the Decision.
	Check string `json:"check,omitempty"`
	// Client is text that the client's log must have.
	Client string `json:"client,omitempty"`
	// Config is text of the mistake for which the config is refused: Confluent
	// Cloud does not let anybody save such a pool.
	Config string `json:"config,omitempty"`
	// Allowed says that the client gets in all the same: a warning's scenario.
	Allowed bool `json:"allowed,omitempty"`
	// Lint are the ids of the warnings that "idpool config check" must print;
	// healed, it must print none of them.
	Lint []string `json:"lint,omitempty"`
}

// document is a file as it is written.
type document struct {
	ID     string         `json:"id"`
	Title  string         `json:"title"`
	Rows   []int          `json:"rows"`
	Story  string         `json:"story"`
	Broken brokenDocument `json:"broken"`
	Healed healedDocument `json:"healed"`
}

type brokenDocument struct {
	Config  map[string]any `json:"config"`
	Request map[string]any `json:"request"`
	Expect  Expectation    `json:"expect"`
	Causes  []string       `json:"causes"`
}

type healedDocument struct {
	Config  map[string]any `json:"config"`
	Request map[string]any `json:"request"`
}

// Error is a mistake in a scenario's file, with its place.
type Error = strictyaml.Error
