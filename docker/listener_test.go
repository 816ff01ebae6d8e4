package docker_test

import (
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"

	"github.com/idpool/idpool/docker"
)

// setting is a variable that a user gives.
func setting(name, value string) testcontainers.ContainerCustomizer {
	return testcontainers.WithEnv(map[string]string{name: value})
}

// TestListenersElsewhere: a container that listened at another port than the one that
// is published was said to be ready, with a URL that nothing listened at, or it was
// waited for until the deadline.
func TestListenersElsewhere(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	for name, tc := range map[string]struct {
		opts []testcontainers.ContainerCustomizer
		want string
	}{
		"http":      {[]testcontainers.ContainerCustomizer{setting("IDPOOL_HTTP", "0.0.0.0:8090")}, `IDPOOL_HTTP: nobody would find "0.0.0.0:8090", for it is port 8080 of the container that others see`},
		"https":     {[]testcontainers.ContainerCustomizer{setting("IDPOOL_HTTPS", ":8080")}, `IDPOOL_HTTPS: nobody would find ":8080"`},
		"admin":     {[]testcontainers.ContainerCustomizer{setting("IDPOOL_ADMIN", "0.0.0.0:8090")}, `IDPOOL_ADMIN: nobody would find "0.0.0.0:8090", for it is port 8081`},
		"kafka":     {[]testcontainers.ContainerCustomizer{setting("IDPOOL_KAFKA", "0.0.0.0:9094")}, `IDPOOL_KAFKA: nobody would find "0.0.0.0:9094"`},
		"any port":  {[]testcontainers.ContainerCustomizer{setting("IDPOOL_HTTP", "0.0.0.0:0")}, `leave it out, or say 0.0.0.0:8080`},
		"loopback":  {[]testcontainers.ContainerCustomizer{setting("IDPOOL_HTTP", "127.0.0.1:8080")}, `IDPOOL_HTTP: nobody would find "127.0.0.1:8080"`},
		"localhost": {[]testcontainers.ContainerCustomizer{setting("IDPOOL_ADMIN", "localhost:8081")}, `IDPOOL_ADMIN: nobody would find "localhost:8081"`},
		"azure":     {[]testcontainers.ContainerCustomizer{docker.WithAzureNames(n), setting("IDPOOL_HTTPS", "0.0.0.0:8443")}, `IDPOOL_HTTPS: nobody would find "0.0.0.0:8443", for it is port 443`},
	} {
		c, err := docker.Run(t.Context(), tc.opts...)
		testcontainers.CleanupContainer(t, c)
		if err == nil || !strings.HasPrefix(err.Error(), "run idpool: customize: IDPOOL_") || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
}

// TestListenersSaid: the addresses that it has anyway may be given.
func TestListenersSaid(t *testing.T) {
	t.Parallel()
	c := run(t, setting("IDPOOL_HTTP", ":8080"), setting("IDPOOL_HTTPS", "[::]:8443"))
	if token := must[string](t)(c.Token(t.Context(), clientID)); strings.Count(token, ".") != 2 {
		t.Errorf("the token is %q", token)
	}
}

// TestNetworkAliasOfOneFront: with a listener off, WithNetworkAlias never started, for
// an inside URL that the user had not given.
func TestNetworkAliasOfOneFront(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	for off, want := range map[string]struct{ inside, url, https string }{
		"IDPOOL_HTTP":  {" https://idpool:8443", "http URL: IDPOOL_HTTP is off", ""},
		"IDPOOL_HTTPS": {"http://idpool:8080 ", "", "https URL: IDPOOL_HTTPS is off"},
	} {
		t.Run(off, func(t *testing.T) {
			c := run(t, docker.WithNetworkAlias(n, "idpool"), setting(off, "off"), docker.WithLogs(t))
			if got := c.InsideURL() + " " + c.InsideHTTPSURL(); got != want.inside {
				t.Errorf("inside it is %q, want %q", got, want.inside)
			}
			if at, err := c.URL(t.Context()); text(err) != want.url {
				t.Errorf("URL %q, %v, want the error %q", at, err, want.url)
			}
			if at, err := c.HTTPSURL(t.Context()); text(err) != want.https {
				t.Errorf("https URL %q, %v, want the error %q", at, err, want.https)
			}
			contains(t, must[string](t)(c.ClientProperties(t.Context(), "java")), "/"+acme+"/oauth2/v2.0/token\n")
		})
	}
}

// text is that of an error; empty for none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestTwoNetworks: with WithNetworkAlias for two networks, the first was left out
// without a word.
func TestTwoNetworks(t *testing.T) {
	t.Parallel()
	one, other := newNetwork(t), newNetwork(t)
	c := run(t, docker.WithNetworkAlias(one, "idpool"), docker.WithNetworkAlias(other, "idpool"), docker.WithLogs(t))
	for _, n := range []*testcontainers.DockerNetwork{one, other} {
		code, said := runApplication(t, n, map[string]string{
			"TOKEN_ENDPOINT": c.InsideURL() + "/" + acme + "/oauth2/v2.0/token", "BROKERS": c.InsideBrokers()[0], "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
		}, nil)
		if code != 0 || !strings.Contains(said, "produced and consumed 100 records of orders at idpool:19092") {
			t.Errorf("exit %d, said %q", code, said)
		}
	}
}

// TestAzureNamesAlone: without a name for Kafka in the network, the settings of a
// client had the token endpoint inside and the brokers outside.
func TestAzureNamesAlone(t *testing.T) {
	t.Parallel()
	c := run(t, docker.WithAzureNames(newNetwork(t)), docker.WithLogs(t))
	if got, err := c.ClientProperties(t.Context(), "java"); err == nil || !strings.Contains(err.Error(), "client properties: with Azure's names") || !strings.Contains(err.Error(), "add WithNetworkAlias") {
		t.Errorf("%v, the settings are:\n%s", err, got)
	}
}

// TestReadOnlyRoot: the image is made for one, and no file can be copied into it,
// which the daemon said without a setting that could be changed.
func TestReadOnlyRoot(t *testing.T) {
	t.Parallel()
	needDocker(t)
	locked := testcontainers.WithHostConfigModifier(func(host *container.HostConfig) { host.ReadonlyRootfs = true })
	for name, opts := range map[string][]testcontainers.ContainerCustomizer{
		"alone": {locked}, "with a config": {locked, docker.WithConfig("testdata/config.yaml")},
	} {
		c, err := docker.Run(t.Context(), opts...)
		testcontainers.CleanupContainer(t, c)
		if err == nil || !strings.Contains(err.Error(), "the container's root is read-only (ReadonlyRootfs)") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
