package fault_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/fault"
)

// everything is a file with every setting that a file can have.
const everything = `
# what goes wrong
faults:
  - id: busy
    endpoint: token
    tenant: acmeexamples.onmicrosoft.com
    clientId: 75f2f796-363d-4de2-b299-713920db01a7
    when: scope contains "kafka" && count > 2
    from: 2026-11-23T15:00:00Z
    until: 2026-11-24
    times: 3
    probability: 0.25
    delay: 1m30s
    status: 429
    aadsts: 90055
    retryAfter: 30s
    contentType: application/json
    cutBody: 10
  - {endpoint: jwks, jwks: stale, every: 2, slowBody: 1s}
  - {endpoint: token, token: expired}
  - {endpoint: token, html: true}
  - {endpoint: token, body: "busy"}
  - {endpoint: discovery, stall: true}
  - {endpoint: tls, certificate: expired}
  - {endpoint: kafka-login, error: broker is busy}
  - {endpoint: kafka-login, close: true}
`

func TestParse(t *testing.T) {
	quarter := 0.25
	want := []fault.Fault{
		{ID: "busy", Endpoint: "token", Tenant: domain, ClientID: client, When: `scope contains "kafka" && count > 2`,
			From: start, Until: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), Times: 3, Probability: &quarter,
			Delay: fault.Duration(90 * time.Second), Status: 429, AADSTS: 90055, RetryAfter: fault.Duration(30 * time.Second),
			ContentType: "application/json", CutBody: 10},
		{Endpoint: "jwks", JWKS: "stale", Every: 2, SlowBody: fault.Duration(time.Second)},
		{Endpoint: "token", Token: "expired"},
		{Endpoint: "token", HTML: true},
		{Endpoint: "token", Body: "busy"},
		{Endpoint: "discovery", Stall: true},
		{Endpoint: "tls", Certificate: "expired"},
		{Endpoint: "kafka-login", Error: "broker is busy"},
		{Endpoint: "kafka-login", Close: true},
	}
	path := filepath.Join(t.TempDir(), "faults.yaml")
	if err := os.WriteFile(path, []byte(everything), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := fault.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	text, err := json.Marshal(want) // what the API writes can be read, as a list
	if err != nil {
		t.Fatal(err)
	}
	if again, err := fault.Parse("faults.json", text); err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("got  %+v, %v from %s", again, err, text)
	}
	for _, empty := range []string{"", "[]", "faults: []", "{}", "# nothing"} {
		if got, err := fault.Parse("faults.yaml", []byte(empty)); err == nil || err.Error() != "faults.yaml: there is no fault in it" || len(got) != 0 {
			t.Errorf("%q: got %+v, %v", empty, got, err)
		}
	}
	if _, err := fault.Load(path + ".not"); err == nil || !strings.HasPrefix(err.Error(), "fault: open ") {
		t.Errorf("got %v", err)
	}
}

// Every mistake of a file has its line and column.
func TestParseMistakes(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{`- {endpoint: tokn, status: 500}`, `f.yaml:1:14: [0].endpoint: "tokn" is unknown, did you mean "token"?`},
		{"faults:\n- endpoint: token\n  status: 500\n  close: true\n  tims: 3\n", `f.yaml:3:11: faults[0].status: contradicts close: a fault does one of the two
f.yaml:5:3: faults[0].tims: unknown key, did you mean "times"?`},
		{"- endpoint: token\n  when: clientid == \"x\"\n  status: 500\n", `f.yaml:2:9: [0].when: line 1, column 1: unknown name "clientid"
  | clientid == "x"
  | ^
  hint: did you mean "client_id"?`},
		{"- endpoint: token\n  when: 'count > 1 and scop == 1'\n  status: 500\n", `f.yaml:2:24: [0].when: line 1, column 15: unknown name "scop"
  | count > 1 and scop == 1
  |               ^
  hint: did you mean "scope"?`},
		{"- endpoint: token\n  when: \"scope == \\\"x\\\" and scop == 1\"\n  status: 500\n", `f.yaml:2:9: [0].when: line 1, column 18: unknown name "scop"
  | scope == "x" and scop == 1
  |                  ^
  hint: did you mean "scope"?`},
		{"- endpoint: token\n  probability: often\n  delay: 5\n  status: high", `f.yaml:2:16: [0].probability: want a number from 0 to 1, such as 0.25, got "often"
f.yaml:3:10: [0].delay: want a duration such as 30s or 5m, got "5"
f.yaml:4:11: [0].status: want a whole number, got "high"`},
		{"- endpoint: token\n  probability: 2\n  status: 500", `f.yaml:2:16: [0].probability: 2 is no probability, want a number from 0 to 1`},
		{"- {endpoint: token, id: a, status: 500}\n- {endpoint: jwks, id: A, status: 500}", `f.yaml:2:24: [1].id: "A" occurs twice`},
		{"- endpoint: token\n- token", `f.yaml:1:3: [0]: it says not what goes wrong, give one of delay, stall, close, status, aadsts, retryAfter, body, contentType, html, cutBody, slowBody, token
f.yaml:2:3: [1]: want keys and values, got "token"`},
		{"token: x", `f.yaml:1:1: token: unknown key, "token" belongs in faults[]`},
		{"faults: token", `f.yaml:1:9: faults: want a list, got "token"`},
		{"a: [", `f.yaml:1:1: not YAML: did not find expected node content`},
	} {
		_, err := fault.Parse("f.yaml", []byte(row.text))
		var all fault.FileErrors
		if !errors.As(err, &all) || err.Error() != row.want {
			t.Errorf("%s\ngot  %v\nwant %s", row.text, err, row.want)
		}
	}
}

// A file is read whole or not at all, and what only the set knows has its place
// too.
func TestRead(t *testing.T) {
	s := set()
	_, err := s.Read("f.yaml", []byte("- {endpoint: token, status: 500}\n- {endpoint: token, tenant: nobody, token: expird}\n"))
	want := `f.yaml:2:29: [1].tenant: there is no tenant "nobody"
f.yaml:2:44: [1].token: "expird" is unknown, did you mean "expired"?`
	if err == nil || err.Error() != want || s.Active() {
		t.Errorf("got  %v\nwant %s\nfaults %+v", err, want, s.List())
	}
	added, err := s.Read("f.yaml", []byte(everything))
	if err != nil || len(added) != 9 || added[0].ID != "busy" || added[1].ID != "jwks-1" || !s.Active() {
		t.Errorf("got %+v, %v", added, err)
	}
	if _, err := s.Read("f.yaml", []byte(everything)); err == nil || err.Error() != `f.yaml: [0].id: there is a fault "busy" already` || len(s.List()) != 9 {
		t.Errorf("got %v, %d faults", err, len(s.List()))
	}
}

// No file panics, and what is read could be added.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{everything, "- {endpoint: token, when: 'x', probability: .5}", "faults: &a [*a]", "[[]]", "- ? {} : 1", `{"faults":[{"endpoint":"tls","until":"2026-01-01"}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		faults, err := fault.Parse("f", data)
		if err != nil {
			if len(faults) != 0 || err.Error() == "" {
				t.Errorf("%+v with %v", faults, err)
			}
			return
		}
		s := fault.New(fault.Config{TokenNames: func() []string { return []string{"expired"} }, Break: sameToken})
		for _, one := range faults {
			var typed *fault.Error
			if _, err := s.Add(one); err != nil && (!errors.As(err, &typed) || typed.Field != "token" && !strings.Contains(typed.Message, "more than")) {
				t.Errorf("%+v was read and cannot be added: %v", one, err)
			}
		}
	})
}
