package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/idpool/idpool/internal/nearest"
	"github.com/idpool/idpool/pool"
)

// part is a comparison that did not hold, with what the claim had.
type part struct {
	comparison
	pool    string
	got     any
	present bool
	lenient bool // Expr: a missing claim is nil, not an error
}

// blame lists the comparisons that kept the pools asked for from matching, the
// deciding ones first. In a filter without || and ! every comparison that does
// not hold is to blame; in any other only those on the deciding claim are.
func (s *situation) blame() []part {
	var deciding, rest []part
	for _, m := range s.misses() {
		if m.broken != nil {
			continue
		}
		d := m.result.Deciding
		simple := !strings.ContainsAny(m.pool.Filter, "|!?")
		for _, c := range comparisons(m.pool.Filter) {
			p := part{comparison: c, pool: m.pool.ID, lenient: m.pool.Language == pool.Expr}
			p.got, p.present = s.value(c.path)
			switch {
			case len(c.path) == 0 || p.holds():
			case d == nil || d.Claim == "" || d.Claim == p.name() || strings.HasPrefix(p.name(), d.Claim+"."):
				deciding = append(deciding, p)
			case simple:
				rest = append(rest, p)
			}
		}
	}
	return append(deciding, rest...)
}

// holds says whether a comparison is certainly true of the token.
func (p part) holds() bool {
	if !p.present && p.operator != "has" {
		// CEL makes it an error, Expr compares with nil.
		return p.lenient && p.negated != (p.operator == "!=")
	}
	list, isList := p.got.([]any)
	is := func(v any) bool { return slices.Contains(p.literals, text(v)) }
	var has bool
	switch {
	case p.operator == "has":
		has = p.present
	case p.operator == "==", p.operator == "in" && !p.listLeft:
		has = is(p.got)
	case p.operator == "!=":
		has = !is(p.got)
	case p.operator == "in":
		has = isList && slices.ContainsFunc(list, is)
	default:
		return false
	}
	return has != p.negated
}

// text is a value that is a string; a NUL, which no filter compares with,
// stands for any other.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return "\x00"
}

// first finds the first part for which a rule holds.
func (s *situation) first(holds func(part) bool) (part, bool) {
	parts := s.parts()
	if i := slices.IndexFunc(parts, holds); i >= 0 {
		return parts[i], true
	}
	return part{}, false
}

// wants writes what a part asks for: == 'a', or in ['a', 'b'].
func (p part) wants() string { return cmp.Or(either(p.literals), "another value") }

// literal is the first literal as a filter writes it.
func (p part) literal() string {
	if len(p.literals) == 0 {
		return "'…'"
	}
	return quote(p.literals[0])
}

// editFilter is the first step of every fix of a filter.
func editFilter(pool string) string { return "Open " + poolBlade(pool) + " → Edit." }

const saveFilter = "Save and connect again. The same token will do: filters are asked at every login. idpool filter tries a filter on a token without any server."

// filterSyntax is for a filter that does not compile. A Stack refuses it at
// start; a config read from Confluent Cloud may have it all the same.
func filterSyntax(s *situation) finding {
	for _, m := range s.misses() {
		if m.broken == nil {
			continue
		}
		hint := m.broken.Hint
		if hint == "" {
			hint = syntaxHint(m.pool.Filter)
		}
		return found([]string{
			editFilter(m.pool.ID),
			"Correct the filter: " + cut(hint),
			saveFilter,
		}, "the filter of %s is not valid, so it matches nothing: %s (line %d, column %d of %s)",
			cut(m.pool.ID), cut(m.broken.Message), max(m.broken.Line, 1), max(m.broken.Column, 1), cut(m.pool.Filter))
	}
	return finding{}
}

