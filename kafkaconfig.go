package idpool

import (
	"crypto/x509"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/idpool/idpool/internal/nearest"
)

// KafkaListener is the address that Kafka clients log in at.
type KafkaListener struct {
	// Address is HOST:PORT; port 0 takes a free one, "off" leaves the listener
	// out. Empty means a free port of 127.0.0.1, and for the command its
	// documented default.
	Address string `json:"address,omitempty"`
	// Advertised is HOST or HOST:PORT as clients reach the listener, which is
	// what brokers tell them in metadata (Kafka's advertised.listeners). Empty
	// means localhost; without a port it is that of the listener.
	Advertised string `json:"advertised,omitempty"`
	// SecurityProtocol is SASL_PLAINTEXT or SASL_SSL. Empty takes both at the
	// same port, which Confluent Cloud does not: it has SASL_SSL alone.
	SecurityProtocol string `json:"securityProtocol,omitempty"`
	// Inside is a second listener, whose clients are told other addresses: that
	// of containers beside idpool's, while Address is that of the host.
	Inside KafkaInside `json:"inside,omitzero"`
	// Brokers are the listeners of brokers of kafka.upstream, open from the
	// start: the same wherever the same config runs. One that is not listed gets
	// the next port after that of Address, or a free one, when it is first met.
	Brokers []KafkaBroker `json:"brokers,omitempty"`
}

// KafkaInside is the listener for Kafka clients inside a network. It takes what
// the other one takes, and leads to the same cluster.
type KafkaInside struct {
	// Address is HOST:PORT; port 0 takes a free one. Empty, or "off", leaves the
	// listener out, as "off" for the other one does.
	Address string `json:"address,omitempty"`
	// Advertised is HOST or HOST:PORT as clients inside reach the listener.
	// Empty means localhost; without a port it is that of the listener.
	Advertised string `json:"advertised,omitempty"`
	// Brokers are as those of the other listener, for clients inside.
	Brokers []KafkaBroker `json:"brokers,omitempty"`
}

// KafkaBroker is the listener of one broker of kafka.upstream.
type KafkaBroker struct {
	// ID is the broker's id in its cluster, node.id in its own settings.
	ID int32 `json:"id"`
	// Address is HOST:PORT to listen at; port 0 takes a free one.
	Address string `json:"address"`
	// Advertised is HOST or HOST:PORT as clients reach it. Empty means the host
	// of the listener it belongs to; without a port it is that of Address.
	Advertised string `json:"advertised,omitempty"`
}

// Kafka is what is behind the Kafka listener: an embedded cluster, or a real
// one.
type Kafka struct {
	// Errors is what a client is told of a refused login: "confluent", which is
	// what empty means, hides the reason as the cloud does; "verbose" says the
	// check, the cause and the fix.
	Errors string `json:"errors,omitempty"`
	// Authorization is "role-bindings", which is what empty means, or
	// "allow-all" for those who only try the login.
	Authorization string `json:"authorization,omitempty"`
	// ConnectionsMaxReauth is the longest session, as Kafka's
	// connections.max.reauth.ms. Zero means until the token expires.
	ConnectionsMaxReauth Duration `json:"connectionsMaxReauth,omitempty"`
	// Data is the folder that keeps the embedded clusters' topics, relative to
	// where the command runs. Empty keeps them in memory.
	Data string `json:"data,omitempty"`
	// Upstream is a real cluster to stand before, in place of the embedded one.
	Upstream KafkaUpstream `json:"upstream,omitzero"`
}

