package docker_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"

	"github.com/idpool/idpool/docker"
)

// TestErrors is what a test is told that gave something wrong: what the
// container says last of it, and which setting it was.
func TestErrors(t *testing.T) {
	t.Parallel()
	env := func(name, value string) testcontainers.ContainerCustomizer {
		return testcontainers.WithEnv(map[string]string{name: value})
	}
	for name, tc := range map[string]struct {
		opts []testcontainers.ContainerCustomizer
		want []string // in the last line of the log, and in the error
	}{
		"no config":         {[]testcontainers.ContainerCustomizer{docker.WithConfigYAML("tenants: [{id: nobody}]")}, []string{"/config/idpool.yaml:1:", "tenants[0].id", `"nobody"`}},
		"a key misspelt":    {[]testcontainers.ContainerCustomizer{docker.WithConfigYAML("tenant: []")}, []string{"/config/idpool.yaml:1:1", `did you mean "tenants"?`}},
		"no such config":    {[]testcontainers.ContainerCustomizer{env("IDPOOL_CONFIG", "/config/none.yaml")}, []string{"IDPOOL_CONFIG", "/config/none.yaml does not exist"}},
		"no such scenario":  {[]testcontainers.ContainerCustomizer{docker.WithScenario("api-disable")}, []string{`"api-disable"`, `did you mean "api-disabled"?`}},
		"no such fault":     {[]testcontainers.ContainerCustomizer{docker.WithFaultYAML("- {endpoint: tokens}")}, []string{"faults.yaml:1:", `"tokens"`}},
		"no URL":            {[]testcontainers.ContainerCustomizer{env("IDPOOL_PUBLIC_URL", "localhost")}, []string{"IDPOOL_PUBLIC_URL", `"localhost"`}},
		"a port that is no": {[]testcontainers.ContainerCustomizer{env("IDPOOL_HTTP", "0.0.0.0:port")}, []string{"http listener", `"0.0.0.0:port" is no address`}},
		"a port taken":      {[]testcontainers.ContainerCustomizer{env("IDPOOL_KAFKA_INSIDE", "0.0.0.0:8080"), env("IDPOOL_KAFKA_INSIDE_ADVERTISED", "idpool:8080")}, []string{"8080", "IDPOOL_KAFKA_INSIDE"}},
		"no upstream":       {[]testcontainers.ContainerCustomizer{docker.WithUpstream("kafka")}, []string{"IDPOOL_KAFKA_UPSTREAM", `"kafka"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needDocker(t)
			c, err := docker.Run(t.Context(), tc.opts...)
			testcontainers.CleanupContainer(t, c)
			if err == nil || !strings.HasPrefix(err.Error(), "run idpool: ") || c == nil {
				t.Fatalf("%v, with the container %v", err, c)
			}
			lines := strings.Split(strings.TrimSpace(logOf(t, c)), "\n")
			last := lines[len(lines)-1]
			contains(t, last, tc.want...)
			if !strings.HasSuffix(err.Error(), "; its log ends: "+last) {
				t.Errorf("the error does not end with the last line %q: %v", last, err)
			}
		})
	}
}

// TestOptions is what is refused before there is a container.
func TestOptions(t *testing.T) {
	for want, opts := range map[string][]testcontainers.ContainerCustomizer{
		"run idpool: config: open testdata/none.yaml: no such file or directory": {docker.WithConfig("testdata/none.yaml")},
		"run idpool: fault: open testdata/none.yaml: no such file or directory":  {docker.WithFault("testdata/none.yaml")},
		"run idpool: network alias: the network is nil":                          {docker.WithNetworkAlias(nil, "idpool")},
		"run idpool: network alias: it is empty, want a host name":               {docker.WithNetworkAlias(&testcontainers.DockerNetwork{Name: "n"}, "")},
		`run idpool: network alias: "a" and "b": Kafka clients are told one name`: {
			docker.WithNetworkAlias(&testcontainers.DockerNetwork{Name: "n"}, "a"), docker.WithNetworkAlias(&testcontainers.DockerNetwork{Name: "m"}, "b"),
		},
		"run idpool: azure names: the network is nil":           {docker.WithAzureNames(nil)},
		"run idpool: upstream: the bootstrap servers are empty": {docker.WithUpstream("")},
		"run idpool: a scenario has a config of its own":        {docker.WithScenario("api-disabled"), docker.WithConfigYAML("{}")},
	} {
		if c, err := docker.Run(t.Context(), opts...); c != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestAdminOff is a container of which nobody could say when it is ready.
func TestAdminOff(t *testing.T) {
	t.Parallel()
	needDocker(t)
	c, err := docker.Run(t.Context(), testcontainers.WithEnv(map[string]string{"IDPOOL_ADMIN": "off"}))
	testcontainers.CleanupContainer(t, c)
	if err == nil || !strings.HasPrefix(err.Error(), "run idpool: customize: IDPOOL_ADMIN is off") {
		t.Error(err)
	}
}

// TestNoDaemon is in a process of its own, since testcontainers-go remembers
// where the daemon is. It looks at the usual socket whatever DOCKER_HOST says,
// so that a daemon which runs there has to be kept from it, too.
func TestNoDaemon(t *testing.T) {
	if os.Getenv("IDPOOL_TEST_NO_DAEMON") == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestNoDaemon$", "-test.v")
		child.Env = append(os.Environ(), "IDPOOL_TEST_NO_DAEMON=yes", "IDPOOL_REQUIRE=", "DOCKER_HOST=unix:///nowhere/docker.sock", "DOCKER_CERT_PATH=/nowhere")
		out, err := child.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestNoDaemon") || !strings.Contains(string(out), "the examples are skipped: docker: no Docker daemon answers") {
			t.Errorf("%v:\n%s", err, out)
		}
		return
	}
	c, err := docker.Run(t.Context())
	want := "run idpool: no Docker daemon answers: start one, or set DOCKER_HOST to where one listens ("
	if c != nil || err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "unix:///nowhere/docker.sock") {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestInternalNetwork: nobody waits a minute for ports that no internal network
// publishes.
func TestInternalNetwork(t *testing.T) {
	needDocker(t)
	inside, err := network.New(t.Context(), network.WithInternal())
	if err != nil {
		t.Fatal(err)
	}
	testcontainers.CleanupNetwork(t, inside)
	for _, option := range []docker.Option{docker.WithAzureNames(inside), docker.WithNetworkAlias(inside, "idpool")} {
		c, err := docker.Run(t.Context(), option)
		testcontainers.CleanupContainer(t, c)
		if err == nil {
			t.Fatal("it runs where no test reaches it")
		}
		contains(t, err.Error(), inside.Name, "is internal")
	}
}

// TestNoImage: what cannot be had is named.
func TestNoImage(t *testing.T) {
	needDocker(t)
	c, err := docker.Run(t.Context(), docker.WithImage("idpool-test-none:1"))
	testcontainers.CleanupContainer(t, c)
	if err == nil {
		t.Fatal("an image that nobody has runs")
	}
	contains(t, err.Error(), `run idpool: image "idpool-test-none:1"`)
}
