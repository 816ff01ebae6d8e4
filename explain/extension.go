package explain

import (
	"maps"
	"slices"
	"strings"
)

// The extensions that Confluent Cloud reads.
const (
	extensionCluster = "logicalCluster"
	extensionPool    = "identityPoolId"
)

// spoilt says whether an extension spoils the client's first message.
func (s *situation) spoilt() bool {
	_, bad := s.in.Request.BadExtension()
	return bad
}

// meant is the extension that another key was meant to be, or "".
func meant(key string) string {
	if key == extensionCluster || key == extensionPool {
		return ""
	}
	folded := strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(key))
	folded = strings.TrimPrefix(folded, "extension")
	switch folded {
	case "logicalcluster", "logicalclusterid", "cluster", "clusterid", "lkc":
		return extensionCluster
	case "identitypoolid", "identitypool", "poolid", "pool", "identitypoolids":
		return extensionPool
	}
	return ""
}

// extensionKey is for a key that is not quite one of the two. The prefix
// extension_ belongs into Java's configuration and nowhere else, and on the wire
// an underscore spoils the whole first message (EMQX 3747, KEDA 5757).
func extensionKey(s *situation) finding {
	bad, spoilt := s.in.Request.BadExtension()
	for _, key := range slices.Sorted(maps.Keys(s.in.Request.Extensions)) {
		want := meant(key)
		if want == "" || spoilt && key != bad {
			continue
		}
		value := s.in.Request.Extensions[key]
		outcome := ", which Confluent Cloud does not read: nothing arrived as " + want
		if spoilt {
			outcome = ": a key may have letters only, and the broker refuses the first message as a whole, without saying why"
		}
		return found([]string{
			"Name the extension " + want + ". " + clientSettings(want, cut(value)),
			"Only Java's sasl.jaas.config has the prefix extension_; it is taken off before anything is sent. In Go, Python, .NET and on the wire the key is " + want + ".",
			"Upper and lower case count. Connect again.",
		}, "the client sent the extension %s=%s%s", cut(key), cut(value), outcome)
	}
	if !spoilt {
		return finding{}
	}
	return found([]string{
		"Take the extension out of the client's configuration, or give it a name of letters only.",
		"Confluent Cloud reads logicalCluster and identityPoolId.",
	}, "the client sent the extension %s: a key may have letters only, and the broker refuses the first message as a whole", quote(bad))
}
