package idpool

import (
	_ "embed"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"time"
)

// JSONSchema is the part of JSON Schema 2020-12 that describes a Config. The
// zero JSONSchema takes any value.
type JSONSchema struct {
	Schema               string       `json:"$schema,omitempty"`
	Title                string       `json:"title,omitempty"`
	Description          string       `json:"description,omitempty"`
	Type                 string       `json:"type,omitempty"`
	Format               string       `json:"format,omitempty"`
	Enum                 []string     `json:"enum,omitempty"`
	Properties           propertyList `json:"properties,omitempty"`
	Required             []string     `json:"required,omitempty"`
	Items                *JSONSchema  `json:"items,omitempty"`
	AdditionalProperties any          `json:"additionalProperties,omitempty"` // false, or a *JSONSchema
}

// property is a key of a Config with its schema.
type property struct {
	Name   string
	Schema *JSONSchema
}

// propertyList keeps the order of the struct, which a map would lose.
type propertyList []property

// MarshalJSON writes the list as an object.
func (l propertyList) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	for i, p := range l {
		name, err := json.Marshal(p.Name)
		if err != nil {
			return nil, err
		}
		schema, err := json.Marshal(p.Schema)
		if err != nil {
			return nil, err
		}
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		b.Write(name)
		b.WriteByte(':')
		b.Write(schema)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// fieldDocs are the doc comments of the Config's fields, by Package.Type.Field.
// A test writes the file from the sources and fails when it is out of date.
//
//go:embed fielddocs.json
var fieldDocs []byte

var docs = sync.OnceValue(func() map[string]string {
	var m map[string]string
	if err := json.Unmarshal(fieldDocs, &m); err != nil {
		panic(err) // the file is compiled in and compared by a test
	}
	return m
})

// requiredKeys are those without which an entry of the file has no meaning.
var requiredKeys = map[string]bool{
	"idp.Tenant.ID": true, "idp.Application.AppID": true, "idp.AppRole.Value": true,
	"idp.AppRoleAssignment.Resource": true, "idp.OptionalClaim.Name": true,
	"idp.FederatedIdentityCredential.Issuer": true, "idp.FederatedIdentityCredential.Subject": true,
	"idpool.Cluster.ID": true, "idpool.Topic.Name": true, "idpool.KafkaBroker.ID": true, "idpool.KafkaBroker.Address": true, "idpool.IdentityProvider.ID": true,
	"pool.Config.ID": true, "pool.Config.Filter": true, "pool.RoleBinding.Role": true, "pool.RoleBinding.Cluster": true,
	"idp.RequiredResourceAccess.ResourceAppID": true, "idp.ResourceAccess.ID": true, "idp.ResourceAccess.Type": true,
}

// allowedValues are those of keys that take a few words only.
var allowedValues = map[string][]string{
	"pool.Config.Language":                  {"cel", "expr"},
	"idpool.IdentityProvider.UnknownKid":    {"refetch", "fail-then-refetch", "never"},
	"idpool.KafkaListener.SecurityProtocol": kafkaProtocols,
	"idpool.Kafka.Errors":                   kafkaErrors,
	"idpool.Kafka.Authorization":            kafkaAuthorizations,
	"idpool.KafkaUpstream.SecurityProtocol": upstreamProtocols,
	"idpool.KafkaUpstream.SASLMechanism":    upstreamMechanisms,
	"idp.ResourceAccess.Type":               {"Role", "Scope"},
	"idp.ServicePrincipal.Type":             {"Application", "ManagedIdentity"},
	"idp.Application.SignInAudience":        {"AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"},
	"idp.ConditionalAccessPolicy.State":     {"enabled", "disabled", "enabledForReportingButNotEnforced"},
}

// Schema describes the file form of a Config, for editors.
func Schema() *JSONSchema {
	s := schemaOf(reflect.TypeFor[Config]())
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "idpool config"
	return s
}

func schemaOf(t reflect.Type) *JSONSchema {
	switch {
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem())
	case t == reflect.TypeFor[time.Time]():
		return &JSONSchema{Type: "string", Format: "date-time"}
	case t == reflect.TypeFor[Duration]():
		return &JSONSchema{Type: "string"}
	}
	switch t.Kind() {
	case reflect.Struct:
		return objectSchema(t)
	case reflect.Slice:
		return &JSONSchema{Type: "array", Items: schemaOf(t.Elem())}
	case reflect.Map:
		return &JSONSchema{Type: "object", AdditionalProperties: schemaOf(t.Elem())}
	case reflect.Interface:
		return &JSONSchema{}
	case reflect.Bool:
		return &JSONSchema{Type: "boolean"}
	case reflect.String:
		return &JSONSchema{Type: "string"}
	}
	return &JSONSchema{Type: "integer"}
}

func objectSchema(t reflect.Type) *JSONSchema {
	s := &JSONSchema{Type: "object", AdditionalProperties: false}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		id := t.String() + "." + f.Name
		p := schemaOf(f.Type)
		p.Description, p.Enum = docs()[id], allowedValues[id]
		s.Properties = append(s.Properties, property{name, p})
		if requiredKeys[id] {
			s.Required = append(s.Required, name)
		}
	}
	return s
}
