package validator

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/idpool/idpool/pool"
)

// The token and the config that a case changes. The time is that of newClock.
const (
	defaultHeader = `{"typ":"JWT","alg":"RS256","kid":"rsa-a"}`
	defaultClaims = `{"iss":"https://idp.test/v2.0","sub":"client-1","aud":"api","azp":"app-1",` +
		`"iat":1700000000,"nbf":1700000000,"exp":1700003900,"roles":["dev"]}`
	defaultConfig = `{"jwks":[{"key":"rsa-a"},{"key":"rsa-b"}],"clusters":["lkc-acme"],"pools":[
		{"id":"pool-dev","filter":"'dev' in claims.roles","identityClaim":"claims.azp"},
		{"id":"pool-prod","filter":"'prod' in claims.roles","identityClaim":"claims.azp"}]}`
)

// tokenCase is a file of testdata: a comment that says what it is about, then
//
//	-- token --    the token as it is; or, signed by the test:
//	-- header --   the header's text, if not defaultHeader
//	-- claims --   JSON members that replace those of defaultClaims, null removes; or
//	-- payload --  the payload's text
//	-- request --  lines such as "sign: rsa-b RS256", "cluster: …", "pools: …", "all: true"
//	-- config --   JSON members that replace those of defaultConfig
//	-- want --     "allowed" or "fail CHECK", then lines such as "got: …", "want: …",
//	               "message: part of it", "pass: CHECK", "fail: CHECK", "skipped: CHECK",
//	               "provider: …", "pools: …", "principal: …", "identity: …"
type tokenCase struct {
	name, comment string
	sections      map[string]string
}

// readCases reads the cases of testdata, of which there must be some.
func readCases(t testing.TB) []tokenCase {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in testdata (%v)", err)
	}
	var cases []tokenCase
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c := tokenCase{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), sections: map[string]string{}}
		section := ""
		for line := range strings.Lines(string(text)) {
			if name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(name, " --") {
				section = strings.TrimSuffix(name, " --")
				continue
			}
			c.sections[section] += line
		}
		c.comment = c.sections[""]
		cases = append(cases, c)
	}
	return cases
}

// lines are a section's "name: value" lines.
func (c tokenCase) lines(section string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(c.sections[section]) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		if unquoted, err := strconv.Unquote(value); err == nil && section == "request" {
			value = unquoted
		}
		m[name] = value
	}
	return m
}

// merge replaces members of a JSON object.
func merge(t testing.TB, object, changes string) map[string]json.RawMessage {
	t.Helper()
	m := map[string]json.RawMessage{}
	for _, text := range []string{object, changes} {
		if strings.TrimSpace(text) == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	return m
}

// token makes the case's token.
func (c tokenCase) token(t testing.TB) string {
	t.Helper()
	if raw, ok := c.sections["token"]; ok {
		return strings.TrimSuffix(raw, "\n")
	}
	header, payload := defaultHeader, strings.TrimSuffix(c.sections["payload"], "\n")
	if text, ok := c.sections["header"]; ok {
		header = strings.TrimSuffix(text, "\n")
	}
	if payload == "" {
		claims := merge(t, defaultClaims, c.sections["claims"])
		for name, value := range claims {
			if string(value) == "null" {
				delete(claims, name)
			}
		}
		text, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		payload = string(text)
	}
	key, alg := "rsa-a", "RS256"
	if by, ok := c.lines("request")["sign"]; ok {
		key, alg, _ = strings.Cut(by, " ")
	}
	return sign(t, key, alg, header, payload)
}

// caseConfig is the JSON of a case's config.
type caseConfig struct {
	JWKS          []map[string]any `json:"jwks"`
	Clusters      []string         `json:"clusters"`
	Algorithms    []string         `json:"algorithms"`
	IdentityClaim string           `json:"identityClaim"`
	Pools         []pool.Config    `json:"pools"`
	NoProviders   bool             `json:"noProviders"`
}

// config makes the case's config: the provider op-acme as the case has it, and
// another one that no case changes.
func (c tokenCase) config(t testing.TB) Config {
	t.Helper()
	text, err := json.Marshal(merge(t, defaultConfig, c.sections["config"]))
	if err != nil {
		t.Fatal(err)
	}
	var described caseConfig
	if err := json.Unmarshal(text, &described); err != nil {
		t.Fatal(err)
	}
	config := Config{Clusters: described.Clusters, Now: newClock().Now}
	if described.NoProviders {
		return config
	}
	var keys []map[string]any
	for _, members := range described.JWKS {
		name, ok := members["key"].(string)
		if !ok {
			keys = append(keys, members)
			continue
		}
		delete(members, "key")
		keys = append(keys, jwkOf(t, name, members))
	}
	acme := Provider{ID: "op-acme", Issuers: []string{"https://idp.test/v2.0"}, Algorithms: described.Algorithms,
		IdentityClaim: described.IdentityClaim, JWKSURI: newKeyServer(t, jwksText(t, keys...)).URL}
	for _, p := range described.Pools {
		acme.Pools = append(acme.Pools, mustPool(t, p))
	}
	other := Provider{ID: "op-other", Issuers: []string{"https://other.test/"}, Algorithms: []string{"PS256"},
		JWKSURI: newKeyServer(t, jwksText(t, jwkOf(t, "rsa-b", nil))).URL,
		Pools:   []*pool.Pool{mustPool(t, pool.Config{ID: "pool-other", Filter: "true"})}}
	config.Providers = []Provider{acme, other}
	return config
}

// request makes the case's request.
func (c tokenCase) request(t testing.TB) Request {
	t.Helper()
	lines := c.lines("request")
	r := Request{Token: c.token(t), Cluster: "lkc-acme", Pools: "pool-dev", All: lines["all"] == "true"}
	if cluster, ok := lines["cluster"]; ok {
		r.Cluster = cluster
	}
	if pools, ok := lines["pools"]; ok {
		r.Pools = pools
	}
	if many := lines["pools times"]; many != "" {
		n, err := strconv.Atoi(many)
		if err != nil {
			t.Fatal(err)
		}
		r.Pools = strings.TrimSuffix(strings.Repeat(r.Pools+",", n), ",")
	}
	return r
}

// TestCases decides each case and compares with what it wants. A case that is
// refused must name got and want, because a person has to act on them.
func TestCases(t *testing.T) {
	for _, c := range readCases(t) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config := c.config(t)
			uri := ""
			if len(config.Providers) > 0 {
				uri = config.Providers[0].JWKSURI
			}
			r := c.request(t)
			d := mustNew(t, config).Validate(t.Context(), r)
			wellFormed(t, d)
			keepsSecret(t, d, r.Token)
			c.compare(t, d, uri)
		})
	}
}

