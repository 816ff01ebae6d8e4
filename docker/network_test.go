package docker_test

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/idpool/idpool/docker"
)

// TestNetwork is an application in another container, beside a client of the
// test: both get tokens of the same issuer, each by its own address.
func TestNetwork(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	c := run(t, docker.WithNetworkAlias(n, "idpool"), docker.WithLogs(t))
	if got, want := c.InsideURL()+" "+c.InsideHTTPSURL()+" "+strings.Join(c.InsideBrokers(), " "), "http://idpool:8080 https://idpool:8443 idpool:19092"; got != want {
		t.Fatalf("inside it is %q, want %q", got, want)
	}
	ca := must[[]byte](t)(c.CA(t.Context()))
	outside := must[string](t)(c.URL(t.Context()))
	verify(t, http.DefaultClient, outside+"/"+acme+"/v2.0", must[string](t)(c.Token(t.Context(), clientID)))
	for name, tc := range map[string]struct{ inside, protocol, issuer string }{
		"http":  {c.InsideURL(), "SASL_PLAINTEXT", outside},
		"https": {c.InsideHTTPSURL(), "SASL_SSL", must[string](t)(c.HTTPSURL(t.Context()))},
	} {
		t.Run(name, func(t *testing.T) {
			code, said := runApplication(t, n, map[string]string{
				"TOKEN_ENDPOINT": tc.inside + "/" + acme + "/oauth2/v2.0/token", "BROKERS": c.InsideBrokers()[0], "SECURITY_PROTOCOL": tc.protocol, "CA_FILE": "/ca.pem",
			}, map[string][]byte{"/ca.pem": ca})
			want := "produced and consumed 100 records of orders at idpool:19092, with a token of " + tc.issuer + "/" + acme + "/v2.0\n"
			if code != 0 || said != want {
				t.Errorf("exit %d, said %q, want %q", code, said, want)
			}
		})
	}
	exchange(t, must[[]string](t)(c.Brokers(t.Context())), login(c))
}

