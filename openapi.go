package idpool

import (
	_ "embed"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/openapi"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/validator"
)

// OpenAPI is the OpenAPI 3.1 document of the admin API, in JSON.
func OpenAPI() ([]byte, error) { return new(Stack).document() }

// document describes the endpoints.
func (s *Stack) document() ([]byte, error) {
	var operations []openapi.Operation
	for _, e := range s.endpoints() {
		operations = append(operations, e.completed().Operation)
	}
	always := alwaysWritten()
	return openapi.Document(openapi.Info{
		Title:       "idpool admin API",
		Version:     "v1",
		Description: "Everything that a test changes or asks on a running idpool. It is for tests only and stays on loopback unless told otherwise. Bodies are JSON with known members only; errors are problem+json (RFC 9457) and name the member.",
		License:     "Apache-2.0",
		ServerURL:   "http://127.0.0.1:8081",
		Tags: []openapi.Tag{
			{Name: "state", Description: "Whether the server is well, and what it is."},
			{Name: "decisions", Description: "What the validator says to a token."},
			{Name: "tokens", Description: "Tokens of any content, and broken ones."},
			{Name: "keys", Description: "The keys that sign, by tenant."},
			{Name: "clock", Description: "The time of everything."},
			{Name: "faults", Description: "What goes wrong on purpose."},
			{Name: "journal", Description: "What has happened."},
			{Name: "scopes", Description: "Worlds of their own for tests that run in parallel."},
			{Name: "config", Description: "The config as a whole."},
			{Name: "tenants", Description: "The directories of Azure AD."},
			{Name: "applications", Description: "Their app registrations, with secrets and roles. The names are those of Microsoft Graph."},
			{Name: "pools", Description: "Confluent Cloud's identity providers with their pools."},
		},
		Docs: adminDoc,
		Required: func(pkg, typ, field string) bool {
			id := pkg + "." + typ + "." + field
			return always[id] || requiredKeys[id] && !pathHas[id]
		},
		Enum:     func(pkg, typ, field string) []string { return adminValues(pkg + "." + typ + "." + field) },
		Problem:  problem{},
		Schema:   standIn,
		Security: true,
	}, operations)
}

// pathHas are keys that a file needs and a body may leave out, because the path
// of the request says them.
var pathHas = map[string]bool{
	"idp.Tenant.ID": true, "idp.Application.AppID": true, "idp.AppRoleAssignment.Resource": true,
	"idpool.IdentityProvider.ID": true, "pool.Config.ID": true,
}

// entryFields are those of a journal.Entry without its methods.
type entryFields journal.Entry

// entryJSON is what the MarshalJSON of a journal.Entry writes.
type entryJSON struct {
	entryFields
	// Duration is how long it took, as 1.2ms.
	Duration string `json:"duration,omitempty"`
}

// standIn is the type that describes another one, which writes or reads its own
// JSON.
func standIn(t reflect.Type) (any, bool) {
	switch t {
	case reflect.TypeFor[journal.Entry]():
		return reflect.TypeFor[entryJSON](), true
	case reflect.TypeFor[configObject]():
		return map[string]string{"$ref": "#/components/schemas/IdpoolConfig"}, true
	}
	return nil, false
}

// alwaysWritten are the fields of types that only answers have, as far as they
// are there when empty, too.
func alwaysWritten() map[string]bool {
	m := map[string]bool{}
	for _, t := range []reflect.Type{
		reflect.TypeFor[entryFields](), reflect.TypeFor[idp.TokenResponse](), reflect.TypeFor[idp.KeyState](), reflect.TypeFor[forge.Token](),
		reflect.TypeFor[fault.Status](), reflect.TypeFor[validator.Decision](), reflect.TypeFor[validator.Check](), reflect.TypeFor[validator.Cause](),
	} {
		for i := range t.NumField() {
			f := t.Field(i)
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name != "" && name != "-" && options == "" {
				m[t.String()+"."+f.Name] = true
			}
		}
	}
	return m
}

// adminValues are the words that a field takes.
func adminValues(id string) []string {
	switch id {
	case "fault.Fault.Endpoint":
		return fault.Endpoints()
	case "fault.Fault.Certificate":
		return fault.Certificates()
	case "fault.Fault.JWKS":
		return fault.KeySets()
	case "fault.Fault.Token":
		return slices.Clone(brokenNames())
	case "idp.KeyState.State":
		return []string{idp.KeyPublished, idp.KeySigning, idp.KeyRetired, idp.KeyRevoked}
	case "idpool.entryFields.Endpoint":
		return journal.Endpoints()
	case "idpool.entryFields.Outcome":
		return journal.Outcomes()
	}
	return slices.Clone(allowedValues[id])
}

// adminDocs are the doc comments of the types of the admin API that are not of
// the Config, by Package.Type and Package.Type.Field. A test writes the file.
//
//go:embed adminfielddocs.json
var adminDocs []byte

var readAdminDocs = sync.OnceValue(func() map[string]string {
	var m map[string]string
	if err := json.Unmarshal(adminDocs, &m); err != nil {
		panic(err) // the file is compiled in and compared by a test
	}
	return m
})

// adminDoc is what the document says of a field, or of a type.
func adminDoc(pkg, typ, field string) string {
	if typ == "entryFields" {
		pkg, typ = "journal", "Entry"
	}
	id := strings.TrimSuffix(pkg+"."+typ+"."+field, ".")
	if text := docs()[id]; text != "" {
		return text
	}
	return readAdminDocs()[id]
}