// syntaxHint names the usual slips of people who come from SQL or Python.
func syntaxHint(filter string) string {
	words := lexemes(filter)
	is := func(kind byte, texts ...string) bool {
		return slices.ContainsFunc(words, func(l lexeme) bool { return l.kind == kind && slices.Contains(texts, l.text) })
	}
	switch {
	case strings.TrimSpace(filter) == "":
		return "an empty filter matches nothing; write for example 'role' in claims.roles"
	case is('o', "="):
		return "compare with ==, not ="
	case is('w', "and", "AND", "or", "OR", "not", "NOT"):
		return "write &&, || and ! instead of and, or and not"
	}
	return "put values in quotes and claims. before every claim, as in claims.azp == 'id' && 'role' in claims.roles"
}

// filterNotBool is for a filter such as claims.sub, which compiles, because the
// type of a claim is not known before there is a token.
func filterNotBool(s *situation) finding {
	for _, m := range s.misses() {
		if d := m.result.Deciding; d == nil || d.Kind != pool.KindNotBool {
			continue
		}
		return found([]string{
			editFilter(m.pool.ID),
			"Make it a question with yes or no: " + cut(m.pool.Filter) + " == 'value', or has(claims.x) if it is enough that the claim is there.",
			saveFilter,
		}, "the filter of %s, %s, gives %s and not yes or no, so it never matches",
			cut(m.pool.ID), cut(m.pool.Filter), cmp.Or(cut(m.result.Deciding.Got), "a value"))
	}
	return finding{}
}

// eqOnArray is for == on roles, groups or an aud that is a list: CEL compares
// list and text without complaint, and the answer is always no.
func eqOnArray(s *situation) finding {
	p, ok := s.first(func(p part) bool {
		_, array := p.got.([]any)
		return array && !p.negated && (p.operator == "==" || p.operator == "in" && !p.listLeft)
	})
	if !ok {
		return finding{}
	}
	return found([]string{
		editFilter(p.pool),
		fmt.Sprintf("Write %s in %s instead of %s %s ….", p.literal(), p.name(), p.name(), p.operator),
		saveFilter,
	}, "the filter of %s compares %s with %s, but that claim is a list, %s, and a list never equals a text",
		cut(p.pool), cut(p.name()), p.wants(), shown(p.got))
}

// inOnString is for in on an aud that is one text: CEL has no such operator,
// and an error is no match.
func inOnString(s *situation) finding {
	p, ok := s.first(func(p part) bool {
		_, isText := p.got.(string)
		return isText && p.operator == "in" && p.listLeft
	})
	if !ok {
		return finding{}
	}
	return found([]string{
		editFilter(p.pool),
		fmt.Sprintf("Write %s == %s, or %s in [%s, …] for several values.", p.name(), p.literal(), p.name(), p.literal()),
		saveFilter,
	}, "the filter of %s looks for %s in %s as in a list, but that claim is one text, %s",
		cut(p.pool), p.wants(), cut(p.name()), shown(p.got))
}

// otherVersion maps the claims that v1.0 and v2.0 tokens name differently.
func otherVersion(claim string) string {
	switch claim {
	case "azp":
		return "appid"
	case "appid":
		return "azp"
	case "azpacr":
		return "appidacr"
	case "appidacr":
		return "azpacr"
	}
	return ""
}

// claimV1V2 is for a filter that reads a claim under the name of the other
// token version (azure-ad.md 3.6).
func claimV1V2(s *situation) finding {
	p, ok := s.first(func(p part) bool {
		other := otherVersion(p.path[0])
		return !p.present && len(p.path) == 1 && other != "" && s.claims[other] != nil
	})
	if !ok {
		return finding{}
	}
	other := otherVersion(p.path[0])
	version := cmp.Or(s.text("ver"), "of another version")
	return found([]string{
		"Decide which version the API shall issue: Entra admin center → App registrations → " + short(s.resource, s.text("aud"), "the API") + " → Manifest → api.requestedAccessTokenVersion (2 gives azp, null or 1 gives appid).",
		editFilter(p.pool),
		"Write claims." + other + " if the version stays; look at Identity claim on the same page, too.",
		"After a change of the version get a new token.",
	}, "the filter of %s reads %s, but the token is version %s, where that claim is called claims.%s (here %s)",
		cut(p.pool), p.name(), version, other, shown(s.claims[other]))
}

