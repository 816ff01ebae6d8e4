package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/idpool/idpool/idp"
)

// The ports of the container.
const (
	httpPort  = "8080/tcp"
	httpsPort = "8443/tcp"
	adminPort = "8081/tcp"
	kafkaPort = "9092/tcp"

	insidePort        = "19092/tcp" // of Kafka clients in the network
	firstBroker       = 9093        // of the brokers of an upstream, in order
	firstInsideBroker = 19093
)

// settingsFile is copied into the container once its ports are known.
const settingsFile = "/await/settings"

// Run starts idpool in a container and returns when it is ready. The Container is
// returned with an error, too, if there is one by then, so that what began can be
// removed: see testcontainers.CleanupContainer.
func Run(ctx context.Context, opts ...testcontainers.ContainerCustomizer) (*Container, error) {
	o, err := optionsOf(opts)
	if err == nil {
		err = daemonAnswers(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("run idpool: %w", err)
	}
	all := []testcontainers.ContainerCustomizer{
		testcontainers.WithExposedPorts(o.ports()...),
		testcontainers.WithEnv(o.env(rand.Text())),
		testcontainers.WithFiles(o.files()...),
	}
	all = append(all, opts...)
	all = append(all, o.finish(ctx))
	started, err := testcontainers.Run(ctx, "", all...)
	if started == nil {
		if o.image != "" { // else it has not come to that
			err = fmt.Errorf("image %q: %w", o.image, err)
		}
		return nil, fmt.Errorf("run idpool: %w", err)
	}
	c := &Container{Container: started}
	if err == nil {
		err = c.remember(ctx)
	}
	if err != nil {
		return c, fmt.Errorf("run idpool: %w%s", err, c.lastLine(ctx))
	}
	return c, nil
}

// finish comes after everybody's options: it adds what those may have replaced,
// and what depends on them.
func (o *options) finish(ctx context.Context) testcontainers.CustomizeRequestOption {
	return func(req *testcontainers.GenericContainerRequest) error {
		if err := o.checkListeners(req.Env); err != nil {
			return err
		}
		if err := o.checkPorts(req.ExposedPorts); err != nil {
			return err
		}
		for _, network := range o.networks {
			join(req, network, o.alias)
		}
		for _, network := range o.azure {
			join(req, network, idp.AzureHosts()...)
		}
		if o.alias != "" {
			o.inside(req.Env)
		}
		if len(o.logs) > 0 {
			if req.LogConsumerCfg == nil {
				req.LogConsumerCfg = &testcontainers.LogConsumerConfig{}
			}
			req.LogConsumerCfg.Consumers = append(req.LogConsumerCfg.Consumers, o.logs...)
		}
		if err := checkNetworks(ctx, req.Networks); err != nil {
			return err
		}
		req.LifecycleHooks = slices.Insert(req.LifecycleHooks, 0, o.hooks(req.Env))
		if req.Image == "" && !req.ShouldBuildImage() {
			var err error
			if req.Image, err = defaultImage(ctx); err != nil {
				return err
			}
		}
		o.image = req.Image
		return nil
	}
}

// checkNetworks refuses a container that no test could reach: nothing of an
// internal network is published on the host, which Docker does not say.
func checkNetworks(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	daemon, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return err
	}
	defer daemon.Close()
	for _, name := range names {
		found, err := daemon.NetworkInspect(ctx, name, client.NetworkInspectOptions{})
		if err != nil {
			return fmt.Errorf("network %q: %w", name, err)
		}
		if !found.Network.Internal {
			return nil
		}
	}
	return fmt.Errorf("network %q is internal, and so the test could not reach idpool: make it without network.WithInternal, or add another network by network.WithNetworkName", names[0])
}

// checkPorts keeps what has Azure's names off the host, where a browser or a
// tool would take it for Azure.
func (o *options) checkPorts(exposed []string) error {
	if len(o.azure) == 0 {
		return nil
	}
	for _, port := range exposed {
		if port != adminPort && port != kafkaPort && slices.Index(o.ports(), port) < 0 {
			return fmt.Errorf("azure names: the port %q is not published on the host: ask in the network %q, where they hold", port, o.azure[0])
		}
	}
	return nil
}

// join adds a container to a network under more names.
func join(req *testcontainers.GenericContainerRequest, network string, aliases ...string) {
	if !slices.Contains(req.Networks, network) {
		req.Networks = append(req.Networks, network)
	}
	if req.NetworkAliases == nil {
		req.NetworkAliases = map[string][]string{}
	}
	req.NetworkAliases[network] = slices.Concat(req.NetworkAliases[network], aliases)
}

