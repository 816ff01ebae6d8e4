package docker

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
)

// Option is what this module adds to the options of testcontainers-go, which
// [Run] takes as well: testcontainers.WithEnv, say, sets any flag of "idpool
// serve" by its variable, and wins over an Option.
type Option func(*options) error

var _ testcontainers.ContainerCustomizer = Option(nil)

// Customize does nothing: an Option counts for [Run] only.
func (Option) Customize(*testcontainers.GenericContainerRequest) error { return nil }

// options is what the Options of a call of Run ask for.
type options struct {
	config   file
	faults   []file
	scenario string
	alias    string   // in the networks that have one; empty for none
	networks []string // of the alias
	azure    []string // the networks that have Azure's names
	upstream string   // bootstrap servers of a real cluster; empty for the embedded one
	brokers  []int    // of that cluster, by their ids
	logs     []testcontainers.LogConsumer
	image    string // that the container is made of, once that is known
}

// file is one that is copied into the container. Its name is what errors call it.
type file struct {
	name string
	text []byte
}

// WithConfig serves a config file in place of the built-in Acme tenant. Files
// that it names are not copied with it: testcontainers.WithFiles puts them beside
// it, into the folder /config.
func WithConfig(path string) Option {
	return func(o *options) (err error) {
		o.config, err = readFile("config", path)
		return err
	}
}

// WithConfigYAML is [WithConfig] with the text of a config.
func WithConfigYAML(text string) Option {
	return func(o *options) error {
		o.config = file{"idpool.yaml", []byte(text)}
		return nil
	}
}

// WithScenario serves a stack that is broken on purpose, one of "idpool scenario
// list", in place of a config.
func WithScenario(id string) Option {
	return func(o *options) error {
		o.scenario = id
		return nil
	}
}

// WithFault lets the faults of a file happen. It may be given several times.
func WithFault(path string) Option {
	return func(o *options) error {
		f, err := readFile("fault", path)
		o.faults = append(o.faults, f)
		return err
	}
}

// WithFaultYAML is [WithFault] with the text of a file of faults.
func WithFaultYAML(text string) Option {
	return func(o *options) error {
		o.faults = append(o.faults, file{"faults.yaml", []byte(text)})
		return nil
	}
}

// WithNetworkAlias joins a network, where other containers reach idpool by a
// name: see [Container.InsideURL] and [Container.InsideBrokers]. A token that is
// asked for there has the same issuer as one that the test asks for. It may be given
// for several networks, with the same name in each.
func WithNetworkAlias(network *testcontainers.DockerNetwork, alias string) Option {
	return func(o *options) error {
		switch {
		case network == nil:
			return errors.New("network alias: the network is nil")
		case alias == "":
			return errors.New(`network alias: it is empty, want a host name such as "idpool"`)
		case o.alias != "" && o.alias != alias:
			return fmt.Errorf("network alias: %q and %q: Kafka clients are told one name, so give the same in each network", o.alias, alias)
		}
		o.alias, o.networks = alias, append(o.networks, network.Name)
		return nil
	}
}

// WithAzureNames makes login.microsoftonline.com, login.windows.net and
// sts.windows.net name this container in a network, at the ports 443 and 80, with
// Azure's own issuers: an application whose authority is written into it runs
// there as it is, once it trusts [Container.CA]. What else listens in the
// network finds the real names no more.
//
// Nothing of it is seen outside of the network: those ports are not published
// on the host, so that [Container.URL] and [Container.HTTPSURL] are errors. The
// network itself must not be internal, or the test could not reach the admin API.
// For Kafka in the network give [WithNetworkAlias] as well, which
// [Container.ClientProperties] wants, too.
func WithAzureNames(network *testcontainers.DockerNetwork) Option {
	return func(o *options) error {
		if network == nil {
			return errors.New("azure names: the network is nil")
		}
		o.azure = append(o.azure, network.Name)
		return nil
	}
}

// WithUpstream stands before a real Kafka cluster in place of the embedded one:
// bootstrap is where the container reaches it, HOST:PORT with commas, and
// brokers are the ids of its brokers, each of which gets a port of its own.
// None means one broker with the id 1.
func WithUpstream(bootstrap string, brokers ...int) Option {
	return func(o *options) error {
		if bootstrap == "" {
			return errors.New(`upstream: the bootstrap servers are empty, want HOST:PORT such as "kafka:9092"`)
		}
		if len(brokers) == 0 {
			brokers = []int{1}
		}
		o.upstream, o.brokers = bootstrap, slices.Clone(brokers)
		return nil
	}
}

