// Package clientsettings writes what Kafka clients are told to log in by
// SASL/OAUTHBEARER: settings files, or whole programs where a client is
// configured in code. What it writes is what the tests of
// internal/clients/kafka run, so that it may be pasted.
//
// Begin with [Names] and [Render]. The package knows nothing of configs: the
// caller fills in [Settings].
package clientsettings

import (
	"bytes"
	"embed"
	"fmt"
	"go/format"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/template"

	"github.com/idpool/idpool/internal/nearest"
)

// Settings are what a client is to be told. Values are as they are, not quoted
// for any format; none may have a control character.
type Settings struct {
	// TokenEndpoint is the URL that gives tokens.
	TokenEndpoint string `json:"tokenEndpoint"`
	// ClientID, Secret and Scope are what the client asks for a token with.
	ClientID string `json:"clientId"`
	Secret   string `json:"secret"`
	Scope    string `json:"scope"`
	// Cluster is the id of the cluster, for the extension logicalCluster.
	Cluster string `json:"cluster,omitempty"`
	// Pools are the ids of identity pools, for the extension identityPoolId.
	// None leaves the choice to auto pool mapping.
	Pools []string `json:"pools,omitempty"`
	// Bootstrap is HOST:PORT of a broker.
	Bootstrap string `json:"bootstrap"`
	// SecurityProtocol is SASL_PLAINTEXT or SASL_SSL.
	SecurityProtocol string `json:"securityProtocol"`
	// CA is the PEM file of the authority that signed the certificates of the
	// broker and the token endpoint. Empty means those that the system trusts.
	CA string `json:"ca,omitempty"`
	// Topic and Group are what the programs write to and read with.
	Topic string `json:"topic"`
	Group string `json:"group"`
	// Issuer, JWKSURI and Audience are what a broker must know.
	Issuer   string `json:"issuer,omitempty"`
	JWKSURI  string `json:"jwksUri,omitempty"`
	Audience string `json:"audience,omitempty"`
}

// TLS says whether the brokers want it.
func (s Settings) TLS() bool { return s.SecurityProtocol == "SASL_SSL" }

// SecureEndpoint says whether tokens come over https.
func (s Settings) SecureEndpoint() bool { return strings.HasPrefix(s.TokenEndpoint, "https:") }

// Pool is the value of the extension identityPoolId.
func (s Settings) Pool() string { return strings.Join(s.Pools, ",") }

// Extensions are the SASL extensions in the order that Confluent writes them.
func (s Settings) Extensions() []Extension {
	var all []Extension
	if s.Cluster != "" {
		all = append(all, Extension{"logicalCluster", s.Cluster})
	}
	if len(s.Pools) > 0 {
		all = append(all, Extension{"identityPoolId", s.Pool()})
	}
	return all
}

// Extension is a SASL extension.
type Extension struct{ Key, Value string }

// Client is a client that settings can be written for.
type Client struct {
	// Name is its word on the command line.
	Name string `json:"name"`
	// Title says in a line what is written.
	Title string `json:"title"`
	// Language is what a code block of it is marked with in documentation.
	Language string `json:"-"`
}

// Clients are all clients, in the order to show them.
func Clients() []Client {
	return []Client{
		{"java", "Java, kafka-clients 4.0 and newer: a properties file", "properties"},
		{"java-3.9", "Java, kafka-clients 3.2 to 3.9: a properties file", "properties"},
		{"spring-boot", "Spring Boot 3.5: application.yaml", "yaml"},
		{"librdkafka", "librdkafka 1.9 and newer, in any language: a properties file", "properties"},
		{"python", "Python, confluent-kafka: a program", "python"},
		{"go-librdkafka", "Go, confluent-kafka-go: a program", "go"},
		{"dotnet", ".NET, Confluent.Kafka: a program", "csharp"},
		{"kcat", "kcat, where it is built with OIDC: kcat.conf", "properties"},
		{"franz-go", "Go, franz-go: a program", "go"},
		{"sarama", "Go, IBM/sarama: a program", "go"},
		{"kafka-go", "Go, segmentio/kafka-go, which has no OAUTHBEARER of its own: a program", "go"},
		{"kafkajs", "Node, kafkajs: a program", "js"},
		{"schema-registry", "Schema Registry and the other HTTP APIs: headers of curl", "sh"},
		{"kafka-broker", "Apache Kafka's broker, to validate the tokens itself: server.properties", "properties"},
	}
}

