package validator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/pool"
)

// A check may need earlier ones only, and those must exist.
func TestStepsNeedEarlierSteps(t *testing.T) {
	var seen []string
	for _, s := range steps() {
		for _, need := range s.needs {
			if !slices.Contains(seen, need) {
				t.Errorf("%s needs %s, which is not made before", s.name, need)
			}
		}
		seen = append(seen, s.name)
	}
}

// The JSON form of DESIGN.md: these members, in this order, never null.
func TestDecisionJSON(t *testing.T) {
	s := newStand(t, nil)
	claims := `{"iss":"https://idp.test/v2.0","iat":1,"exp":1700003900,"sub":"a","roles":[]}`
	d := s.validate(t, sign(t, "rsa-a", "RS256", `{"alg":"RS256","kid":"rsa-a"}`, claims))
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	begins := `{"allowed":false,"verified":true,"provider":"op-acme","pools":[],"principal":"","identity":"","expiresAt":"2023-11-14T23:18:20Z",` +
		`"checks":[{"name":"format","status":"pass","message":"the token is a JWT of three parts"},{"name":"algorithm",`
	if !strings.HasPrefix(string(text), begins) || !strings.HasSuffix(string(text), `],"causes":[]}`) {
		t.Errorf("got %s\nwant it to begin %s", text, begins)
	}
	for _, secret := range []string{"header", "claims\"", "Matches", "Keys"} {
		if strings.Contains(string(text), `"`+secret) {
			t.Errorf("the JSON has a member %s: %s", secret, text)
		}
	}
	empty, err := json.Marshal(s.validate(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(empty), "expiresAt") || strings.Contains(string(empty), "null") {
		t.Errorf("without a token: %s", empty)
	}
}

// What explain needs beyond the checks.
func TestDecisionFacts(t *testing.T) {
	v := benchValidator(t, 15, 0)
	token := sign(t, "rsa-a", "RS256", defaultHeader, strings.Replace(azurePayload(1), "dev.", "guest.", 1))
	d := v.Validate(t.Context(), Request{Token: token, Cluster: "lkc-acme"})
	if d.Failed().Name != CheckFilter || len(d.Matches) != maxMatches {
		t.Fatalf("%d results of refusing pools, want %d; %+v", len(d.Matches), maxMatches, d.Failed())
	}
	for id, r := range d.Matches {
		if r.Match || r.Deciding == nil || r.Deciding.Claim != "claims.roles" {
			t.Errorf("%s: %+v", id, r)
		}
	}
	c := d.Failed()
	if !strings.HasPrefix(c.Message, "none of 15 pools matches; pool-dev: ") || !strings.HasSuffix(c.Message, "; and 10 more") {
		t.Errorf("the message is %q", c.Message)
	}
	if d.Header["kid"] != "rsa-a" || d.Claims["ver"] != "2.0" {
		t.Errorf("header %v, claims %v", d.Header, d.Claims)
	}
	now := time.Unix(1700000100, 0)
	if k := d.Keys; !slices.Equal(k.IDs, []string{"rsa-a"}) || !k.FetchedAt.Equal(now) || !k.Until.Equal(now.Add(24*time.Hour)) || k.Error != "" {
		t.Errorf("keys %+v", k)
	}
	if a := v.Validate(t.Context(), Request{Token: azureToken(t, 1), Cluster: "lkc-acme"}); !a.Allowed || a.Matches != nil {
		t.Errorf("allowed %v, matches %v", a.Allowed, a.Matches)
	}
}

// A guess at what was meant takes the product of the lengths: not for words
// that only an attacker would send.
func TestLongWordsAreNotGuessedAt(t *testing.T) {
	known := []string{strings.Repeat("a", maxShown+1)}
	if got := guess(known[0], known); got != "" {
		t.Errorf("got %q for a word of %d letters", got, len(known[0]))
	}
	if got := guess("pool-dve", []string{"pool-dev"}); got != "pool-dev" {
		t.Errorf("got %q", got)
	}
}

// Values of a token are attacker's text: shown quoted and cut.
func TestLongValuesAreCut(t *testing.T) {
	s := newStand(t, nil)
	long := strings.Repeat("é\\u001b[31m", 300)
	for name, token := range map[string]string{
		"iss":  sign(t, "rsa-a", "RS256", defaultHeader, `{"iss":"`+long+`"}`),
		"kid":  sign(t, "rsa-a", "RS256", `{"alg":"RS256","kid":"`+long+`"}`, defaultClaims),
		"alg":  sign(t, "rsa-a", "RS256", `{"alg":"`+long+`","kid":"rsa-a"}`, defaultClaims),
		"exp":  sign(t, "rsa-a", "RS256", defaultHeader, `{"iss":"https://idp.test/v2.0","exp":"`+long+`"}`),
		"crit": sign(t, "rsa-a", "RS256", `{"alg":"RS256","crit":["`+long+`"]}`, defaultClaims),
	} {
		c := s.validate(t, token).Failed()
		if c.Name == "" || len(c.Got) > 3*maxShown || strings.ContainsRune(c.Got+c.Message, 0x1b) || !strings.Contains(c.Got, "é") {
			t.Errorf("%s: %d bytes of got: %q", name, len(c.Got), c.Got)
		}
	}
}

func TestClockSkew(t *testing.T) {
	for _, tc := range []struct {
		reason string
		skew   time.Duration
		late   time.Duration // after exp
		want   string
	}{
		{"the default is 30 s", 0, 30*time.Second - 1, ""},
		{"the default ends at 30 s", 0, 30 * time.Second, CheckExpiry},
		{"five minutes", 5 * time.Minute, 299 * time.Second, ""},
		{"negative is none", -1, -1, ""},
		{"none ends at exp", -1, 0, CheckExpiry},
	} {
		s := newStand(t, func(c *Config) { c.ClockSkew = tc.skew })
		s.clock.forward(time.Unix(1800000000, 0).Add(tc.late).Sub(s.clock.Now()))
		if c := s.validate(t, s.token(t, "rsa-a", 1)).Failed(); c.Name != tc.want {
			t.Errorf("%s: got %+v, want %q", tc.reason, c, tc.want)
		}
	}
}

func TestTokenSize(t *testing.T) {
	for _, tc := range []struct {
		reason      string
		limit, size int
		want        string
	}{
		{"the default is 16 KiB", 0, 16<<10 + 1, "16385 bytes"},
		{"at the limit it is read", 0, 16 << 10, "1 part, no dot in 16384 bytes"},
		{"a limit of one's own", 100, 101, "101 bytes"},
	} {
		s := newStand(t, func(c *Config) { c.MaxTokenBytes = tc.limit })
		if c := s.validate(t, strings.Repeat("a", tc.size)).Failed(); c.Name != CheckFormat || c.Got != tc.want {
			t.Errorf("%s: got %+v, want %q", tc.reason, c, tc.want)
		}
	}
}

// Pools of one client message are bounded whatever they are called.
func TestLongPoolListIsRefused(t *testing.T) {
	s := newStand(t, nil)
	d := s.Validate(t.Context(), Request{Token: s.token(t, "rsa-a", 1), Pools: strings.Repeat("x", maxPoolList+1)})
	if c := d.Failed(); c.Name != CheckPool || c.Got != "1 ids in 16385 bytes" {
		t.Errorf("got %+v", c)
	}
}

// With All and an unknown issuer the pools decide whose they are; those of two
// providers cannot both be meant.
func TestPoolsOfTwoProvidersWithoutIssuer(t *testing.T) {
	providers := make([]Provider, 2)
	for i := range providers {
		providers[i] = Provider{ID: fmt.Sprint("op-", i), Issuers: []string{fmt.Sprint("https://idp.test/", i)}, JWKSURI: "http://127.0.0.1:1",
			Pools: []*pool.Pool{mustPool(t, pool.Config{ID: fmt.Sprint("pool-", i), Filter: "true"})}}
	}
	v := mustNew(t, Config{Providers: providers})
	d := v.Validate(t.Context(), Request{Token: azureToken(t, 1), Pools: "pool-0,pool-1", All: true})
	if c := d.Check(CheckPool); c.Status != Fail || c.Got != "pool-1 of op-1" || d.Check(CheckFilter).Status != Skipped {
		t.Errorf("got %+v", c)
	}
}

func TestOrganizationOfThePrincipal(t *testing.T) {
	s := newStand(t, func(c *Config) {
		c.Organization = "11111111-2222-3333-4444-555555555555"
		c.Providers[0].Pools = append(c.Providers[0].Pools, mustPool(t, pool.Config{ID: "pool-all", Filter: "true"}))
	})
	d := s.Validate(t.Context(), Request{Token: s.token(t, "rsa-a", 1)})
	want := "crn://confluent.cloud/organization=11111111-2222-3333-4444-555555555555/identity-provider=op-acme/identity=client-1"
	if d.Principal != want {
		t.Errorf("got %q, want %q", d.Principal, want)
	}
}

func TestUnknownCheckIsZero(t *testing.T) {
	if c := (Decision{Checks: []Check{{Name: CheckFormat, Status: Pass}}}).Check("x"); c != (Check{}) {
		t.Errorf("got %+v", c)
	}
}