// KafkaUpstream is a real Kafka cluster that idpool stands before.
type KafkaUpstream struct {
	// Bootstrap are HOST:PORT of some of its brokers. Empty means that there is
	// no upstream, and the embedded cluster is used.
	Bootstrap []string `json:"bootstrap,omitempty"`
	// SecurityProtocol is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL. Empty
	// means PLAINTEXT, or SASL_PLAINTEXT when there is a user.
	SecurityProtocol string `json:"securityProtocol,omitempty"`
	// CA is a PEM file of certificates that may sign the brokers', relative to
	// the config file. Empty means those of the system.
	CA string `json:"ca,omitempty"`
	// SASLMechanism is PLAIN, SCRAM-SHA-256, which is what empty means, or
	// SCRAM-SHA-512.
	SASLMechanism string `json:"saslMechanism,omitempty"`
	// User logs in for every client that has no user of its own in Users; what
	// its pools may do is then decided in front of the cluster.
	User KafkaUser `json:"user,omitzero"`
	// Users are, by pool id, those that log in for the clients of that pool
	// alone; what they may do is then for the cluster's own ACLs to say.
	Users map[string]KafkaUser `json:"users,omitempty"`
}

// KafkaUser is a user of the real cluster.
type KafkaUser struct {
	// Username and Password are as the cluster has them.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
}

// Topic is a topic of an embedded cluster.
type Topic struct {
	// Name is the topic's name, such as orders.
	Name string `json:"name"`
	// Partitions is how many it has. Zero means 6, as in Confluent Cloud.
	Partitions int32 `json:"partitions,omitempty"`
}

// topicName is what Kafka takes for one (org.apache.kafka.common.internals.Topic).
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// kafka checks the settings of the Kafka listener and of what is behind it.
func (x *checker) kafka() {
	k := x.config.Kafka
	x.kafkaListeners(x.config.Listeners.Kafka)
	x.oneOf("kafka.errors", k.Errors, kafkaErrors)
	x.oneOf("kafka.authorization", k.Authorization, kafkaAuthorizations)
	if m := time.Duration(k.ConnectionsMaxReauth); m < 0 || m > 0 && m < leastReauth {
		x.fail("kafka.connectionsMaxReauth", "%s is too short, want %s or more, or 0s for until the token expires", k.ConnectionsMaxReauth, leastReauth)
	}
	x.folder("kafka.data", k.Data, "")
	for i, cluster := range x.config.Clusters {
		x.topics(fmt.Sprintf("clusters[%d]", i), cluster.Topics)
	}
	x.upstream(k)
}

// leastReauth is Kafka's own limit: two logins of one connection within a second
// are taken for a mistake.
const leastReauth = time.Second

// The words of settings.
var (
	kafkaProtocols      = []string{"SASL_PLAINTEXT", "SASL_SSL"}
	upstreamProtocols   = []string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}
	upstreamMechanisms  = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}
	kafkaErrors         = []string{"confluent", "verbose"}
	kafkaAuthorizations = []string{"role-bindings", "allow-all"}
)

