package journal_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"reflect"
	"testing"

	"github.com/idpool/idpool/journal"
)

func TestFilterMatch(t *testing.T) {
	e := journal.Entry{ID: 5, Endpoint: "token", Tenant: "67E9", ClientID: "75f2", Outcome: "ok", Fault: "f1"}
	for _, tc := range []struct {
		name   string
		filter journal.Filter
		want   bool
	}{
		{"zero is any", journal.Filter{}, true},
		{"all fields", journal.Filter{Endpoint: "token", Tenant: "67e9", ClientID: "75F2", Outcome: "OK", Fault: "F1", After: 4}, true},
		{"endpoint", journal.Filter{Endpoint: "jwks"}, false},
		{"tenant", journal.Filter{Tenant: "67e"}, false},
		{"client id", journal.Filter{ClientID: "75f"}, false},
		{"outcome", journal.Filter{Outcome: "refused"}, false},
		{"fault", journal.Filter{Fault: "f2"}, false},
		{"after", journal.Filter{After: 5}, false},
	} {
		if got := tc.filter.Match(e); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func TestParseFilter(t *testing.T) {
	for _, tc := range []struct {
		name, query string
		want        journal.Filter
	}{
		{"nothing", "", journal.Filter{}},
		{"everything", "endpoint=kafka-login&tenant=t&client_id=c&outcome=refused&fault=f&after=12",
			journal.Filter{Endpoint: "kafka-login", Tenant: "t", ClientID: "c", Outcome: "refused", Fault: "f", After: 12}},
		{"words in capitals", "endpoint=JWKS", journal.Filter{Endpoint: "JWKS"}},
	} {
		query, err := url.ParseQuery(tc.query)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := journal.ParseFilter(query); err != nil || got != tc.want {
			t.Errorf("%s: %+v, %v", tc.name, got, err)
		}
	}
}

func TestParseFilterRefuses(t *testing.T) {
	for _, tc := range []struct{ name, query, field, want string }{
		{"an unknown name", "limit=3", "limit",
			`query parameter "limit" is unknown, want one of endpoint, tenant, client_id, outcome, fault, after`},
		{"JSON's name", "clientId=x", "clientId",
			`query parameter "clientId" is unknown, want one of endpoint, tenant, client_id, outcome, fault, after: did you mean "client_id"?`},
		{"an unknown endpoint", "endpoint=tokens", "endpoint", `endpoint "tokens" is unknown, want one of discovery, jwks, token, instance, ` +
			`imds, app-service, tls, kafka-login, kafka-operation, decision, other: did you mean "token"?`},
		{"an unknown outcome", "outcome=denied", "outcome", `outcome "denied" is unknown, want one of ok, refused, failed`},
		{"no value", "tenant=", "tenant", "tenant is empty, leave it out to mean any"},
		{"two values", "tenant=a&tenant=b", "tenant", "tenant comes 2 times, want it once"},
		{"no id", "after=-1", "after", `after is "-1", want the id of an entry, a whole number`},
		{"too large an id", "after=99999999999999999999", "after",
			`after is "99999999999999999999", want the id of an entry, a whole number`},
	} {
		query, err := url.ParseQuery(tc.query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := journal.ParseFilter(query)
		wrong, ok := errors.AsType[*journal.Error](err)
		if !ok || err.Error() != "journal: "+tc.want || wrong.Field != tc.field || got != (journal.Filter{}) {
			t.Errorf("%s: %+v, %v\nwant %s", tc.name, got, err, tc.want)
		}
	}
}

// The words that lists name are those that filters accept.
func TestFilterCheck(t *testing.T) {
	for _, e := range journal.Endpoints() {
		for _, o := range journal.Outcomes() {
			if err := (journal.Filter{Endpoint: e, Outcome: o}).Check(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := (journal.Filter{Endpoint: "keys"}).Check(); err == nil {
		t.Error("endpoint keys was accepted")
	}
}

func TestFilterString(t *testing.T) {
	f := journal.Filter{Endpoint: "token", Tenant: "t", ClientID: "a b", Outcome: "ok", Fault: "f", After: 3}
	if got, want := f.String(), `endpoint=token tenant=t client_id="a b" outcome=ok fault=f after=3`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := (journal.Filter{}).String(); got != "" {
		t.Errorf("zero: %q", got)
	}
}

func TestFilterJSON(t *testing.T) {
	const text = `{"endpoint":"token","tenant":"t","clientId":"c","outcome":"ok","fault":"f","after":3}`
	var f journal.Filter
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	if want := (journal.Filter{Endpoint: "token", Tenant: "t", ClientID: "c", Outcome: "ok", Fault: "f", After: 3}); !reflect.DeepEqual(f, want) {
		t.Errorf("%+v", f)
	}
	if got, err := json.Marshal(f); err != nil || string(got) != text {
		t.Errorf("%s, %v", got, err)
	}
}
