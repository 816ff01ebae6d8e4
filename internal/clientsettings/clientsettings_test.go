package clientsettings

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/idpool/idpool/internal/imports"
	"github.com/idpool/idpool/internal/printed"
)

var update = flag.Bool("update", false, "rewrite the parts of docs/ that tests print")

// acme are the settings of "idpool client" without a flag.
func acme() Settings {
	return Settings{
		TokenEndpoint: "http://localhost:8080/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/oauth2/v2.0/token",
		ClientID:      "75f2f796-363d-4de2-b299-713920db01a7",
		Secret:        "yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35",
		Scope:         "api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default",
		Cluster:       "lkc-acme", Pools: []string{"pool-dev"},
		Bootstrap: "localhost:9092", SecurityProtocol: "SASL_PLAINTEXT",
		Topic: "orders", Group: "idpool",
		Issuer:   "http://localhost:8080/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/v2.0",
		JWKSURI:  "http://localhost:8080/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/discovery/v2.0/keys",
		Audience: "be587d08-a466-45e9-a02a-dfdda6b4c765",
	}
}

// secure are those of "idpool client --ssl".
func secure() Settings {
	s := acme()
	s.TokenEndpoint = strings.Replace(s.TokenEndpoint, "http://localhost:8080", "https://localhost:8443", 1)
	s.Issuer = strings.Replace(s.Issuer, "http://localhost:8080", "https://localhost:8443", 1)
	s.JWKSURI = strings.Replace(s.JWKSURI, "http://localhost:8080", "https://localhost:8443", 1)
	s.SecurityProtocol, s.CA = "SASL_SSL", "idpool-ca.pem"
	return s
}

func render(t *testing.T, client string, s Settings) string {
	t.Helper()
	var b strings.Builder
	if err := Render(&b, client, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestDocumentation prints every client's settings into the page about them.
func TestDocumentation(t *testing.T) {
	var b strings.Builder
	for _, c := range Clients() {
		section(&b, c.Name, c.Title+".", c.Language, render(t, c.Name, acme()))
		if c.Name == "java" || c.Name == "librdkafka" {
			section(&b, c.Name+" --ssl", "The same with TLS.", c.Language, render(t, c.Name, secure()))
		}
	}
	printed.Section{File: "../../docs/clients.md", Name: "clients", Update: *update}.Is(t, b.String())
	broker := "```properties\n" + render(t, "kafka-broker", acme()) + "```\n"
	printed.Section{File: "../../docs/kafka.md", Name: "kafka-broker", Update: *update}.Is(t, broker)
}

func section(b *strings.Builder, name, title, language, text string) {
	fmt.Fprintf(b, "### idpool client %s\n\n%s\n\n```%s\n%s\n```\n\n", name, title, language, strings.TrimRight(text, "\n"))
}

// variants are all that a template distinguishes.
func variants() map[string]Settings {
	all := map[string]Settings{"plain": acme(), "secure": secure()}
	s := secure()
	s.CA = ""
	all["secure, trusted by the system"] = s
	s = acme()
	s.TokenEndpoint, s.CA = secure().TokenEndpoint, "idpool-ca.pem"
	all["a secure endpoint alone"] = s
	s = secure()
	s.TokenEndpoint = acme().TokenEndpoint
	all["secure brokers alone"] = s
	s = acme()
	s.Pools, s.Cluster = nil, ""
	all["no extensions"] = s
	return all
}

// TestVariants: everything is written, ends with one line break, and what is Go
// is formatted.
func TestVariants(t *testing.T) {
	for name, s := range variants() {
		for _, client := range Names() {
			text := render(t, client, s)
			if !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n") || strings.Contains(text, "<no value>") {
				t.Errorf("%s, %s: it ends with %q", client, name, text[len(text)-20:])
			}
			for line := range strings.Lines(text) {
				if strings.TrimRight(line, " \t\n") != strings.TrimSuffix(line, "\n") {
					t.Errorf("%s, %s: %q has a blank at its end", client, name, line)
				}
			}
			if !strings.Contains(text, "\npackage main\n") {
				continue
			}
			if out, err := format.Source([]byte(text)); err != nil || !bytes.Equal(out, []byte(text)) {
				t.Errorf("%s, %s: it is not formatted: %v", client, name, err)
			}
			for _, word := range []string{"tls", "x509", "http", "os"} {
				imported := strings.Contains(text, "/"+word+"\"\n") || strings.Contains(text, "\t\""+word+"\"\n")
				if used := strings.Contains(text, word+"."); imported && !used {
					t.Errorf("%s, %s: %s is imported and not used", client, name, word)
				}
			}
		}
	}
}

// TestYAML: Spring reads what was meant.
func TestYAML(t *testing.T) {
	s := secure()
	s.Secret = `it's~a"te\st$HOME${x},#!=:;{y}é`
	var document struct {
		Spring struct {
			Kafka struct{ Properties map[string]string }
		}
	}
	if err := yaml.Unmarshal([]byte(render(t, "spring-boot", s)), &document); err != nil {
		t.Fatal(err)
	}
	line := document.Spring.Kafka.Properties["[sasl.jaas.config]"]
	if want := ` clientSecret='it\'s~a"te\\st$HOME\${x},#!=:;{y}é' `; !strings.Contains(line, want) {
		t.Errorf("the line is %s, want %s in it", line, want)
	}
}

func TestQuoting(t *testing.T) {
	for name, tc := range map[string]struct{ got, want string }{
		"a property begins with a space": {property(` a b`), `\ a b`},
		"a property above ASCII":         {property(`a\é😀`), `a\\\u00e9\ud83d\ude00`},
		"JAAS":                           {jaas(`it's \`), `'it\'s \\'`},
		"a list of pools":                {list([]Extension{{"logicalCluster", "lkc-a"}, {"identityPoolId", `pool-a,pool\b`}}), `logicalCluster=lkc-a,identityPoolId=pool-a\,pool\\b`},
		"a shell's word":                 {shell(`it's $HOME`), `'it'\''s $HOME'`},
		"a literal":                      {quote(`a "b" \`), `"a \"b\" \\"`},
		"Spring's placeholder":           {spring(`${x} $y`), `\${x} $y`},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %s, want %s", name, tc.got, tc.want)
		}
	}
}

func TestMistakes(t *testing.T) {
	var unknown *UnknownError
	if err := Render(nil, "kafkjs", acme()); !errors.As(err, &unknown) || unknown.Near != "kafkajs" {
		t.Errorf("got %v", err)
	}
	if err := Render(nil, "common", acme()); !errors.As(err, &unknown) {
		t.Errorf("got %v", err)
	}
	s := acme()
	s.Secret = "two\nlines"
	if err := Render(nil, "java", s); err == nil || !strings.Contains(err.Error(), "Secret has a control character") || strings.Contains(err.Error(), "two") {
		t.Errorf("got %v", err)
	}
	s = acme()
	s.SecurityProtocol = "SSL"
	if err := Render(nil, "java", s); err == nil || !strings.Contains(err.Error(), `SecurityProtocol is "SSL"`) {
		t.Errorf("got %v", err)
	}
}

func TestImports(t *testing.T) { imports.Check(t, ".", "internal/nearest") }