// Names are the words that Render takes.
func Names() []string {
	var names []string
	for _, c := range Clients() {
		names = append(names, c.Name)
	}
	return names
}

// UnknownError is a client that nobody knows.
type UnknownError struct {
	// Client is what was asked for, Near the known name that was most likely
	// meant, or empty.
	Client, Near string
}

// Error names the client.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("clientsettings: unknown client %q", e.Client)
}

//go:embed *.tmpl
var files embed.FS

// templates are one file for each client and common.tmpl for what they share.
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"quote": quote, "property": property, "jaas": jaas, "spring": spring, "list": list, "shell": shell, "jaasLine": jaasLine,
}).ParseFS(files, "*.tmpl"))

// Known is nil for a client that Render takes, or else an *UnknownError.
func Known(client string) error {
	if names := Names(); !slices.Contains(names, client) {
		return &UnknownError{client, nearest.To(client, names)}
	}
	return nil
}

// Render writes the settings of a client. Its error is an *UnknownError, or
// names the value that cannot be written.
func Render(w io.Writer, client string, s Settings) error {
	if err := Known(client); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := templates.ExecuteTemplate(&text, client+".tmpl", s); err != nil {
		return err
	}
	out := text.Bytes()
	if bytes.Contains(out, []byte("\npackage main\n")) {
		var err error
		if out, err = format.Source(out); err != nil {
			return err
		}
	}
	_, err := w.Write(out)
	return err
}

// check refuses what is no single line in any of the formats.
func (s Settings) check() error {
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if text := fmt.Sprint(v.Field(i).Interface()); strings.ContainsFunc(text, isControl) {
			return fmt.Errorf("clientsettings: %s has a control character, which no settings file can have", name)
		}
	}
	if s.SecurityProtocol != "SASL_PLAINTEXT" && s.SecurityProtocol != "SASL_SSL" {
		return fmt.Errorf("clientsettings: SecurityProtocol is %q, want SASL_PLAINTEXT or SASL_SSL", s.SecurityProtocol)
	}
	return nil
}

func isControl(r rune) bool {
	return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || r == 0x85
}

// Property is a key of librdkafka with its value.
type Property struct{ Key, Value string }

// Librdkafka are librdkafka's properties. The authority stands in two of them:
// ssl.ca.location is for the broker and https.ca.location for the token
// endpoint, and neither is used for the other.
func (s Settings) Librdkafka() []Property {
	all := []Property{
		{"bootstrap.servers", s.Bootstrap},
		{"security.protocol", s.SecurityProtocol},
		{"sasl.mechanisms", "OAUTHBEARER"},
		{"sasl.oauthbearer.method", "oidc"},
		{"sasl.oauthbearer.token.endpoint.url", s.TokenEndpoint},
		{"sasl.oauthbearer.client.id", s.ClientID},
		{"sasl.oauthbearer.client.secret", s.Secret},
		{"sasl.oauthbearer.scope", s.Scope},
	}
	if extensions := s.Extensions(); len(extensions) > 0 {
		all = append(all, Property{"sasl.oauthbearer.extensions", list(extensions)})
	}
	if s.CA != "" && s.TLS() {
		all = append(all, Property{"ssl.ca.location", s.CA})
	}
	if s.CA != "" && s.SecureEndpoint() {
		all = append(all, Property{"https.ca.location", s.CA})
	}
	return all
}

// Trust is the file of the authority where anything is to be verified with it.
func (s Settings) Trust() string {
	if s.TLS() || s.SecureEndpoint() {
		return s.CA
	}
	return ""
}
