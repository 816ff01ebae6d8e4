package docker

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/testcontainers/testcontainers-go"

	"github.com/idpool/idpool/idp"
)

// Container is idpool that runs in a container. It has what every container of
// testcontainers-go has, too; the log says each token and each login.
//
// One that was stopped and started again, by its methods Stop and Start, has
// other ports, and so have its URL and the issuer of its tokens. What stops and
// starts it behind the back of testcontainers-go makes it serve the old ones.
type Container struct {
	testcontainers.Container
	env map[string]string // that it was made with
}

// remember reads back the environment, which is the options' and the user's.
func (c *Container) remember(ctx context.Context) error {
	made, err := c.Inspect(ctx)
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	c.env = map[string]string{}
	for _, variable := range made.Config.Env {
		name, value, _ := strings.Cut(variable, "=")
		c.env[name] = value
	}
	return nil
}

// URL is where the test reaches the http listener, such as
// http://localhost:32768. It is the issuer of tokens, without the tenant. It is an
// error where the listener is off.
func (c *Container) URL(ctx context.Context) (string, error) { return c.url(ctx, plain()) }

// HTTPSURL is where the test reaches the https listener, whose certificate is of
// [Container.CA]. [Container.Client] trusts it. It is an error where the listener is off.
func (c *Container) HTTPSURL(ctx context.Context) (string, error) { return c.url(ctx, secure()) }

func (c *Container) url(ctx context.Context, l listener) (string, error) {
	if given := urlOf(c.env["IDPOOL_PUBLIC_URL"], l.scheme); given != "" {
		return given, nil // by the user, for something that stands before it
	}
	switch {
	case off(c.env, l.variable):
		return "", fmt.Errorf("%s URL: %s is off", l.scheme, l.variable)
	case c.azure():
		return "", fmt.Errorf("%s URL: with Azure's names it is seen in their network only", l.scheme)
	}
	at, err := c.PortEndpoint(ctx, l.port, l.scheme)
	if err != nil {
		return "", fmt.Errorf("%s URL: %w", l.scheme, err)
	}
	return at, nil
}

// urlOf is the URL with a scheme in a list with commas or lines; empty for none.
func urlOf(list, scheme string) string {
	for one := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == '\n' }) {
		if one = strings.TrimSpace(one); strings.HasPrefix(one, scheme+"://") {
			return strings.TrimSuffix(one, "/")
		}
	}
	return ""
}

// azure says whether it has Azure's names.
func (c *Container) azure() bool {
	on, _ := strconv.ParseBool(c.env["IDPOOL_AZURE_NAMES"])
	return on
}

// InsideURL is where other containers of the network reach the http listener;
// empty without [WithNetworkAlias] and [WithAzureNames], and where the listener is off.
func (c *Container) InsideURL() string { return c.inside(plain()) }

// InsideHTTPSURL is the same of the https listener.
func (c *Container) InsideHTTPSURL() string { return c.inside(secure()) }

func (c *Container) inside(l listener) string {
	switch {
	case off(c.env, l.variable):
		return ""
	case c.azure():
		return l.scheme + "://" + idp.AzureHost
	}
	return urlOf(c.env["IDPOOL_INSIDE_URL"], l.scheme)
}

// Brokers are where Kafka clients of the test begin. It is an error where the
// Kafka listener is off.
func (c *Container) Brokers(ctx context.Context) ([]string, error) {
	if off(c.env, "IDPOOL_KAFKA") {
		return nil, errors.New("brokers: IDPOOL_KAFKA is off")
	}
	at, err := c.PortEndpoint(ctx, kafkaPort, "")
	if err != nil {
		return nil, fmt.Errorf("brokers: %w", err)
	}
	return []string{advertised(c.env["IDPOOL_KAFKA_ADVERTISED"], at)}, nil
}

// InsideBrokers are where Kafka clients in other containers of the network begin;
// none without [WithNetworkAlias], and where the Kafka listener is off.
func (c *Container) InsideBrokers() []string {
	if at := c.env["IDPOOL_KAFKA_INSIDE_ADVERTISED"]; at != "" && !off(c.env, "IDPOOL_KAFKA") {
		return []string{at}
	}
	return nil
}

// ClientProperties are the settings of a Kafka client of the test, ready to use:
// what "idpool client NAME" prints, which knows java, librdkafka, franz-go and
// more. Flags are those of that command, such as "--ssl", "--pool=pool-prod" or
// "--client-id=…". With a scenario they are those of the Acme tenant that it
// breaks; with Azure's names they are for a client in that network, which has to
// have [WithNetworkAlias] for Kafka. Where the Kafka listener is off, "--bootstrap=…"
// says where Kafka is.
func (c *Container) ClientProperties(ctx context.Context, client string, flags ...string) (string, error) {
	places, err := c.places(ctx)
	if err != nil {
		return "", fmt.Errorf("client properties: %w", err)
	}
	command := slices.Concat([]string{"/idpool", "client", client, "--show-secret"}, places, flags)
	code, output, err := c.Exec(ctx, command)
	if err != nil {
		return "", fmt.Errorf("client properties: %w", err)
	}
	var stdout, stderr bytes.Buffer
	if _, err := stdcopy.StdCopy(&stdout, &stderr, output); err != nil {
		return "", fmt.Errorf("client properties: %w", err)
	}
	if code != 0 {
		return "", fmt.Errorf("client properties: %s", strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// places are the addresses of this container, as flags of "idpool client", which
// knows them no better than any other program in there.
func (c *Container) places(ctx context.Context) ([]string, error) {
	kafka, err := c.bootstrap(ctx)
	if err != nil {
		return nil, err
	}
	if c.azure() {
		return append(kafka, "--url", cmp.Or(c.InsideHTTPSURL(), c.InsideURL())), nil
	}
	var public []string
	var failed error
	for _, l := range fronts() {
		at, err := c.url(ctx, l)
		if err == nil {
			public = append(public, at)
		}
		failed = errors.Join(failed, err)
	}
	switch len(public) {
	case 0:
		return nil, failed
	case 1: // of whatever scheme
		return append(kafka, "--url", public[0]), nil
	}
	return append(kafka, "--public-url", strings.Join(public, ",")), nil
}

// bootstrap is the flag of the brokers, none where the Kafka listener is off.
func (c *Container) bootstrap(ctx context.Context) ([]string, error) {
	inside := c.InsideBrokers()
	switch {
	case off(c.env, "IDPOOL_KAFKA"):
		return nil, nil
	case c.azure() && len(inside) == 0:
		return nil, errors.New("with Azure's names they are for a client in that network, where Kafka has no name yet: add WithNetworkAlias")
	case c.azure():
		return []string{"--bootstrap", inside[0]}, nil
	}
	brokers, err := c.Brokers(ctx)
	if err != nil {
		return nil, err
	}
	return []string{"--bootstrap", brokers[0]}, nil
}
