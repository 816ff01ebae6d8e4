package validator

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/idpool/idpool/pool"
)

// The most that a client may ask for, so that no message makes a broker work
// for long. Confluent documents no limit.
const (
	maxNamedPools = 100
	maxPoolList   = 16 << 10 // bytes
	maxCluster    = 1 << 10  // bytes
)

// maxMatches is how many refusing pools a Decision explains.
const maxMatches = 10

// cluster looks at the logicalCluster extension. Apache Kafka looks at extensions
// after the token, and so does this (confluent-cloud.md 4.4); the text in
// brackets is the one that Confluent's clients show.
func (d *decider) cluster() Check {
	asked, known := d.request.Cluster, d.v.clusters
	switch bad, spoils := d.request.BadExtension(); {
	case spoils:
		return fail("the key of an extension may have letters only (RFC 7628 3.1), and a broker refuses the first message as a whole otherwise",
			"extension "+quote(bad), "logicalCluster and identityPoolId")
	case len(asked) > maxCluster:
		return fail("the client names a cluster of more than "+strconv.Itoa(maxCluster)+" bytes", "logicalCluster "+quote(asked), list(known))
	case known == nil:
		return pass("no clusters are configured, so that any will do", "")
	case slices.Contains(known, asked):
		return pass("the cluster "+asked+" is known", asked)
	case asked == "":
		return fail("the client names no cluster (CLUSTER_ID_MISSING_OR_EMPTY): set the extension logicalCluster",
			"no logicalCluster", list(known))
	}
	message := "the cluster is not known"
	if near := guess(asked, known); near != "" {
		message += "; did the client mean " + near + "?"
	}
	return fail(message, "logicalCluster "+quote(asked), list(known))
}

// BadExtension finds the first of the Extensions, by its key, that no client's
// first message can have.
func (r Request) BadExtension() (key string, ok bool) {
	if len(r.Extensions) == 0 {
		return "", false
	}
	for _, key := range slices.Sorted(maps.Keys(r.Extensions)) {
		if !ValidExtensionKey(key) {
			return key, true
		}
	}
	return "", false
}

// ValidExtensionKey reports whether the first message of a client can have an
// extension of that key: letters only, as RFC 7628 3.1 and Kafka's
// OAuthBearerClientInitialResponse have it.
func ValidExtensionKey(key string) bool {
	notLetter := func(c rune) bool { return (c < 'a' || 'z' < c) && (c < 'A' || 'Z' < c) }
	return key != "" && !strings.ContainsFunc(key, notLetter)
}

// pool finds the pools that may match (confluent-cloud.md 5.2). Looking up a
// named pool takes the same time however many there are; auto pool mapping tries
// them all.
func (d *decider) pool() Check {
	if d.request.Pools != "" {
		d.named = true
		return d.namedPools()
	}
	if d.provider == nil {
		return skip("cannot be made: no pool is named, and whose pools to try depends on the check " + CheckProvider)
	}
	d.asked = d.provider.pools
	if len(d.asked) == 0 {
		return fail("no pool is named, and the provider "+d.provider.id+" has none to try",
			"no identityPoolId", "an identity pool in "+d.provider.id)
	}
	return pass("no pool is named, so that each of "+d.provider.id+" is tried (auto pool mapping)", "")
}

// namedPools finds the pools of the identityPoolId extension, each of which must
// exist and belong to the token's provider: what Confluent does with the others
// of a list is not known, and a test bed that lets a misspelt id pass would hide
// the mistake.
func (d *decider) namedPools() Check {
	ids := d.request.Pools
	if n := strings.Count(ids, ",") + 1; n > maxNamedPools || len(ids) > maxPoolList {
		return fail("the client names too many pools", strconv.Itoa(n)+" ids in "+strconv.Itoa(len(ids))+" bytes",
			"at most "+strconv.Itoa(maxNamedPools)+" ids in "+strconv.Itoa(maxPoolList)+" bytes")
	}
	owner := d.provider
	for id := range strings.SplitSeq(ids, ",") {
		p, ok := d.v.pools[id]
		if !ok {
			return d.unknownPool(id, owner)
		}
		if owner == nil {
			owner = p.provider // the issuer is unknown: the first pool says whose
		}
		if p.provider != owner {
			return fail("the pool "+p.id+" belongs to the provider "+p.provider.id+", and the token to "+owner.id,
				p.id+" of "+p.provider.id, "a pool of "+owner.id+": "+list(poolIDs(owner.pools)))
		}
		if !slices.ContainsFunc(d.asked, func(a namedPool) bool { return a.id == p.id }) {
			d.asked = append(d.asked, p)
		}
	}
	if len(d.asked) == 1 {
		return pass("the pool "+d.asked[0].id+" belongs to "+owner.id, d.asked[0].id)
	}
	return pass("all "+strconv.Itoa(len(d.asked))+" pools belong to "+owner.id, ids)
}