// kafkaProperties is a cluster of one broker, which the network reaches as
// kafka:9092 without a login.
const kafkaProperties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:9093
listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://localhost:9093
advertised.listeners=PLAINTEXT://kafka:9092
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
log.dirs=/var/lib/kafka/data
`

// runKafka starts a released Kafka in a network. Its image is that of
// KAFKA_IMAGE, or the one that docker/kafka/build.sh makes where none can be pulled.
func runKafka(t testing.TB, n *testcontainers.DockerNetwork) {
	t.Helper()
	const limit = 4 * time.Minute // on a machine that is busy
	image := cmp.Or(os.Getenv("KAFKA_IMAGE"), "idpool-kafka")
	daemon, err := testcontainers.NewDockerClientWithOpts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = daemon.Close() }()
	if _, err := daemon.ImageInspect(t.Context(), image); errdefs.IsNotFound(err) {
		missing(t, "there is no image "+image+": docker/kafka/build.sh makes one")
	}
	c, err := testcontainers.Run(t.Context(), image, network.WithNetwork([]string{"kafka"}, n),
		testcontainers.WithFiles(testcontainers.ContainerFile{
			Reader: strings.NewReader(kafkaProperties), ContainerFilePath: "/mnt/shared/config/server.properties", FileMode: 0o444,
		}),
		testcontainers.WithWaitStrategyAndDeadline(limit, wait.ForLog("Kafka Server started").WithStartupTimeout(limit)))
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatal(err)
	}
}

// TestUpstream is idpool before a real cluster in the same network, for clients
// outside and inside.
func TestUpstream(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	runKafka(t, n)
	c := run(t, docker.WithNetworkAlias(n, "idpool"), docker.WithUpstream("kafka:9092", 1), docker.WithLogs(t))
	exchange(t, must[[]string](t)(c.Brokers(t.Context())), login(c))
	code, said := runApplication(t, n, map[string]string{
		"TOKEN_ENDPOINT": c.InsideURL() + "/" + acme + "/oauth2/v2.0/token", "BROKERS": c.InsideBrokers()[0], "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
	}, nil)
	if code != 0 || !strings.Contains(said, "produced and consumed 100 records of orders at idpool:19092") {
		t.Errorf("exit %d, said %q", code, said)
	}
}

// TestAzureNames is an application that knows of Azure only: its authority is in
// its code, and Microsoft's library asks it. On the host nothing of it is seen.
func TestAzureNames(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	c := run(t, docker.WithAzureNames(n), docker.WithNetworkAlias(n, "idpool"), docker.WithLogs(t))
	if got, want := c.InsideURL()+" "+c.InsideHTTPSURL(), "http://login.microsoftonline.com https://login.microsoftonline.com"; got != want {
		t.Errorf("inside it is %q, want %q", got, want)
	}
	azureIsInsideOnly(t, c)
	ca := must[[]byte](t)(c.CA(t.Context()))
	env := map[string]string{"BROKERS": c.InsideBrokers()[0], "SECURITY_PROTOCOL": "SASL_SSL", "CA_FILE": "/ca.pem", "SSL_CERT_FILE": "/ca.pem"}
	code, said := runApplication(t, n, env, map[string][]byte{"/ca.pem": ca})
	want := "produced and consumed 100 records of orders at idpool:19092, with a token of https://login.microsoftonline.com/" + acme + "/v2.0\n"
	if code != 0 || said != want {
		t.Errorf("exit %d, said %q, want %q", code, said, want)
	}
	contains(t, must[string](t)(c.ClientProperties(t.Context(), "java", "--ssl")), "bootstrap.servers=idpool:19092\n", "=https://login.microsoftonline.com/"+acme+"/oauth2/v2.0/token\n")
	delete(env, "SSL_CERT_FILE")
	if code, said := runApplication(t, n, env, map[string][]byte{"/ca.pem": ca}); code == 0 || !strings.Contains(said, "certificate signed by unknown authority") {
		t.Errorf("without the CA: exit %d, said %q", code, said)
	}
}

// azureIsInsideOnly looks at what the daemon publishes on the host, and at what
// answers there.
func azureIsInsideOnly(t testing.TB, c *docker.Container) {
	t.Helper()
	made, err := c.Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for port, bindings := range made.NetworkSettings.Ports {
		if got := port.String(); len(bindings) > 0 && got != "8081/tcp" && got != "9092/tcp" {
			t.Errorf("the port %s is published on the host", got)
		}
	}
	for what, url := range map[string]func() (string, error){
		"http":  func() (string, error) { return c.URL(t.Context()) },
		"https": func() (string, error) { return c.HTTPSURL(t.Context()) },
	} {
		if at, err := url(); err == nil || !strings.Contains(err.Error(), "in their network only") {
			t.Errorf("%s URL on the host: %q, %v", what, at, err)
		}
	}
	// Tokens are there all the same, by the admin API.
	if token := must[string](t)(c.Token(t.Context(), clientID)); strings.Count(token, ".") != 2 {
		t.Errorf("the token is %q", token)
	}
	// Whoever asks the admin listener for Azure gets the admin listener.
	at := must[string](t)(c.Admin(t.Context()))
	response, err := http.Post(at+"/"+acme+"/oauth2/v2.0/token", "application/x-www-form-urlencoded", strings.NewReader(form().Encode()))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode/100 == 2 {
		t.Errorf("the admin listener answers as Azure does: %s", response.Status)
	}
	if answersAsAzure(t.Context(), must[[]byte](t)(c.CA(t.Context())), "127.0.0.1:443") {
		t.Error("idpool answers as Azure at port 443 of the host")
	}
}

// answersAsAzure says whether an address has a certificate for Azure's name that is
// of a CA. Another web server may be there, and is no business of idpool's.
func answersAsAzure(ctx context.Context, ca []byte, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	dialer := tls.Dialer{Config: &tls.Config{ServerName: "login.microsoftonline.com", RootCAs: roots}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// TestAnswersAsAzure is a web server of the host, which is nobody's business, and
// one with a certificate for Azure's name that the CA has issued.
func TestAnswersAsAzure(t *testing.T) {
	own := httptest.NewUnstartedServer(http.NotFoundHandler())
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"login.microsoftonline.com"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	own.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	own.StartTLS()
	defer own.Close()
	other := httptest.NewTLSServer(http.NotFoundHandler())
	defer other.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for server, want := range map[*httptest.Server]bool{own: true, other: false} {
		if got := answersAsAzure(t.Context(), ca, server.Listener.Addr().String()); got != want {
			t.Errorf("it answers as Azure: %t, want %t", got, want)
		}
	}
}

// TestAzureNamesAtThePorts is a wish that would publish Azure's names on the host.
func TestAzureNamesAtThePorts(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	for _, port := range []string{"443/tcp", "80/tcp", "8443/tcp"} {
		c, err := docker.Run(t.Context(), docker.WithAzureNames(n), testcontainers.WithExposedPorts(port))
		testcontainers.CleanupContainer(t, c)
		if err == nil || !strings.Contains(err.Error(), `azure names: the port "`+port+`" is not published on the host`) {
			t.Errorf("%s: %v", port, err)
		}
	}
}

// kill ends a container as a crash does.
func kill(t testing.TB, c testcontainers.Container) {
	t.Helper()
	daemon, err := testcontainers.NewDockerClientWithOpts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = daemon.Close() }()
	if _, err := daemon.ContainerKill(t.Context(), c.GetContainerID(), client.ContainerKillOptions{Signal: "SIGKILL"}); err != nil {
		t.Fatal(err)
	}
}
