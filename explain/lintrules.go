package explain

import (
	"fmt"
	"slices"
	"strings"
)

// filterNeverMatches is for filters that no token of the config can match,
// whatever roles are assigned.
func filterNeverMatches(l *linter) []concerned {
	var out []concerned
	for _, p := range l.pools {
		if len(p.accepted) == 0 || p.reachable {
			continue
		}
		why := l.nearest(p)
		out = append(out, concerned{p.subject(), found([]string{
			"Compare the filter with a token: idpool token --client-id ID | idpool filter FILTER - shows each part with its value.",
			"Correct the filter in " + poolBlade(p.config.ID) + " → Edit → Filter.",
		}, "its filter can match none of the tokens that this config mints, whatever roles are assigned: %s", why)})
	}
	return out
}

// reachable says whether some accepted token would match if its client had all
// the roles of the API.
func (l *linter) reachable(p linted) bool {
	tried := map[string]bool{} // one client of an API is like another here
	for _, n := range p.accepted {
		if p.matches(l.privileged(n)) {
			return true
		}
		if tried[l.samples[n].Resource] = true; len(tried) > mostPools {
			return true // too many to say never
		}
	}
	return false
}

// nearest says why the token that comes closest does not match: the one with
// the most roles.
func (l *linter) nearest(p linted) string {
	best := p.accepted[0]
	roles := func(n int) int { list, _ := l.samples[n].Claims["roles"].([]any); return len(list) }
	for _, n := range p.accepted {
		if roles(n) > roles(best) {
			best = n
		}
	}
	compiled := l.facts.Compiled[p.config.ID]
	if compiled == nil {
		return "none is near"
	}
	return cutTo(strings.TrimSuffix(compiled.Match(l.privileged(best)).Reason, "."), 3*longest)
}

// poolUnreached is for pools whose filter is fine, and that no application has
// been given what it asks for.
func poolUnreached(l *linter) []concerned {
	var out []concerned
	for _, p := range l.pools {
		if len(p.accepted) == 0 || len(p.matched) > 0 || !p.reachable {
			continue
		}
		wants := ""
		if roles := rolesAsked(p.config.Filter); len(roles) > 0 {
			wants = ": nobody has the role " + either(roles)
		}
		out = append(out, concerned{p.subject(), found([]string{
			"Assign the role: Entra admin center → App registrations → the client → API permissions → Add a permission → APIs my organization uses, then Grant admin consent. In a config: appRoleAssignments.",
			"Or remove the pool, if nobody needs it any more.",
		}, "no application reaches it%s", wants)})
	}
	return out
}

// rolesAsked are the roles that a filter looks for.
func rolesAsked(filter string) []string {
	var roles []string
	for _, c := range comparisons(filter) {
		if len(c.path) == 1 && c.path[0] == "roles" && !c.negated {
			roles = append(roles, c.literals...)
		}
	}
	return roles
}

// filterTooWide is for filters that a token passes of any application of the
// tenant: Entra gives every one of them a token for every API that does not
// require an assignment.
func filterTooWide(l *linter) []concerned {
	var out []concerned
	for _, p := range l.pools {
		if !l.wide(p) {
			continue
		}
		out = append(out, concerned{p.subject(), found([]string{
			"Ask for something that only the right clients have: a role ('x' in claims.roles), or their ids (claims.azp in ['…'], with v1.0 tokens claims.appid), together with claims.aud.",
			"Edit the filter in " + poolBlade(p.config.ID) + " → Edit → Filter.",
			"Set Assignment required? to Yes on the API (Entra admin center → Enterprise applications → the API → Properties), so that only assigned clients get a token for it at all.",
		}, "its filter %s matches every application of the tenant, with no role at all", quote(p.config.Filter))})
	}
	return out
}

// wide says whether a stranger's token matches. Without a sample the stranger
// has nothing but the provider's issuer.
func (l *linter) wide(p linted) bool {
	if len(p.accepted) == 0 {
		return issuerOnly(p.config.Filter) || len(p.provider.Issuers) > 0 && p.matches(map[string]any{"iss": p.provider.Issuers[0], "sub": "stranger"})
	}
	tried := map[string]bool{}
	for _, n := range p.accepted {
		s := l.samples[n]
		if tried[s.Resource] {
			continue
		}
		tried[s.Resource] = true
		if api := l.resource(s); (api == nil || !api.AssignmentRequired) && p.matches(stranger(s.Claims)) {
			return true
		}
	}
	return false
}

// issuerOnly says whether a filter reads nothing but what all tokens of a
// provider have alike.
func issuerOnly(filter string) bool {
	all := comparisons(filter)
	return len(all) > 0 && !slices.ContainsFunc(all, func(c comparison) bool {
		return len(c.path) != 1 || !slices.Contains([]string{"iss", "tid", "ver"}, c.path[0])
	})
}