// audURIvsGUID is for an audience that means the same API in its other form:
// v2.0 tokens have the appId, v1.0 tokens what the client asked for.
func audURIvsGUID(s *situation) finding {
	got := s.text("aud")
	p, ok := s.first(func(p part) bool {
		return p.path[0] == "aud" && got != "" && !p.negated && slices.ContainsFunc(p.literals, func(want string) bool {
			return s.sameAPI(got, want)
		})
	})
	if !ok {
		return finding{}
	}
	return found([]string{
		editFilter(p.pool),
		fmt.Sprintf("Write claims.aud == %s, or claims.aud in [%s, %s] to take both forms.", quote(got), quote(got), p.literal()),
		saveFilter,
	}, "the filter of %s wants the audience %s, but the token has the same API as %s: v2.0 tokens have the appId, v1.0 tokens the URI that the client asked for",
		cut(p.pool), p.wants(), quote(got))
}

// sameAPI says whether two audiences differ and mean the same application.
func (s *situation) sameAPI(a, b string) bool {
	if a == b {
		return false
	}
	if id := guidIn(a); id != "" && strings.EqualFold(id, guidIn(b)) {
		return true
	}
	app := s.application(a)
	return app != nil && app == s.application(b)
}

// namespacedClaim is for providers that put their own claims under a URL, as
// Auth0 and Okta do: claims.roles is then another claim.
func namespacedClaim(s *situation) finding {
	full := ""
	p, ok := s.first(func(p part) bool {
		full = s.namespaced(p.path[len(p.path)-1])
		return !p.present && full != ""
	})
	if !ok {
		return finding{}
	}
	return found([]string{
		editFilter(p.pool),
		"Write " + claimName([]string{full}) + " instead of " + p.name() + ": a name with dots and slashes needs brackets and quotes.",
		saveFilter,
	}, "the filter of %s reads %s, but the token has that claim under its full name %s",
		cut(p.pool), cut(p.name()), quote(full))
}