func (x *checker) oneOf(field, got string, known []string) {
	if got == "" || slices.Contains(known, got) {
		return
	}
	hint := "want " + strings.Join(known, " or ")
	if near := nearest.To(got, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	x.fail(field, "unknown %q, %s", got, hint)
}

// hostPort refuses what no client could connect to.
func (x *checker) hostPort(field, got string, portOptional bool) {
	if got == "" || portOptional && !strings.Contains(got, ":") && isHost(got) {
		return
	}
	host, port, err := net.SplitHostPort(got)
	if number, notNumber := strconv.ParseUint(port, 10, 16); err != nil || notNumber != nil || number == 0 || !isHost(host) {
		x.fail(field, "%q is no address, want HOST:PORT such as localhost:9092", got)
	}
}

// isHost says whether a client could connect to it: 0.0.0.0 is for those who
// listen.
func isHost(s string) bool {
	if ip := net.ParseIP(s); ip != nil {
		return !ip.IsUnspecified()
	}
	return len(s) <= 253 && dnsName.MatchString(s) && !strings.HasPrefix(s, "*")
}

func (x *checker) topics(at string, topics []Topic) {
	seen, metrics := map[string]bool{}, map[string]string{}
	for i, topic := range topics {
		field := fmt.Sprintf("%s.topics[%d]", at, i)
		switch {
		case !topicName.MatchString(topic.Name) || topic.Name == "." || topic.Name == "..":
			x.fail(field+".name", "%q is no name of a topic, want letters, digits, dot, underscore and hyphen, 249 at most", topic.Name)
		case seen[topic.Name]:
			x.fail(field+".name", "topic %q occurs twice", topic.Name)
		case metrics[metricName(topic.Name)] != "":
			x.fail(field+".name", "topic %q differs from %q in . and _ only, which Kafka refuses", topic.Name, metrics[metricName(topic.Name)])
		}
		seen[topic.Name], metrics[metricName(topic.Name)] = true, topic.Name
		if topic.Partitions < 0 || topic.Partitions > maxPartitions {
			x.fail(field+".partitions", "%d is no number of partitions, want 1 to %d", topic.Partitions, maxPartitions)
		}
	}
}

// metricName is a topic as Kafka's metrics have it, in which two topics collide
// that differ in dots and underscores only (INVALID_TOPIC_EXCEPTION).
func metricName(topic string) string { return strings.ReplaceAll(topic, ".", "_") }

// maxPartitions keeps a slip of the finger from filling the memory.
const maxPartitions = 10_000

// upstream checks the real cluster's settings, which mean nothing without an
// address.
func (x *checker) upstream(k Kafka) {
	u, field := k.Upstream, "kafka.upstream"
	for i, address := range u.Bootstrap {
		at := fmt.Sprintf("%s.bootstrap[%d]", field, i)
		if address == "" {
			x.fail(at, "is empty, want HOST:PORT such as localhost:9092")
		}
		x.hostPort(at, address, false)
	}
	x.oneOf(field+".securityProtocol", u.SecurityProtocol, upstreamProtocols)
	x.oneOf(field+".saslMechanism", u.SASLMechanism, upstreamMechanisms)
	switch usesUsers, usesSSL := u.User.Username != "" || len(u.Users) > 0, strings.HasSuffix(u.SecurityProtocol, "SSL"); {
	case u.CA != "" && !usesSSL:
		x.fail(field+".ca", "means nothing without securityProtocol: SSL or SASL_SSL")
	case u.SASLMechanism != "" && !usesUsers:
		x.fail(field+".saslMechanism", "means nothing without user or users")
	}
	if u.CA != "" {
		if pem, err := x.config.readPEMFile(u.CA); err != nil {
			x.errs = append(x.errs, &fieldError{field + ".ca", err})
		} else if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			x.fail(field+".ca", "%q has no certificate in PEM that can be read", x.config.file(u.CA))
		}
	}
	if len(u.Bootstrap) == 0 {
		if u.SecurityProtocol != "" || u.CA != "" || u.SASLMechanism != "" || u.User != (KafkaUser{}) || len(u.Users) > 0 {
			x.fail(field+".bootstrap", "is missing: the other settings of upstream mean nothing without it")
		}
		return
	}
	if k.Data != "" {
		x.fail("kafka.data", "keeps the embedded cluster, which kafka.upstream replaces: leave one out")
	}
	x.upstreamUsers(u)
}

func (x *checker) upstreamUsers(u KafkaUpstream) {
	const field = "kafka.upstream"
	if (u.User.Username == "") != (u.User.Password == "") {
		x.fail(field+".user", "give both username and password, or neither")
	}
	pools := map[string]bool{}
	for _, p := range x.config.IdentityProviders {
		for _, c := range p.IdentityPools {
			pools[c.ID] = true
		}
	}
	for id, user := range u.Users {
		switch {
		case !pools[id]:
			x.fail(field+".users", "no pool has the id %q", id)
		case user.Username == "" || user.Password == "":
			x.fail(field+".users", "the user of %q needs username and password", id)
		}
	}
	sasl := strings.HasPrefix(u.SecurityProtocol, "SASL_")
	switch users := u.User.Username != "" || len(u.Users) > 0; {
	case sasl && !users:
		x.fail(field+".user", "is missing, and %s needs one", u.SecurityProtocol)
	case users && u.SecurityProtocol != "" && !sasl:
		x.fail(field+".securityProtocol", "%s takes no user: write SASL_%s", u.SecurityProtocol, u.SecurityProtocol)
	}
}
