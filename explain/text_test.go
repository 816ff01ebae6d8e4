package explain

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestAgo(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name string
		now  time.Time
		from time.Duration
		want string
	}{
		{"minutes", noon, -12 * time.Minute, "12 minutes ago (2026-11-23 11:48:00 UTC)"},
		{"one of a unit", noon, -61 * time.Minute, "1 hour ago (2026-11-23 10:59:00 UTC)"},
		{"two of a unit", noon, -2 * time.Hour, "2 hours ago (2026-11-23 10:00:00 UTC)"},
		{"days", noon, -50 * time.Hour, "2 days ago (2026-11-21 10:00:00 UTC)"},
		{"a second", noon, -time.Second, "1 second ago (2026-11-23 11:59:59 UTC)"},
		{"now", noon, 0, "less than a second ago (2026-11-23 12:00:00 UTC)"},
		{"the future", noon, 40 * time.Second, "in 40 seconds (2026-11-23 12:00:40 UTC)"},
		{"nobody knows the time", time.Time{}, 0, "at 2026-11-23 12:00:00 UTC"},
	} {
		s := newSituation(Input{Facts: Facts{Now: tc.now}})
		if got := s.ago(noon.Add(tc.from)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestInstant(t *testing.T) {
	for _, tc := range []struct {
		name  string
		value any
		want  string
	}{
		{"seconds", 1795435200.0, "2026-11-23T12:00:00Z"},
		{"a fraction", 1795435200.5, "2026-11-23T12:00:00.5Z"},
		{"a text", "1795435200", ""},
		{"missing", nil, ""},
		{"NaN", math.NaN(), ""},
		{"milliseconds", 1795435200000.0, ""},
	} {
		s := newSituation(Input{})
		s.claims = map[string]any{"exp": tc.value}
		got := ""
		if at, ok := s.instant("exp"); ok {
			got = at.Format(time.RFC3339Nano)
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestLists(t *testing.T) {
	for _, tc := range []struct {
		values []string
		want   string
	}{
		{nil, ""},
		{[]string{"a"}, "'a'"},
		{[]string{"a", "b"}, "'a' or 'b'"},
		{[]string{"a", "b", "c"}, "'a', 'b' or 'c'"},
		{[]string{"a", "b", "c", "d", "e"}, "'a', 'b', 'c', 'd' or 'e'"},
		{[]string{"a", "b", "c", "d", "e", "f", "g"}, "'a', 'b', 'c', 'd', 'e' and 2 more"},
	} {
		if got := either(tc.values); got != tc.want {
			t.Errorf("either(%q) = %q, want %q", tc.values, got, tc.want)
		}
	}
}

func TestForeignValuesAreTamed(t *testing.T) {
	for _, tc := range []struct {
		name  string
		value any
		want  string
	}{
		{"a text", `say "hi"`, `'say "hi"'`},
		{"a terminal's escape", "\x1b[2J\n", `'\x1b[2J\n'`},
		{"a list", []any{"a", 1.0, nil}, `["a",1,null]`},
		{"a long text", strings.Repeat("é", 200), "'" + strings.Repeat("é", 120) + "…'"},
		{"no JSON at all", math.Inf(1), "+Inf"},
	} {
		if got := shown(tc.value); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestWrongKeys(t *testing.T) {
	const a, b = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6", "11111111-2222-3333-4444-555555555555"
	const login = "https://login.microsoftonline.com/"
	for _, tc := range []struct{ name, uri, issuer, want string }{
		{"the tenant's own", login + a + "/discovery/v2.0/keys", login + a + "/v2.0", ""},
		{"those of all tenants, as Confluent's own example has it", login + "common/discovery/v2.0/keys", login + a + "/v2.0", ""},
		{"Azure's keys for a v1.0 token", login + a + "/discovery/keys", v1Host + a + "/", ""},
		{"another tenant's", login + b + "/discovery/v2.0/keys", login + a + "/v2.0", "another tenant"},
		{"Azure's keys for a local issuer", login + a + "/discovery/v2.0/keys", "http://localhost:8080/" + a + "/v2.0", "another server"},
		{"the discovery document", login + a + "/v2.0/.well-known/openid-configuration", login + a + "/v2.0", "discovery document"},
		{"two names of one server", "http://idpool:8080/" + a + "/discovery/v2.0/keys", "http://localhost:8080/" + a + "/v2.0", ""},
		{"nothing known", "", login + a, ""},
	} {
		got := wrongKeys(tc.uri, tc.issuer)
		if (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestIssuerPart(t *testing.T) {
	for _, tc := range []struct{ name, a, b, want string }{
		{"the port", "http://x:1/t/v2.0", "http://x:2/t/v2.0", "port"},
		{"the scheme", "http://x/t", "https://x/t", "scheme"},
		{"two parts", "http://x:1/t", "https://x:2/t", ""},
		{"no URL", "::", "http://x", ""},
		{"equal", "http://x", "http://x", ""},
	} {
		if got := issuerPart(tc.a, tc.b); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestIsGUID(t *testing.T) {
	for text, want := range map[string]bool{
		"67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6":   true,
		"67E9D472-7FBE-48F4-ADE6-03E3F3C0DBE6":   true,
		"67e9d472-7fbe-48f4-ade6-03e3f3c0dbe":    false,
		"67e9d4727-fbe-48f4-ade6-03e3f3c0dbe6":   false,
		"g7e9d472-7fbe-48f4-ade6-03e3f3c0dbe6":   false,
		"{67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6}": false,
	} {
		if isGUID(text) != want {
			t.Errorf("isGUID(%q) = %v", text, !want)
		}
	}
	if got := guidIn("https://sts.windows.net/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/"); got != "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6" {
		t.Errorf("guidIn = %q", got)
	}
}
