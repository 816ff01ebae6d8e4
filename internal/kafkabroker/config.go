package kafkabroker

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Config says what brokers to run. The zero Config is one node that speaks
// PLAINTEXT, and SASL_PLAINTEXT with no user.
type Config struct {
	// Nodes is how many there are, each of them broker and controller; 0 means
	// 1. Topics of Kafka's own are kept by up to three.
	Nodes int
	// Properties are added to every node's server.properties, in place of what
	// is there by the same name. To authorise, name
	//
	//	authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
	//
	// where User:ANONYMOUS, which is whoever comes through PLAINTEXT, stays a
	// super user, since the nodes are that to each other.
	Properties map[string]string
	// JVM are further options of every node's JVM, such as -D lines.
	JVM []string
	// TLS adds the listeners SSL and SASL_SSL.
	TLS bool
	// Users are those of PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512, with their
	// passwords: letters, digits and ._~- in both.
	Users map[string]string
	// Lib is the folder of Kafka's jars. Empty means what [Lib] finds.
	Lib string
}

// ClusterID is the id of every cluster.
const ClusterID = "MkU3OEVBNTcwNTJENDM2Qk"

// anonymous is the principal of the nodes themselves.
const anonymous = "User:ANONYMOUS"

// plainText is what needs no quotes in a JAAS line nor in an argument of
// --add-scram.
var plainText = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

// check refuses what cannot be run.
func (c Config) check() error {
	if c.Nodes < 0 {
		return fmt.Errorf("kafkabroker: %d nodes, want 1 or more", c.Nodes)
	}
	for name, password := range c.Users {
		if !plainText.MatchString(name) || !plainText.MatchString(password) {
			return fmt.Errorf("kafkabroker: user %q with password %q, want letters, digits and ._~- in both", name, password)
		}
	}
	return nil
}

// listeners are the names that clients may use.
func (c Config) listeners() []string {
	if c.TLS {
		return []string{"PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"}
	}
	return []string{"PLAINTEXT", "SASL_PLAINTEXT"}
}

// properties are the server.properties of a node.
func (c Config) properties(n *node, nodes []*node) map[string]string {
	replicas := strconv.Itoa(min(len(nodes), 3))
	p := map[string]string{
		"node.id":                        strconv.Itoa(n.id),
		"process.roles":                  "broker,controller",
		"controller.listener.names":      controller,
		"controller.quorum.voters":       voters(nodes),
		"inter.broker.listener.name":     "PLAINTEXT",
		"listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
		"listeners":                      n.urls(append(c.listeners(), controller)),
		"advertised.listeners":           n.urls(c.listeners()),
		"log.dirs":                       filepath.Join(n.dir, "data"),
		"auto.create.topics.enable":      "false",
		// Fast and small: the defaults are for a server of its own. The session
		// is what a restarted node waits for, until the other is forgotten.
		"broker.heartbeat.interval.ms":         "500",
		"broker.session.timeout.ms":            "9000",
		"group.initial.rebalance.delay.ms":     "0",
		"log.cleaner.dedupe.buffer.size":       "4194304",
		"num.io.threads":                       "4",
		"num.network.threads":                  "2",
		"replica.fetch.backoff.ms":             "100",
		"offsets.topic.num.partitions":         "4",
		"transaction.state.log.num.partitions": "4",
		"transaction.state.log.min.isr":        "1",
	}
	for _, topic := range []string{"offsets.topic", "transaction.state.log"} {
		p[topic+".replication.factor"] = replicas
	}
	for name := range strings.SplitSeq("sasl_plaintext sasl_ssl", " ") {
		maps.Copy(p, c.mechanisms("listener.name."+name+"."))
	}
	if c.TLS {
		p["ssl.keystore.type"] = "PEM"
		p["ssl.keystore.location"] = filepath.Join(n.dir, keystore)
	}
	maps.Copy(p, c.Properties)
	if super := p["super.users"]; super != "" {
		p["super.users"] = super + ";" + anonymous
	} else {
		p["super.users"] = anonymous
	}
	return p
}

// mechanisms are the settings of a SASL listener.
func (c Config) mechanisms(listener string) map[string]string {
	plain := "org.apache.kafka.common.security.plain.PlainLoginModule required"
	for _, name := range slices.Sorted(maps.Keys(c.Users)) {
		plain += fmt.Sprintf(" user_%s=%q", name, c.Users[name])
	}
	const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
	return map[string]string{
		listener + "sasl.enabled.mechanisms":        "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		listener + "plain.sasl.jaas.config":         plain + ";",
		listener + "scram-sha-256.sasl.jaas.config": scram,
		listener + "scram-sha-512.sasl.jaas.config": scram,
	}
}

// java are the options of every JVM. What install.sh archived is used where it
// is and fits.
func (c Config) java() []string {
	options := []string{"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"}
	archive := filepath.Join(filepath.Dir(c.Lib), "classes.jsa")
	if _, err := os.Stat(archive); err == nil {
		options = append(options, "-XX:SharedArchiveFile="+archive, "-Xlog:cds=off", "-Xlog:cds+dynamic=off")
	}
	return append(append(options, c.JVM...), "-cp", filepath.Join(c.Lib, "*"))
}

// addScram are the arguments that make the users when a node is formatted.
func (c Config) addScram() []string {
	var arguments []string
	for _, name := range slices.Sorted(maps.Keys(c.Users)) {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			arguments = append(arguments, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, name, c.Users[name]))
		}
	}
	return arguments
}

// render writes properties as java.util.Properties reads them.
func render(p map[string]string) string {
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&text, "%s=%s\n", name, escape.Replace(p[name]))
	}
	return text.String()
}

// controller is the listener by which the nodes vote.
const controller = "CONTROLLER"

// voters is the quorum.
func voters(nodes []*node) string {
	var voters []string
	for _, n := range nodes {
		voters = append(voters, fmt.Sprintf("%d@%s", n.id, n.address(controller)))
	}
	return strings.Join(voters, ",")
}

// urls is how Kafka writes listeners.
func (n *node) urls(listeners []string) string {
	var urls []string
	for _, name := range listeners {
		urls = append(urls, name+"://"+n.address(name))
	}
	return strings.Join(urls, ",")
}

// address is host and port of a listener; empty when there is none.
func (n *node) address(listener string) string {
	port, ok := n.ports[listener]
	if !ok {
		return ""
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}