// sharedIssuer is for providers whose issuer anybody in the world can get tokens
// of: from 2026-04-30 Confluent refuses a filter without a condition on sub or
// aud then.
func sharedIssuer(l *linter) []concerned {
	var out []concerned
	for _, p := range l.pools {
		if !slices.ContainsFunc(p.provider.Issuers, isShared) || slices.ContainsFunc(comparisons(p.config.Filter), pinsClient) {
			continue
		}
		out = append(out, concerned{p.subject(), found([]string{
			"Add a condition on claims.sub or claims.aud, such as claims.aud == \"confluent-cloud\" && claims.sub == \"…\".",
			"Edit the filter in " + poolBlade(p.config.ID) + " → Edit → Filter. Confluent Cloud checks it on create and on update.",
		}, "the issuer %s is shared by everybody, and the filter %s has no condition on sub or aud: Confluent Cloud refuses it since 2026-04-30",
			quote(p.provider.Issuers[0]), quote(p.config.Filter))})
	}
	return out
}

// pinsClient says whether a comparison narrows sub or aud.
func pinsClient(c comparison) bool {
	return len(c.path) == 1 && (c.path[0] == "sub" || c.path[0] == "aud") && !c.negated &&
		slices.Contains([]string{"==", "in", "startsWith", "endsWith", "contains"}, c.operator) && len(c.literals) > 0 && c.literals[0] != ""
}

// eqOnAud is for == on aud where it may be a list: with Azure it never is.
func eqOnAud(l *linter) []concerned {
	var out []concerned
	for _, p := range l.pools {
		if p.provider.TenantID != "" || slices.ContainsFunc(p.provider.Issuers, isAzure) {
			continue
		}
		for _, c := range comparisons(p.config.Filter) {
			if len(c.path) != 1 || c.path[0] != "aud" || c.operator != "==" && c.operator != "!=" || len(c.literals) == 0 {
				continue
			}
			out = append(out, concerned{p.subject(), found([]string{
				"Look at a token of this provider: if aud is a list, write " + quote(c.literals[0]) + " in claims.aud.",
				"If it is a string, as with Azure AD, leave the filter as it is.",
			}, "its filter compares claims.aud with %s, which is never equal where aud is a list, as with some providers", c.operator)})
			break
		}
	}
	return out
}

func isAzure(issuer string) bool {
	return strings.HasPrefix(issuer, v1Host) || strings.HasPrefix(issuer, "https://login.microsoftonline.com/")
}

// roleUnused is for roles that a client has and no pool asks for, often of a
// filter that was renamed.
func roleUnused(l *linter) []concerned {
	var out []concerned
	for n, s := range l.samples {
		var unused []string
		for _, role := range (&situation{claims: s.Claims}).roles() {
			if !l.asked(n, role) {
				unused = append(unused, role)
			}
		}
		if len(unused) == 0 || !l.hasPools(n) {
			continue
		}
		out = append(out, concerned{fmt.Sprintf("application %q", s.ClientID), found([]string{
			"If a pool was meant to ask for it, correct that pool's filter: Confluent Cloud console → Accounts & access → Workload identities → the provider → Identity pools.",
			"If not, take the role away: Entra admin center → Enterprise applications → the client → Permissions.",
		}, "it has the role %s, and no pool asks for it", both(unused))})
	}
	return out
}

// hasPools says whether a sample gets as far as any filter.
func (l *linter) hasPools(n int) bool {
	return slices.ContainsFunc(l.pools, func(p linted) bool { return slices.Contains(p.accepted, n) })
}

// asked says whether a filter names a role, or decides otherwise without it.
func (l *linter) asked(n int, role string) bool {
	var without map[string]any
	for _, p := range l.pools {
		if strings.Contains(p.config.Filter, role) {
			return true
		}
	}
	for _, p := range l.pools {
		if !slices.Contains(p.matched, n) {
			continue
		}
		if without == nil {
			without = withoutRole(l.samples[n].Claims, role)
		}
		if !p.matches(without) {
			return true
		}
	}
	return false
}

// withoutRole are the claims of a token without a role; with its last one goes
// the claim itself, as Azure has it.
func withoutRole(claims map[string]any, role string) map[string]any {
	out := map[string]any{}
	for name, v := range claims {
		out[name] = v
	}
	list, _ := claims["roles"].([]any)
	left := slices.DeleteFunc(slices.Clone(list), func(r any) bool { return r == role })
	if out["roles"] = left; len(left) == 0 {
		delete(out, "roles")
	}
	return out
}

// v1Provider is for APIs whose tokens have the version 1.0, and with it an
// issuer that the tenant's provider does not have.
func v1Provider(l *linter) []concerned {
	var out []concerned
	seen := map[string]bool{}
	for _, s := range l.samples {
		if s.Claims["ver"] != "1.0" || seen[s.Resource] {
			continue
		}
		for _, p := range l.facts.Providers {
			iss, _ := s.Claims["iss"].(string)
			if !strings.EqualFold(p.TenantID, s.TenantID) || slices.Contains(p.Issuers, iss) {
				continue
			}
			seen[s.Resource] = true
			api := named(l.resource(s), s.Resource)
			out = append(out, concerned{fmt.Sprintf("application %q", s.Resource), found([]string{
				`Open Entra admin center → App registrations → ` + api + ` → Manifest, and set "requestedAccessTokenVersion": 2 under "api". In a config: api: {requestedAccessTokenVersion: 2}.`,
				"Or give Confluent Cloud a provider with the issuer " + cut(iss) + ".",
			}, "tokens for %s are v1.0 tokens of the issuer %s, and the provider %s expects %s", api, quote(iss), cut(p.ID), either(p.Issuers))})
			break
		}
	}
	return out
}