// namespaced finds a claim such as https://acme.com/roles by its last part.
func (s *situation) namespaced(last string) string {
	var names []string
	for name := range s.claims {
		if i := strings.LastIndexAny(name, "/:"); i >= 0 && name[i+1:] == last {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names[:min(len(names), 1)], "")
}

// claimMisspelt is for a missing claim with a near neighbour. Confluent accepts
// any name, so that nobody hears of it before the first login.
func claimMisspelt(s *situation) finding {
	near := ""
	p, ok := s.first(func(p part) bool {
		if p.present || len(p.path) != 1 || otherVersion(p.path[0]) != "" {
			return false
		}
		near = nearest.To(p.path[0], s.claimNames())
		return near != "" && !wellKnown(p.path[0])
	})
	if !ok {
		return finding{}
	}
	return found([]string{
		editFilter(p.pool),
		"Write " + claimName([]string{near}) + " instead of " + p.name() + "; upper and lower case count.",
		saveFilter,
	}, "the filter of %s reads %s, which the token does not have; it has %s (%s)",
		cut(p.pool), cut(p.name()), cut(claimName([]string{near})), shown(s.claims[near]))
}

// wellKnown are claims that Entra issues under just this name: one that is
// missing is missing, not misspelt, however near another comes.
func wellKnown(claim string) bool {
	return slices.Contains([]string{"aud", "iss", "sub", "oid", "tid", "azp", "appid", "roles", "groups", "scp", "idtyp", "ver"}, claim)
}

// claimNames are the names of the token's claims, sorted, so that the same
// token is explained in the same words.
func (s *situation) claimNames() []string {
	var names []string
	for name := range s.claims {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// neqOnMissing is for claims.group != 'x', also in Confluent's own example, on
// a token without that claim: in CEL that is an error, thus no match.
func neqOnMissing(s *situation) finding {
	p, ok := s.first(func(p part) bool {
		return !p.present && (p.operator == "!=" || p.negated && p.operator != "has")
	})
	if !ok {
		return finding{}
	}
	missing := "!has(" + p.name() + ")"
	return found([]string{
		editFilter(p.pool),
		"Ask first whether the claim is there: (" + missing + " || …) where " + cut(p.name()) + " may be absent, or has(" + cut(p.name()) + ") && … where it must be there.",
		saveFilter,
	}, "the filter of %s says what %s must not be (%s), but the token does not have that claim, and then the comparison is an error, not true",
		cut(p.pool), cut(p.name()), p.wants())
}

// claimMissing is for a claim that nothing else explains: groups or an optional
// claim that nobody switched on.
func claimMissing(s *situation) finding {
	p, ok := s.first(func(p part) bool { return !p.present && !p.negated && p.operator != "!=" })
	if !ok || s.explained {
		return finding{}
	}
	fix := "Have the claim issued: Entra admin center → App registrations → " + short(s.resource, s.text("aud"), "the API") + " → Token configuration → Add optional claim → Access → " + cut(p.path[len(p.path)-1]) + "."
	if p.path[0] == "groups" {
		fix = "Entra admin center → App registrations → " + short(s.resource, s.text("aud"), "the API") + " → Token configuration → Add groups claim; put the client's service principal into the group."
	}
	return found([]string{
		fix,
		"Get a new token: old ones keep their claims.",
		"Or read a claim that the token has: " + cut(strings.Join(s.claimNames(), ", ")) + ". " + editFilter(p.pool),
	}, "the filter of %s wants %s in %s, and the token has no such claim", cut(p.pool), p.wants(), cut(p.name()))
}

// filterTooLong never refuses a token here, but in the cloud the filter could
// not have been saved, and an older one would decide.
func filterTooLong(s *situation) finding {
	const most = 300 // Confluent's iam/v2 API, maxLength of filter
	for _, m := range s.misses() {
		if n := utf8.RuneCountInString(m.pool.Filter); n > most {
			return found([]string{
				editFilter(m.pool.ID),
				"Shorten the filter to 300 characters: claims.x in ['a', 'b'] instead of several ==, or a role instead of a list of clients.",
				"Or split it over several pools; a client gets the union of the pools it names.",
			}, "the filter of %s has %d characters; Confluent Cloud takes 300, so an older filter of that pool would decide there", cut(m.pool.ID), n)
		}
	}
	return finding{}
}

// identityClaimMissing is for a token that the filter takes and that has no
// name for the audit log.
func identityClaimMissing(s *situation) finding {
	claim := s.identityClaim()
	paths := comparisons(claim)
	if len(paths) == 0 || len(paths[0].path) == 0 {
		return finding{}
	}
	has := "is not in the token"
	if v, ok := s.value(paths[0].path); ok {
		has = "is " + shown(v) + " in the token, and a text that is not empty is wanted"
	} else if other := otherVersion(paths[0].path[0]); other != "" && s.claims[other] != nil {
		has += ", which has claims." + other + " instead, as tokens of the other version do"
	}
	return found([]string{
		"Open " + providerBlade + " → Identity pools → the pool → Edit → Identity claim.",
		"Name a claim that every token has: claims.azp for v2.0 tokens of Entra, claims.appid for v1.0, or claims.sub. sub itself must be there in any case.",
		"Save and connect again.",
	}, "%s, which names the client in the audit log, %s", cut(paths[0].name()), has)
}

// identityClaim is the claim that the identity check missed: sub, which every
// token needs, the named pool's, or the one that the check itself names.
func (s *situation) identityClaim() string {
	if strings.TrimSpace(s.text("sub")) == "" {
		return "claims.sub"
	}
	if ids := s.asked(); len(ids) == 1 && s.provider != nil {
		for _, p := range s.provider.Pools {
			if p.ID == ids[0] {
				return cmp.Or(p.IdentityClaim, "claims.sub")
			}
		}
	}
	return s.failed.Want
}