// compare holds a Decision against the want section, in which $JWKS stands for
// the URL of the keys.
func (c tokenCase) compare(t *testing.T, d Decision, uri string) {
	t.Helper()
	want := c.sections["want"]
	first, _, _ := strings.Cut(want, "\n")
	verdict, failed := "allowed", d.Failed()
	if failed.Name != "" {
		verdict = "fail " + failed.Name
	}
	if first != verdict || d.Allowed != (first == "allowed") {
		t.Fatalf("%s\ngot  %s (%s)\nwant %s", c.comment, verdict, failed.Message, first)
	}
	named := 0
	for line := range strings.Lines(strings.TrimPrefix(want, first+"\n")) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		value = strings.ReplaceAll(value, "$JWKS", uri)
		var got string
		switch name {
		case "got":
			named, got = named+1, failed.Got
		case "want":
			named, got = named+1, failed.Want
		case "message":
			if got = failed.Message; strings.Contains(got, value) {
				got = value
			}
		case "pass", "fail", "skipped":
			if got = value; d.Check(value).Status != Status(name) {
				got = string(d.Check(value).Status)
			}
		case "provider":
			got = d.Provider
		case "pools":
			got = strings.Join(d.Pools, ",")
		case "principal":
			got = d.Principal
		case "identity":
			got = d.Identity
		default:
			t.Fatalf("unknown line %q", line)
		}
		if got != value {
			t.Errorf("%s%s\ngot  %s\nwant %s", c.comment, name, got, value)
		}
	}
	if failed.Name != "" && named < 2 {
		t.Errorf("the case asserts no got or no want: got %q, want %q", failed.Got, failed.Want)
	}
}

// wellFormed checks what holds for every Decision.
func wellFormed(t testing.TB, d Decision) {
	t.Helper()
	names := []string{CheckFormat, CheckAlgorithm, CheckProvider, CheckKey, CheckSignature, CheckExpiry,
		CheckNotBefore, CheckCluster, CheckPool, CheckFilter, CheckIdentity}
	var got []string
	passed := true
	for _, c := range d.Checks {
		got = append(got, c.Name)
		passed = passed && c.Status == Pass
		switch c.Status {
		case Pass, Fail, Skipped:
		default:
			t.Errorf("%s has the status %q", c.Name, c.Status)
		}
		if c.Message == "" || c.Status == Fail && (c.Got == "" || c.Want == "") {
			t.Errorf("%s does not explain itself: %+v", c.Name, c)
		}
	}
	if !slices.Equal(got, names) {
		t.Errorf("checks %v, want %v", got, names)
	}
	if d.Allowed != passed {
		t.Errorf("allowed is %v, and all checks passed is %v", d.Allowed, passed)
	}
	if d.Pools == nil || d.Causes == nil {
		t.Error("pools or causes is nil, which JSON writes as null")
	}
	if !d.Allowed && (d.Principal != "" || d.Identity != "") {
		t.Errorf("refused, and yet principal %q, identity %q", d.Principal, d.Identity)
	}
}

// keepsSecret checks that no message repeats a token's signature, or the token.
func keepsSecret(t testing.TB, d Decision, token string) {
	t.Helper()
	signature := token[strings.LastIndexByte(token, '.')+1:]
	if len(signature) < 16 {
		return
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), signature[:16]) {
		t.Errorf("the Decision has the token's signature: %s", text)
	}
}
