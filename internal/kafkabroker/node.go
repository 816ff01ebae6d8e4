package kafkabroker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

//go:embed testdata/log4j2.properties
var logging string

// The files of a node, beside its data.
const (
	settings = "server.properties"
	keystore = "keystore.pem"
	loggers  = "log4j2.properties"
	output   = "output.log"
)

// node is one broker, which is also a controller.
type node struct {
	id    int
	dir   string
	ports map[string]int // by the listener's name
	java  []string       // the options of its JVM
	*process
}

// prepare writes what a node reads, into a folder that need not be there.
func (n *node) prepare(properties map[string]string, certificate *tls.Certificate) error {
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return err
	}
	files := map[string]string{settings: render(properties), loggers: logging}
	if certificate != nil {
		store, err := encode(certificate)
		if err != nil {
			return err
		}
		files[keystore] = store
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(n.dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// encode is a certificate as a keystore of type PEM: the key, then the chain.
func encode(certificate *tls.Certificate) (string, error) {
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		return "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for _, der := range certificate.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return string(text), nil
}

// format makes the data folder. The node's process is the formatting one
// meanwhile.
func (n *node) format(scram []string) error {
	arguments := []string{"format", "--cluster-id", ClusterID, "--config", filepath.Join(n.dir, settings)}
	if err := n.launch("kafka.tools.StorageTool", append(arguments, scram...)...); err != nil {
		return err
	}
	<-n.done
	if !n.cmd.ProcessState.Success() {
		return n.failure("could not be formatted")
	}
	return nil
}

// run starts the broker and does not wait for it.
func (n *node) run() error {
	return n.launch("kafka.Kafka", filepath.Join(n.dir, settings))
}

// launch runs a class of Kafka's.
func (n *node) launch(class string, arguments ...string) error {
	out, err := os.OpenFile(filepath.Join(n.dir, output), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	options := append(n.java[:len(n.java):len(n.java)],
		"-Dlog4j2.configurationFile="+filepath.Join(n.dir, loggers), "-Djava.io.tmpdir="+n.dir, class)
	n.process, err = launch(out, "java", append(options, arguments...)...)
	return err
}

// logs is what the node has printed, formatting included.
func (n *node) logs() string {
	text, err := os.ReadFile(filepath.Join(n.dir, output))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// addressInUse is of the text of java.net.BindException.
const addressInUse = "Address already in use"

// errAddressInUse is why a node ended: somebody took a port in between.
var errAddressInUse = errors.New("another program has taken its port")

// failure says what happened, with the first error that the node printed, or
// with the last that it did.
func (n *node) failure(what string) error {
	text := n.logs()
	if strings.Contains(text, addressInUse) {
		return fmt.Errorf("kafkabroker: node %d %s: %w", n.id, what, errAddressInUse)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	first := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, " ERROR ") })
	if first < 0 {
		first = max(0, len(lines)-shown)
	}
	lines = lines[first:min(first+shown, len(lines))]
	return fmt.Errorf("kafkabroker: node %d %s:\n%s", n.id, what, strings.Join(lines, "\n"))
}

// shown is how many lines a failure has.
const shown = 40

// await waits until a client that knows only this node is told of that many.
func (n *node) await(ctx context.Context, brokers int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(n.address("PLAINTEXT")), kgo.DialTimeout(time.Second))
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		if n.brokers(ctx, client) == brokers {
			return nil
		}
		select {
		case <-n.done:
			return n.failure("ended")
		case <-ctx.Done():
			return n.failure(fmt.Sprintf("does not list %d brokers: %v", brokers, ctx.Err()))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// brokers is how many the node lists; 0 when it cannot be asked.
func (n *node) brokers(ctx context.Context, client *kgo.Client) int {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{} // none; nil means all
	response, err := client.SeedBrokers()[0].Request(ctx, request)
	if err != nil {
		return 0
	}
	return len(response.(*kmsg.MetadataResponse).Brokers)
}