// WithLogs shows the container's log as that of a test, also what is logged
// when the container ends, if it was started after this. What comes when the
// test is over is dropped.
func WithLogs(t testing.TB) Option {
	return func(o *options) error {
		o.logs = append(o.logs, newTestLog(t))
		return nil
	}
}

// WithImage takes an image of idpool that there is, in place of the environment
// variable IDPOOL_IMAGE or of building one. It is testcontainers.WithImage.
func WithImage(name string) testcontainers.CustomizeRequestOption {
	return testcontainers.WithImage(name)
}

// optionsOf takes this module's options out of all of them.
func optionsOf(all []testcontainers.ContainerCustomizer) (*options, error) {
	o := &options{}
	for _, one := range all {
		apply, ours := one.(Option)
		if !ours {
			continue
		}
		if err := apply(o); err != nil {
			return nil, err
		}
	}
	if o.scenario != "" && o.config.name != "" {
		return nil, errors.New("a scenario has a config of its own: leave out WithScenario or WithConfig")
	}
	return o, nil
}

// ports are those of the container that the host sees.
func (o *options) ports() []string {
	ports := []string{adminPort, kafkaPort}
	if len(o.azure) == 0 {
		ports = append(ports, httpPort, httpsPort)
	}
	for i := range o.brokers {
		ports = append(ports, brokerPort(i))
	}
	return ports
}

// env is what can be said before the container runs, as the variables of "idpool
// serve".
func (o *options) env(adminToken string) map[string]string {
	env := map[string]string{
		"IDPOOL_AWAIT":       settingsFile,
		"IDPOOL_ADMIN":       "0.0.0.0:" + number(adminPort),
		"IDPOOL_ADMIN_TOKEN": adminToken,
	}
	set := func(name, value string) {
		if value != "" {
			env[name] = value
		}
	}
	set("IDPOOL_SCENARIO", o.scenario)
	set("IDPOOL_KAFKA_UPSTREAM", o.upstream)
	if o.config.name != "" {
		set("IDPOOL_CONFIG", o.config.at())
	}
	set("IDPOOL_FAULT", strings.Join(o.faultFiles(), "\n"))
	if len(o.azure) > 0 {
		set("IDPOOL_AZURE_NAMES", "true")
	}
	return env
}

// inside is what makes the network inside find its own way to the listeners that
// are on. What the user gave stays.
func (o *options) inside(env map[string]string) {
	set := func(name, value string) {
		if _, given := env[name]; !given && value != "" {
			env[name] = value
		}
	}
	if len(o.azure) == 0 {
		set("IDPOOL_INSIDE_URL", strings.Join(o.insideURLs(env), ","))
	}
	if off(env, "IDPOOL_KAFKA") {
		return
	}
	set("IDPOOL_KAFKA_INSIDE", "0.0.0.0:"+number(insidePort))
	set("IDPOOL_KAFKA_INSIDE_ADVERTISED", net.JoinHostPort(o.alias, number(insidePort)))
	var brokers []string
	for i, id := range o.brokers {
		port := strconv.Itoa(firstInsideBroker + i)
		brokers = append(brokers, fmt.Sprintf("%d=0.0.0.0:%s=%s", id, port, net.JoinHostPort(o.alias, port)))
	}
	set("IDPOOL_KAFKA_INSIDE_BROKERS", strings.Join(brokers, ","))
}

// insideURLs are those of the listeners that are on.
func (o *options) insideURLs(env map[string]string) []string {
	var urls []string
	for _, l := range fronts() {
		if !off(env, l.variable) {
			urls = append(urls, l.scheme+"://"+net.JoinHostPort(o.alias, number(l.port)))
		}
	}
	return urls
}

// files are what is copied into the container before it runs. They are made
// anew for each, since a container reads them to their end.
func (o *options) files() []testcontainers.ContainerFile {
	var files []testcontainers.ContainerFile
	add := func(at string, text []byte) {
		files = append(files, testcontainers.ContainerFile{Reader: bytes.NewReader(text), ContainerFilePath: at, FileMode: 0o444})
	}
	if o.config.name != "" {
		add(o.config.at(), o.config.text)
	}
	for i, at := range o.faultFiles() {
		add(at, o.faults[i].text)
	}
	return files
}

// at is where a config is in the container.
func (f file) at() string { return path.Join("/config", f.name) }

// faultFiles are where the faults are in the container.
func (o *options) faultFiles() []string {
	var files []string
	for i, f := range o.faults {
		files = append(files, path.Join("/faults", strconv.Itoa(i+1), f.name))
	}
	return files
}

// readFile reads a file of the test.
func readFile(what, name string) (file, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return file{}, fmt.Errorf("%s: %w", what, err)
	}
	return file{filepath.Base(name), text}, nil
}