// unknownPool says that there is no pool of that id. Pool ids are no secrets
// (confluent-cloud.md 5.2), so that the message may name others.
func (d *decider) unknownPool(id string, owner *provider) Check {
	var known []string
	if owner != nil {
		known = poolIDs(owner.pools)
	} else {
		for _, p := range d.v.providers {
			known = append(known, poolIDs(p.pools)...)
		}
	}
	message := "there is no pool of this id"
	trimmed := strings.TrimSpace(id)
	_, exists := d.v.pools[trimmed]
	switch near := guess(id, known); {
	case id == "":
		message = "the list of pools has an empty place"
	case exists:
		message += "; " + trimmed + " without the white space is one"
	case near != "":
		message += "; did the client mean " + near + "?"
	}
	return fail(message, "identityPoolId "+quote(id), list(known))
}

func poolIDs(pools []namedPool) []string {
	ids := make([]string, len(pools))
	for i, p := range pools {
		ids[i] = p.id
	}
	return ids
}

// filter asks each pool whether it matches. One is enough, but all are asked,
// since the role bindings of all that match are combined.
func (d *decider) filter() Check {
	for _, p := range d.asked {
		if p.Matches(d.token.claims) {
			d.matched = append(d.matched, p)
		}
	}
	if len(d.matched) == 0 {
		return d.noMatch()
	}
	d.decision.Pools = poolIDs(d.matched)
	if len(d.asked) == 1 {
		return pass("the filter of "+d.asked[0].id+" matches", "")
	}
	return pass(strconv.Itoa(len(d.matched))+" of "+strconv.Itoa(len(d.asked))+" pools match: "+list(d.decision.Pools), "")
}

// noMatch explains why no pool matched. The filters are evaluated a second time
// for that: explaining takes longer than deciding, and most tokens match.
func (d *decider) noMatch() Check {
	d.decision.Matches = map[string]pool.Result{}
	var reasons, gots, wants []string
	for _, p := range d.asked[:min(len(d.asked), maxMatches)] {
		r := p.Match(d.token.claims)
		d.decision.Matches[p.id] = r
		got, want := gotAndWant(r)
		if len(d.asked) == 1 {
			return fail("the filter of "+p.id+" does not match: "+r.Reason, got, want)
		}
		reasons = append(reasons, p.id+": "+r.Reason)
		gots = append(gots, p.id+": "+got)
		wants = append(wants, p.id+": "+want)
	}
	message := "none of " + strconv.Itoa(len(d.asked)) + " pools matches"
	return fail(message+"; "+few(reasons, len(d.asked)), few(gots, len(d.asked)), few(wants, len(d.asked)))
}

// few joins the first lines of what would be n.
func few(lines []string, n int) string {
	shown := lines[:min(len(lines), maxListed)]
	s := strings.Join(shown, "; ")
	if n > len(shown) {
		s += "; and " + strconv.Itoa(n-len(shown)) + " more"
	}
	return s
}

// gotAndWant says in short what a pool saw and what it wanted. A filter that
// failed as a whole, by an error for instance, has its reason only.
func gotAndWant(r pool.Result) (got, want string) {
	got, want = r.Reason, "a filter that is true"
	if r.Deciding == nil {
		return got, want
	}
	switch {
	case r.Deciding.Kind == pool.KindMissingClaim:
		got = "no " + r.Deciding.Claim
	case r.Deciding.Got != "":
		got = strings.TrimSpace(r.Deciding.Claim + " " + r.Deciding.Got)
	}
	if r.Deciding.Want != "" {
		want = r.Deciding.Want
	}
	return got, want
}

// identity reads sub, and the identity claim: that of the pool when one is
// named, otherwise the provider's (confluent-cloud.md 3). With All it is read
// even when the filter refused, as far as it is known which claim it is.
func (d *decider) identity() Check {
	if _, m := subject(d.token.claims); m != nil {
		return m.check()
	}
	var value, path string
	var err error
	switch provider := d.asked[0].provider; {
	case d.named && len(d.asked) == 1:
		path = d.asked[0].identityPath
		value, err = d.asked[0].Identity(d.token.claims)
	case provider.identityClaim != nil:
		path = provider.identityPath
		value, err = provider.identityClaim.Value(d.token.claims)
	case len(d.matched) > 0:
		path = d.matched[0].identityPath
		value, err = d.matched[0].Identity(d.token.claims)
	default:
		return skip("cannot be made: no pool matches whose identity claim could be read, and the provider names none")
	}
	if err != nil {
		return fail("the identity claim "+path+" has no value", clip(strings.TrimPrefix(err.Error(), "pool: ")), "a string that is not empty in "+path)
	}
	d.decision.Identity = value
	return pass("the identity is "+path, quote(value))
}

// principal is what role bindings are made for (confluent-cloud.md 3, 6.1).
func (d *decider) principal() string {
	if len(d.matched) == 1 {
		return "User:" + d.matched[0].id
	}
	return "crn://confluent.cloud/organization=" + d.v.organization + "/identity-provider=" + d.provider.id +
		"/identity=" + d.decision.Identity
}
