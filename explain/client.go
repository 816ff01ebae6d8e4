package explain

import (
	"fmt"
	"strings"

	"github.com/idpool/idpool/internal/nearest"
)

// clientSettings names where an extension is set in the two client families.
func clientSettings(extension, value string) string {
	return fmt.Sprintf("Java: extension_%[1]s='%[2]s' in sasl.jaas.config; librdkafka: %[1]s=%[2]s in sasl.oauthbearer.extensions.", extension, value)
}

// cluster is the id to put into the client: the only one, or a stand-in.
func (s *situation) cluster() string {
	if len(s.in.Facts.Clusters) == 1 {
		return cut(s.in.Facts.Clusters[0])
	}
	return "lkc-…"
}

// noExtensions is for clients that fetch the token in a callback and return it
// alone (confluent-kafka-python issue 1795, confluent-kafka-dotnet pull request
// 2606).
func noExtensions(s *situation) finding {
	if s.in.Request.Cluster != "" || s.in.Request.Pools != "" || len(s.in.Request.Extensions) > 0 {
		return finding{}
	}
	return found([]string{
		"Set the cluster. " + clientSettings("logicalCluster", s.cluster()),
		"Set the pool the same way with identityPoolId, or leave it out if auto pool mapping is meant.",
		"In a client that fetches the token in a callback, hand the extensions over with it: Python returns a tuple of four, .NET sets SaslOauthbearerExtensions.",
		"On the wire the keys are logicalCluster and identityPoolId, without the extension_ that the Java configuration has.",
	}, "the client sent no SASL extensions at all: neither logicalCluster nor identityPoolId arrived")
}

// noClusters is for a config that lets nobody in, whatever the client sends.
func noClusters(s *situation) finding {
	if len(s.in.Facts.Clusters) > 0 || len(s.in.Facts.Providers) == 0 || s.spoilt() { // no config, no cause
		return finding{}
	}
	return found([]string{
		"List the cluster in the config of idpool: clusters: [{id: lkc-…}].",
		"Name the same id in the client. " + clientSettings("logicalCluster", "lkc-…"),
	}, "the config lists no clusters, so that no cluster id is accepted")
}

// clusterMissing is what Confluent Cloud answers with
// CLUSTER_ID_MISSING_OR_EMPTY.
func clusterMissing(s *situation) finding {
	if s.failed.Name == checkClient && !s.printed("CLUSTER_ID_MISSING_OR_EMPTY") ||
		s.in.Request.Cluster != "" || s.spoilt() {
		return finding{}
	}
	beside := ""
	if p := s.in.Request.Pools; p != "" {
		beside = ", though identityPoolId=" + cut(p) + " did"
	}
	return found([]string{
		"Find the cluster's id: Confluent Cloud console → the environment → the cluster → Cluster settings → Cluster ID.",
		"Set it in the client. " + clientSettings("logicalCluster", s.cluster()),
		"Connect again; the pool id alone is not enough.",
	}, "the SASL extension logicalCluster did not arrive%s", beside)
}

// clusterWrong is for a cluster id that is not, or no longer, one of ours.
func clusterWrong(s *situation) finding {
	got := s.in.Request.Cluster
	if s.failed.Name == checkClient {
		return clusterRefused(s)
	}
	if got == "" || s.spoilt() {
		return finding{}
	}
	want := nearest.To(got, s.in.Facts.Clusters)
	if want == "" {
		want = s.cluster()
	}
	return found([]string{
		"Look up the id of the cluster that the bootstrap server belongs to: Confluent Cloud console → the cluster → Cluster settings → Cluster ID.",
		"Set it in the client. " + clientSettings("logicalCluster", cut(want)),
		"Check that the bootstrap server and the id belong to the same cluster, and connect again.",
	}, "the client named the cluster %s, which does not exist: %s", quote(got), there(s.in.Facts.Clusters))
}

// poolUnknown is for a pool id that does not exist, or belongs to another
// provider than the token. One wrong id refuses the whole list.
func poolUnknown(s *situation) finding {
	said := s.failed.Name == checkClient
	if said && !s.printed("identityPoolId: Authentication failed") {
		return finding{}
	}
	for _, id := range s.asked() {
		owner := s.ownerOf(id)
		switch {
		case id == "": // "a,,b": what the check itself says is plain enough
			return finding{}
		case owner == nil:
			return s.poolNowhere(id, s.poolIDs())
		case s.provider != nil && owner.ID != s.provider.ID:
			return s.poolElsewhere(id, owner)
		}
	}
	if said {
		return poolRefused()
	}
	return finding{}
}

// ownerOf finds the provider that has a pool.
func (s *situation) ownerOf(pool string) *Provider {
	for i, p := range s.in.Facts.Providers {
		for _, c := range p.Pools {
			if c.ID == pool {
				return &s.in.Facts.Providers[i]
			}
		}
	}
	return nil
}