// hooks give a container that starts the settings that it waits for. Each start
// has other ports, and so do the settings: those of the last one are emptied
// before.
func (o *options) hooks(env map[string]string) testcontainers.ContainerLifecycleHooks {
	// Before files are copied, of which the daemon would say less.
	writable := func(ctx context.Context, c testcontainers.Container) error {
		made, err := c.Inspect(ctx)
		if err == nil && made.HostConfig != nil && made.HostConfig.ReadonlyRootfs {
			err = errors.New("the container's root is read-only (ReadonlyRootfs), and Docker copies no files into one, such as the ports of the host: leave that out in tests")
		}
		return err
	}
	empty := func(ctx context.Context, c testcontainers.Container) error {
		return c.CopyToContainer(ctx, nil, settingsFile, 0o444)
	}
	// One hook, since the next one would be called even if the settings cannot be
	// copied, and wait in vain.
	settle := func(ctx context.Context, c testcontainers.Container) error {
		settings, err := o.settings(ctx, c, env)
		if err != nil {
			return err
		}
		// The file is written at once and its reader waits for the line break at the
		// end, so that it never takes a part of it.
		if err := c.CopyToContainer(ctx, []byte(settings), settingsFile, 0o444); err != nil {
			return fmt.Errorf("copy %s: %w", settingsFile, err)
		}
		return waitReady(ctx, c)
	}
	return testcontainers.ContainerLifecycleHooks{
		PostCreates: []testcontainers.ContainerHook{writable},
		PreStarts:   []testcontainers.ContainerHook{empty},
		PostStarts:  []testcontainers.ContainerHook{settle},
	}
}

// waitReady waits until everything listens, or the container has ended.
func waitReady(ctx context.Context, c testcontainers.Container) error {
	err := wait.ForHTTP("/readyz").WithPort(adminPort).WithPollInterval(20*time.Millisecond).WaitUntilReady(ctx, c)
	if errors.Is(err, context.DeadlineExceeded) {
		at, _ := c.PortEndpoint(ctx, adminPort, "http") // so that it is seen which host was asked
		return fmt.Errorf("%s/readyz does not answer: %w", at, err)
	}
	return err
}

// settings are those that depend on the ports of a container that runs. They win
// over the environment, so that they have what the user gave there.
func (o *options) settings(ctx context.Context, c testcontainers.Container, env map[string]string) (string, error) {
	host, err := c.Host(ctx)
	if err != nil {
		return "", err
	}
	outside := func(port string) string {
		mapped, failed := mappedPort(ctx, c, port)
		err = errors.Join(err, failed)
		return net.JoinHostPort(host, mapped)
	}
	var lines strings.Builder
	set := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&lines, "%s=%s\n", name, value)
		}
	}
	if !off(env, "IDPOOL_KAFKA") {
		set("IDPOOL_KAFKA_ADVERTISED", advertised(env["IDPOOL_KAFKA_ADVERTISED"], outside(kafkaPort)))
	}
	if len(o.azure) == 0 {
		set("IDPOOL_PUBLIC_URL", publicURLs(env, outside))
	}
	var brokers []string
	for i, id := range o.brokers {
		port := brokerPort(i)
		brokers = append(brokers, fmt.Sprintf("%d=0.0.0.0:%s=%s", id, number(port), outside(port)))
	}
	set("IDPOOL_KAFKA_BROKERS", strings.Join(brokers, ","))
	return "# of the testcontainers module\n" + lines.String(), err
}

// advertised is what Kafka clients of the test are told: what the user gave, with
// the port that is published unless it has one, or else where it is published.
func advertised(given, published string) string {
	if given == "" {
		return published
	}
	if _, _, err := net.SplitHostPort(given); err == nil {
		return given
	}
	_, port, _ := net.SplitHostPort(published)
	return net.JoinHostPort(strings.Trim(given, "[]"), port) // an IPv6 address may have them
}

// publicURLs are those that the user gave, and the host's where there is none.
func publicURLs(env map[string]string, outside func(port string) string) string {
	given := strings.FieldsFunc(env["IDPOOL_PUBLIC_URL"], func(r rune) bool { return r == ',' || r == '\n' })
	for _, l := range fronts() {
		if urlOf(env["IDPOOL_PUBLIC_URL"], l.scheme) == "" && !off(env, l.variable) {
			given = append(given, l.scheme+"://"+outside(l.port))
		}
	}
	return strings.Join(given, ",")
}

// mappedPort is the number of a port on the host, which the daemon may take a
// moment to tell.
func mappedPort(ctx context.Context, c testcontainers.Container, port string) (string, error) {
	if err := wait.ForMappedPort(port).SkipInternalCheck().SkipExternalCheck().WaitUntilReady(ctx, c); err != nil {
		return "", fmt.Errorf("mapped port %s: %w", port, err)
	}
	mapped, err := c.MappedPort(ctx, port)
	return mapped.Port(), err
}

// brokerPort is that of the i-th broker of an upstream.
func brokerPort(i int) string { return strconv.Itoa(firstBroker+i) + "/tcp" }

// number is a port without its protocol.
func number(port string) string { return strings.TrimSuffix(port, "/tcp") }

// lastLine is what the container has to say of its end. Its log has more.
func (c *Container) lastLine(ctx context.Context) string {
	// The context may be why it ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	log, err := c.Logs(ctx)
	if err != nil {
		return ""
	}
	defer log.Close()
	text, _ := io.ReadAll(log) // what there is of it
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return "; its log ends: " + last
	}
	return ""
}

// daemonAnswers says in plain words that nothing here works without one.
func daemonAnswers(ctx context.Context) (err error) {
	defer func() { // testcontainers-go panics where it finds no address of a daemon
		if found := recover(); found != nil {
			err = noDaemon(found)
		}
	}()
	daemon, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return noDaemon(err)
	}
	defer daemon.Close()
	if _, err := daemon.Ping(ctx, client.PingOptions{}); err != nil {
		return noDaemon(err)
	}
	return nil
}

func noDaemon(why any) error {
	return fmt.Errorf("no Docker daemon answers: start one, or set DOCKER_HOST to where one listens (%v)", why)
}
