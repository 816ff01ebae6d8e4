package explain_test

import (
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

func ids(causes []validator.Cause) []string {
	var ids []string
	for _, c := range causes {
		ids = append(ids, c.ID)
	}
	return ids
}

// neverFirst are the rules that only add to another cause, with that cause: a
// long filter does not refuse anybody.
func neverFirst() map[string]string {
	return map[string]string{"filter-too-long": "pool-not-matched"}
}

func TestCauses(t *testing.T) {
	for _, r := range rows() {
		t.Run(r.id+"/"+r.name, func(t *testing.T) {
			causes := explain.Causes(r.in)
			i := slices.Index(ids(causes), r.id)
			if i < 0 || i > 0 && causes[0].ID != neverFirst()[r.id] {
				t.Fatalf("causes %q, want %q", ids(causes), r.id)
			}
			c := causes[i]
			for _, see := range r.sees {
				if !strings.Contains(c.Summary, see) {
					t.Errorf("summary %q does not name %q", c.Summary, see)
				}
			}
			for _, see := range r.fix {
				if !strings.Contains(c.Fix, see) {
					t.Errorf("fix\n%s\ndoes not name %q", c.Fix, see)
				}
			}
			for _, c := range causes {
				wellFormed(t, c)
			}
		})
	}
}

// wellFormed checks what is promised of every cause.
func wellFormed(t *testing.T, c validator.Cause) {
	t.Helper()
	if !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(c.ID) {
		t.Errorf("id %q is not kebab-case", c.ID)
	}
	if c.Summary == "" || strings.ContainsAny(c.Summary, "\n\r\x1b") || strings.HasSuffix(c.Summary, ".") || strings.Contains(c.Summary+c.Fix, "%!") {
		t.Errorf("%s: summary %q is no plain sentence on one line without a full stop", c.ID, c.Summary)
	}
	if lines := strings.Split(c.Fix, "\n"); len(lines) < 2 || !strings.HasPrefix(lines[0], "1. ") || !strings.HasPrefix(lines[1], "2. ") {
		t.Errorf("%s: the fix is not a list of steps:\n%s", c.ID, c.Fix)
	}
	if u, err := url.Parse(c.Docs); err != nil || u.Scheme != "https" || !slices.Contains(
		[]string{"learn.microsoft.com", "docs.confluent.io", "kafka.apache.org", "github.com"}, u.Host) {
		t.Errorf("%s: docs %q is no public page", c.ID, c.Docs)
	}
}

func TestEveryRuleHasARow(t *testing.T) {
	known, tested := explain.IDs(), map[string]bool{}
	for _, r := range rows() {
		tested[r.id] = true
		if !slices.Contains(known, r.id) {
			t.Errorf("row %q is about %q, which is no rule", r.name, r.id)
		}
	}
	for i, id := range known {
		if !tested[id] {
			t.Errorf("rule %q has no row", id)
		}
		if slices.Contains(known[:i], id) {
			t.Errorf("id %q occurs twice", id)
		}
	}
}

func TestNoCauseOfAnAllowedToken(t *testing.T) {
	in := refused(validator.CheckFilter, nil)
	in.Decision.Allowed = true
	if causes := explain.Causes(in); causes != nil {
		t.Errorf("an allowed token has the causes %q", ids(causes))
	}
}

// A refusal that no rule knows keeps what the check saw; nothing is invented.
func TestUnknownRefusals(t *testing.T) {
	bare := refused(validator.CheckSignature, func(in *explain.Input) {
		in.Decision.Checks[1] = validator.Check{Name: "phase-of-moon", Status: validator.Fail, Message: "the moon is wrong", Got: "full", Want: "new"}
	})
	for _, tc := range []struct {
		name, id string
		in       explain.Input
		sees     []string
	}{
		{"a check that no rule is about", "check-phase-of-moon", bare, []string{"the moon is wrong", "got full", "want new"}},
		{"a number that no rule knows", "aadsts-90033", noToken("invalid_grant", 90033, "AADSTS90033: Access has been blocked.", nil), []string{"Access has been blocked", clientID}},
		{"an error without a number", "token-endpoint-error", explain.Input{TokenError: &explain.TokenError{Code: "server_error"}}, []string{"server_error"}},
		{"the zero Input", "undecided", explain.Input{}, []string{"no check"}},
		{"a key that is there and does not fit", "check-key", refused(validator.CheckKey, func(in *explain.Input) {
			in.Decision.Keys.IDs = []string{"kid-of-acme"}
			in.Decision.Checks[1].Message = "its use is \"enc\""
		}), []string{`its use is "enc"`}},
	} {
		causes := explain.Causes(tc.in)
		if got := ids(causes); !slices.Equal(got, []string{tc.id}) {
			t.Errorf("%s: causes %q, want %q", tc.name, got, tc.id)
			continue
		}
		wellFormed(t, causes[0])
		for _, see := range tc.sees {
			if !strings.Contains(causes[0].Summary, see) {
				t.Errorf("%s: summary %q does not name %q", tc.name, causes[0].Summary, see)
			}
		}
	}
}

// Every failed check is explained, those that failed first at the front.
func TestSeveralFailedChecks(t *testing.T) {
	in := refused(validator.CheckExpiry, func(in *explain.Input) {
		in.Decision.Claims["exp"] = seconds(noon().Add(-1e9))
		in.Decision.Checks = append(in.Decision.Checks, validator.Check{Name: validator.CheckFilter, Status: validator.Fail})
	})
	want := []string{"token-expired", "clock-skew", "role-not-assigned", "pool-not-matched"}
	if got := ids(explain.Causes(in)); !slices.Equal(got, want) {
		t.Errorf("causes %q, want %q", got, want)
	}
}

// Of two parts of a filter that are false, both are named.
func TestSeveralFalseParts(t *testing.T) {
	in := filtered("claims.aud == 'api://"+apiID+"' && 'prod.environmentAdmin' in claims.roles", nil)
	got := ids(explain.Causes(in))
	if !slices.Contains(got, "aud-uri-vs-guid") || !slices.Contains(got, "role-not-assigned") {
		t.Errorf("causes %q, want aud-uri-vs-guid and role-not-assigned", got)
	}
}

// A side of || that is false is not to blame when the filter asks for another.
func TestAlternativesAreNotBlamed(t *testing.T) {
	in := filtered("!has(claims.azp) && claims.nothing == 'x'", nil)
	if got := ids(explain.Causes(in)); slices.Contains(got, "claim-missing") {
		t.Errorf("causes %q blame a part that did not decide", got)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	const token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
	const opaque, secret = "a7f3c90d5be2468191aa0011", "yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35"
	for _, tc := range []struct {
		name string
		in   explain.Input
	}{
		{"the token as a pool id", refused(validator.CheckPool, func(in *explain.Input) { in.Request.Pools = token })},
		{"the token in a claim", filtered("claims.note == 'x'", func(c map[string]any) { c["note"] = token })},
		{"the signature in a check", refused(validator.CheckSignature, func(in *explain.Input) {
			in.Request.Token = token
			in.Decision.Checks[1] = validator.Check{Name: "odd", Status: validator.Fail, Got: token[strings.LastIndex(token, ".")+1:]}
		})},
		{"an opaque token in a check", refused(validator.CheckFormat, func(in *explain.Input) {
			in.Request.Token = opaque
			in.Decision.Checks[1] = validator.Check{Name: "odd", Status: validator.Fail, Message: "not a JWT: " + opaque}
		})},
		{"the secret as client id", noToken("unauthorized_client", 700016, "AADSTS700016: Application '"+secret+"' was not found.", func(in *explain.Input) { in.TokenError.ClientID = secret })},
		{"the secret as client id, with an unknown error", noToken("x", 1, "no '"+secret+"'", func(in *explain.Input) { in.TokenError.ClientID = secret })},
	} {
		for _, c := range explain.Causes(tc.in) {
			text := c.Summary + c.Fix
			for _, hidden := range []string{token[60:], opaque, secret, token[:40]} {
				if strings.Contains(text, hidden) {
					t.Errorf("%s: %s shows %q: %s", tc.name, c.ID, hidden, text)
				}
			}
		}
	}
}

// Claims come from strangers: whatever stands where, a cause comes out.
func TestOddInputsDoNotPanic(t *testing.T) {
	odd := []any{nil, "", "text", "\x1b[2J\n\xff", 1.5, math.NaN(), math.Inf(1), -1e300, true, []any{}, []any{nil, 1.0, []any{"x"}},
		map[string]any{}, map[string]any{"roles": map[string]any{"roles": nil}}, strings.Repeat("é", 500)}
	names := []string{"roles", "aud", "iss", "tid", "azp", "appid", "exp", "iat", "nbf", "ver", "sub", "https://x/roles"}
	filters := []string{"", "true", "claims", "claims.", "claims[", "'", "'a' in claims.roles", "claims.roles.roles == 'x'", "claims.aud != 'x' || !(", "((((", "claims['\\"}
	for _, check := range checks() {
		for _, name := range names {
			for _, value := range odd {
				in := refused(check, func(in *explain.Input) { in.Decision.Claims[name] = value })
				explained(t, in)
				in.Decision.Claims, in.Decision.Header = map[string]any{name: value}, map[string]any{"kid": value, "alg": value}
				explained(t, in)
			}
		}
		for _, filter := range filters {
			for _, l := range []pool.Language{pool.CEL, pool.Expr, "cobol"} {
				explained(t, refused(check, func(in *explain.Input) {
					in.Request.Pools = ""
					in.Facts.Providers[0].Pools[1].Filter, in.Facts.Providers[0].Pools[1].Language = filter, l
				}))
			}
		}
		explained(t, explain.Input{Decision: validator.Decision{Checks: []validator.Check{{Name: check, Status: validator.Fail}}}})
	}
}

func checks() []string {
	return []string{validator.CheckFormat, validator.CheckAlgorithm, validator.CheckProvider, validator.CheckKey, validator.CheckSignature,
		validator.CheckExpiry, validator.CheckNotBefore, validator.CheckCluster, validator.CheckPool, validator.CheckFilter, validator.CheckIdentity}
}

func explained(t *testing.T, in explain.Input) {
	t.Helper()
	causes := explain.Causes(in)
	if len(causes) == 0 {
		t.Errorf("a refusal by %q has no cause", in.Decision.Failed().Name)
	}
	for _, c := range causes {
		wellFormed(t, c)
	}
}