// poolElsewhere is for a pool of another provider: either of the two may be
// meant.
func (s *situation) poolElsewhere(id string, owner *Provider) finding {
	return found([]string{
		"Decide which is right: the tenant that the token comes from, or the pool.",
		"If the pool is right, point the client's token URL at the tenant of " + cut(owner.ID) + ".",
		"If the tenant is right, name one of its pools. " + clientSettings("identityPoolId", oneOf(s.poolIDs())),
	}, "the pool %s belongs to the identity provider %s, but the token's issuer %s selects %s",
		quote(id), cut(owner.ID), quote(s.text("iss")), cut(s.provider.ID))
}

// poolNowhere is for an id that no provider has.
func (s *situation) poolNowhere(id string, known []string) finding {
	if s.provider == nil { // the issuer selected none: any provider's pool may be meant
		for _, p := range s.in.Facts.Providers {
			for _, c := range p.Pools {
				known = append(known, c.ID)
			}
		}
	}
	want, meant := nearest.To(id, known), ""
	if want != "" {
		meant = "; " + quote(want) + " is close"
	}
	if want == "" {
		want = oneOf(known)
	}
	return found([]string{
		"Look up the pool's id: Confluent Cloud console → Accounts & access → Workload identities → Identity providers → the provider → Identity pools. It is the id (pool-…), not the name.",
		"Set it in the client. " + clientSettings("identityPoolId", cut(want)),
		"Connect again. Or leave identityPoolId out: then every pool whose filter matches is used.",
	}, "the client named the identity pool %s, which does not exist: %s%s", quote(id), there(known), meant)
}

// there says which of something exist.
func there(ids []string) string {
	switch len(ids) {
	case 0:
		return "none is configured"
	case 1:
		return "there is only " + quote(ids[0])
	}
	return "there are " + both(ids)
}

// oneOf is the only value, or a stand-in.
func oneOf(values []string) string {
	if len(values) == 1 {
		return cut(values[0])
	}
	return "pool-…"
}

// poolNotMatched is for a named pool when another one would do, or when there
// is nothing better to say than which part of the filter is false.
func poolNotMatched(s *situation) finding {
	asked, others := s.asked(), s.others()
	if len(asked) == 0 || len(s.misses()) == 0 || s.explained && len(others) == 0 {
		return finding{}
	}
	first := s.misses()[0].pool.ID
	rename := "If the other pool was meant, name it. " + clientSettings("identityPoolId", oneOf(others))
	if s.explained {
		return found([]string{
			rename,
			"Connect again; the same token will do.",
			"If " + cut(first) + " is the right pool, the fix is the one above.",
		}, "the client named %s, but the claims fit another pool%s", both(asked), s.alternative())
	}
	fix := []string{"Decide what is wrong: the claims, the filter, or the pool."}
	if len(others) > 0 {
		fix = append(fix, rename)
	}
	return found(append(fix,
		"If the filter is wrong: "+poolBlade(first)+" → Edit → Filter.",
		"If the claims are wrong, correct the app registration in the Entra admin center, then get a new token: old ones keep their claims.",
	), "the client named %s, and %s%s", both(asked), reasons(s.misses()), s.alternative())
}

// noPoolMatched is for auto pool mapping, where no client names the pool that
// was meant, so that each gets its reason.
func noPoolMatched(s *situation) finding {
	misses := s.misses()
	if len(s.asked()) > 0 || s.provider == nil || s.explained {
		return finding{}
	}
	if len(misses) == 0 {
		return found([]string{
			"Open Confluent Cloud console → Accounts & access → Workload identities → Identity providers → " + cut(s.provider.ID) + ".",
			"Add an identity pool whose filter matches the token's claims, and give it a role binding.",
		}, "the client named no pool, and the identity provider %s has none", cut(s.provider.ID))
	}
	return found([]string{
		"Decide which pool the client belongs to.",
		"Correct that pool's filter in " + poolBlade(misses[0].pool.ID) + " → Edit → Filter, or the claims in the Entra admin center.",
		"Name the pool in the client while you look for the reason: then only its filter is asked. " + clientSettings("identityPoolId", cut(misses[0].pool.ID)),
	}, "the client named no pool, and none of the %d of %s matches: %s", len(s.provider.Pools), cut(s.provider.ID), reasons(misses))
}

// poolBlade is the console path to a pool.
func poolBlade(id string) string {
	return "Confluent Cloud console → Accounts & access → Workload identities → Identity providers → Identity pools → " + cut(id)
}

// reasons says of each pool why it does not match.
func reasons(misses []miss) string {
	var each []string
	for i, m := range misses {
		if i == 3 {
			each = append(each, fmt.Sprintf("and %d more", len(misses)-i))
			break
		}
		each = append(each, cut(m.pool.ID)+" does not match: "+m.why())
	}
	return strings.Join(each, "; ")
}

// why is the reason that package pool gives, or the mistake in the filter.
func (m miss) why() string {
	if m.broken != nil {
		return "its filter is not valid, " + cut(m.broken.Message)
	}
	return cutTo(strings.TrimSuffix(m.result.Reason, "."), 3*longest) // its values are cut already
}
