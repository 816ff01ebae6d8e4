package composetest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What the profiles imitate: the tenant of the article, and where Azure is.
const (
	tenant = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	azure  = "https://login.microsoftonline.com/" + tenant + "/v2.0"
)

// said is the line of an application that has done everything: the bootstrap
// address that it was given, and the issuer of its token.
var said = regexp.MustCompile(`produced and consumed 100 records of orders at (\S+), with a token of (\S+)`)

func TestCompose(t *testing.T) {
	have := build(t)
	t.Run("embedded", func(t *testing.T) { embedded(t, start(t, have, "embedded")) })
	t.Run("kafka", func(t *testing.T) { beforeKafka(t, start(t, have, "kafka")) })
	t.Run("azure", func(t *testing.T) { azureNames(t, start(t, have, "azure"), have) })
}

// embedded is idpool alone: from inside, and from the host afterwards.
func embedded(t *testing.T, p *project) {
	issuer := "http://localhost:" + p.ports["HTTP_PORT"] + "/" + tenant + "/v2.0"
	expect(t, p.must("up", "--exit-code-from", "client"), "idpool:19092", issuer)
	p.must("up", "--detach", "--wait", "idpool")
	expect(t, fromHost(t, p, "http", p.ports["HTTP_PORT"]), "localhost:"+p.ports["KAFKA_PORT"], issuer)
	expect(t, fromHost(t, p, "https", p.ports["HTTPS_PORT"]), "localhost:"+p.ports["KAFKA_PORT"],
		"https://localhost:"+p.ports["HTTPS_PORT"]+"/"+tenant+"/v2.0")
	refused(t, p)
}

// beforeKafka is idpool before a released Kafka, likewise.
func beforeKafka(t *testing.T, p *project) {
	issuer := "https://localhost:" + p.ports["HTTPS_PORT"] + "/" + tenant + "/v2.0"
	expect(t, p.must("up", "--exit-code-from", "kafka-client"), "gateway:19092", issuer)
	keyIsIdpools(t, p)
	// The records have been in Kafka, and not in a cluster of idpool's.
	if log := p.must("logs", "--no-color", "kafka"); !strings.Contains(log, "Created log for partition orders-0") {
		t.Error("Kafka has no topic orders")
	}
	p.must("up", "--detach", "--wait", "gateway")
	expect(t, fromHost(t, p, "https", p.ports["HTTPS_PORT"]), "localhost:"+p.ports["KAFKA_PORT"], issuer)
}

// keyIsIdpools is that the application, which has ca.pem of a volume, cannot read
// the key that is beside it: with that it could pretend to be any site.
func keyIsIdpools(t *testing.T, p *project) {
	t.Helper()
	text, err := p.run("run", "--rm", "--no-deps", "--env", "CA_FILE=/state/idpool/ca.key", "kafka-client")
	if err == nil || !strings.Contains(text, "open /state/idpool/ca.key: permission denied") {
		t.Errorf("the application reads the key of the CA: %v: %s", err, text)
	}
}

// azureNames is an application that knows only Azure, and then each of the names
// from inside, by both protocols.
func azureNames(t *testing.T, p *project, have images) {
	expect(t, p.must("up", "--exit-code-from", "azure-client"), "azure:9092", azure)
	p.must("up", "--detach", "--wait", "azure")
	for _, name := range []string{"login.microsoftonline.com", "login.windows.net", "sts.windows.net"} {
		for _, scheme := range []string{"http", "https"} {
			endpoint := scheme + "://" + name + "/" + tenant + "/oauth2/v2.0/token"
			text := p.must("run", "--rm", "--no-deps", "--env", "TOKEN_ENDPOINT="+endpoint, "azure-client")
			expect(t, text, "azure:9092", azure)
		}
	}
	container := strings.TrimSpace(p.must("ps", "--quiet", "azure"))
	if ports := must(t, "docker", "container", "port", container); ports != "" {
		t.Errorf("the container has ports at the host: %s", ports)
	}
	notForTheHost(t, have)
}

// notForTheHost is that Azure's names cannot be switched on where they would be
// those of a machine.
func notForTheHost(t *testing.T, have images) {
	idpool := goBuild(t, "./cmd/idpool")
	for name, cmd := range map[string][]string{
		"the network of the host":     {"docker", "run", "--rm", "--network", "host", have.idpool, "serve", "--azure-names"},
		"a network without the names": {"docker", "run", "--rm", have.idpool, "serve", "--azure-names"},
		"the command outside of all":  {idpool, "serve", "--azure-names"},
		"the variable outside of all": {"env", "IDPOOL_AZURE_NAMES=true", idpool, "serve"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			text, err := combined(exec.CommandContext(ctx, cmd[0], cmd[1:]...))
			var code *exec.ExitError
			lines := strings.Split(strings.TrimSpace(text), "\n")
			last := lines[len(lines)-1]
			if !errors.As(err, &code) || code.ExitCode() <= 0 || !strings.Contains(last, "login.microsoftonline.com") {
				t.Errorf("%v, and the last line is %q", err, last)
			}
		})
	}
}

// refused is an application whose secret is wrong: it ends with 1, and so does
// the profile.
func refused(t *testing.T, p *project) {
	t.Helper()
	text, err := p.run("run", "--rm", "--no-deps", "--env", "CLIENT_SECRET=wrong", "client")
	var code *exec.ExitError
	if !errors.As(err, &code) || code.ExitCode() != 1 || !strings.Contains(text, "AADSTS7000215") {
		t.Errorf("with a wrong secret: %v: %s", err, text)
	}
}

// fromHost runs the application on this machine, with a token by http or https
// and Kafka by SASL_SSL, which trusts the CA that the container says is its own.
func fromHost(t *testing.T, p *project, scheme, port string) string {
	t.Helper()
	front := map[string]string{"embedded": "idpool", "kafka": "gateway"}[p.profile]
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, []byte(p.must("exec", "--no-tty", front, "/idpool", "ca")), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, goBuild(t, "./internal/composeclient"))
	// What the application inside has, but for where things are.
	for name, value := range load(t, "*").Services["client"].Environment {
		cmd.Env = append(cmd.Env, name+"="+*value)
	}
	cmd.Env = append(cmd.Env, "TOKEN_ENDPOINT="+scheme+"://localhost:"+port+"/"+tenant+"/oauth2/v2.0/token",
		"BROKERS=localhost:"+p.ports["KAFKA_PORT"], "SECURITY_PROTOCOL=SASL_SSL", "CA_FILE="+authority)
	text, err := combined(cmd)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return text
}

// expect compares what an application says.
func expect(t *testing.T, text, brokers, issuer string) {
	t.Helper()
	match := said.FindStringSubmatch(text)
	if match == nil {
		t.Fatalf("nothing was produced and consumed: %s", text)
	}
	if match[1] != brokers || match[2] != issuer {
		t.Errorf("the application was at %s with a token of %s, want %s and %s", match[1], match[2], brokers, issuer)
	}
}
