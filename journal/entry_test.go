package journal_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/idpool/idpool/journal"
)

// start is the time of the clocks in these tests.
var start = time.Date(2026, 11, 25, 12, 0, 1, 0, time.UTC)

// refusedToken is an entry with something in most fields.
func refusedToken() journal.Entry {
	return journal.Entry{
		ID: 7, Time: start, Endpoint: journal.EndpointToken, Listener: "https", Method: "POST", Path: "/acme/oauth2/v2.0/token", Status: 401,
		Tenant: "67e9d472", ClientID: "75f2f796", Scope: "api://x/.default", Outcome: journal.OutcomeRefused, AADSTS: 7000215,
		Error: "invalid_client", RequestID: "b184", Client: "127.0.0.1:5", Fault: "f1", Detail: `the "secret" is wrong`,
		Duration: 1234567 * time.Nanosecond,
	}
}

func login() journal.Entry {
	return journal.Entry{
		ID: 8, Time: start.Add(time.Second), Endpoint: journal.EndpointKafkaLogin, Listener: "kafka", Outcome: journal.OutcomeRefused,
		Check: "filter", Cause: "no-app-role", Principal: "User:pool-dev", Identity: "id", Cluster: "lkc-acme",
		Pools: []string{"pool-dev", "pool-prod"}, Error: "SASL_AUTHENTICATION_FAILED", Duration: time.Minute,
	}
}

func TestEntryJSON(t *testing.T) {
	for _, tc := range []struct {
		name  string
		entry journal.Entry
		want  string
	}{
		{"a request", refusedToken(), `{"id":7,"time":"2026-11-25T12:00:01Z","endpoint":"token","listener":"https","method":"POST",` +
			`"path":"/acme/oauth2/v2.0/token","status":401,"tenant":"67e9d472","clientId":"75f2f796","scope":"api://x/.default",` +
			`"outcome":"refused","aadsts":7000215,"error":"invalid_client","requestId":"b184","client":"127.0.0.1:5","fault":"f1",` +
			`"detail":"the \"secret\" is wrong","duration":"1.234567ms"}`},
		{"a login", login(), `{"id":8,"time":"2026-11-25T12:00:02Z","endpoint":"kafka-login","listener":"kafka","outcome":"refused",` +
			`"error":"SASL_AUTHENTICATION_FAILED","check":"filter","cause":"no-app-role","principal":"User:pool-dev","identity":"id",` +
			`"cluster":"lkc-acme","pools":["pool-dev","pool-prod"],"duration":"1m0s"}`},
		{"the least", journal.Entry{ID: 1, Time: start, Endpoint: "tls", Outcome: "ok"},
			`{"id":1,"time":"2026-11-25T12:00:01Z","endpoint":"tls","outcome":"ok"}`},
	} {
		got, err := json.Marshal(tc.entry)
		if err != nil || string(got) != tc.want {
			t.Errorf("%s: %s, %v\nwant %s", tc.name, got, err, tc.want)
		}
		var back journal.Entry
		if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, tc.entry) {
			t.Errorf("%s: read back %+v, %v", tc.name, back, err)
		}
	}
}

// Every field that Entry has or will have goes through JSON and back.
func TestEntryJSONHasEveryField(t *testing.T) {
	var e journal.Entry
	for i := range reflect.TypeFor[journal.Entry]().NumField() {
		switch f := reflect.ValueOf(&e).Elem().Field(i); f.Interface().(type) {
		case string:
			f.SetString(strings.Repeat("x", i+1))
		case int, time.Duration:
			f.SetInt(int64(i + 1))
		case uint64:
			f.SetUint(uint64(i + 1))
		case time.Time:
			f.Set(reflect.ValueOf(start))
		case []string:
			f.Set(reflect.ValueOf([]string{"a", "b"}))
		default:
			t.Fatalf("this test knows no fields such as %s", reflect.TypeFor[journal.Entry]().Field(i).Name)
		}
	}
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var back journal.Entry
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, e) {
		t.Errorf("%s came back as %+v, %v, want %+v", data, back, err, e)
	}
}

func TestEntryJSONTimeIsUTC(t *testing.T) {
	e := journal.Entry{Time: start.In(time.FixedZone("CET", 3600))}
	if data, err := json.Marshal(e); err != nil || !bytes.Contains(data, []byte(`"time":"2026-11-25T12:00:01Z"`)) {
		t.Errorf("%s, %v", data, err)
	}
}

// What a client sent is readable where the encoder around it says so, and safe
// in a page where it does not.
func TestEntryJSONEscapesAsItsEncoderDoes(t *testing.T) {
	e := journal.Entry{Path: "/<a>&b"}
	for _, escape := range []bool{false, true} {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(escape)
		if err := encoder.Encode(e); err != nil || bytes.Contains(text.Bytes(), []byte(e.Path)) == escape {
			t.Errorf("escaping %v: %s, %v", escape, text.Bytes(), err)
		}
	}
}

func TestEntryJSONRefuses(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"a duration without unit", `{"id": 1, "duration": "12"}`, `journal: duration is "12", want one such as 1.2ms`},
		{"a duration as number", `{"id": 1, "duration": 12}`, "cannot unmarshal number"},
		{"a list", `[]`, "cannot unmarshal array"},
	} {
		e := refusedToken()
		err := json.Unmarshal([]byte(tc.text), &e)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.want)
		}
		if !reflect.DeepEqual(e, refusedToken()) {
			t.Errorf("%s: the entry was changed: %+v", tc.name, e)
		}
	}
}

func TestEntryString(t *testing.T) {
	cutBody := journal.Entry{Time: start, Endpoint: "jwks", Status: 200, Outcome: "failed", Fault: "cut"}
	strange := journal.Entry{Time: start, Endpoint: "other", Method: "GET", Path: "/\x1b[2J\n12:00:01 token 200", Status: 404, Outcome: "refused", ClientID: "a b"}
	for _, tc := range []struct {
		name  string
		entry journal.Entry
		want  string
	}{
		{"a request", refusedToken(), `12:00:01 token 401 AADSTS7000215 invalid_client tenant=67e9d472 client_id=75f2f796 ` +
			`scope=api://x/.default fault=f1 request=b184 client=127.0.0.1:5 detail="the \"secret\" is wrong" took=1.23ms`},
		{"a login", login(), `12:00:02 kafka-login refused SASL_AUTHENTICATION_FAILED check=filter cause=no-app-role ` +
			`principal=User:pool-dev identity=id cluster=lkc-acme pools=pool-dev,pool-prod took=1m0s`},
		{"a body that was cut does not look like a 200", cutBody, "12:00:01 jwks 200 failed fault=cut"},
		{"what a client sent breaks no line and moves no cursor", strange, `12:00:01 other 404 GET "/\x1b[2J\n12:00:01 token 200" client_id="a b"`},
		{"nothing more to say", journal.Entry{Time: start, Endpoint: "discovery", Status: 200, Outcome: "ok"}, "12:00:01 discovery 200"},
		{"a failure", journal.Entry{Time: start, Endpoint: "token", Status: 503, Outcome: "failed"}, "12:00:01 token 503"},
	} {
		if got := tc.entry.String(); got != tc.want {
			t.Errorf("%s:\n%s\nwant\n%s", tc.name, got, tc.want)
		}
	}
}

func TestPrint(t *testing.T) {
	var text strings.Builder
	last := journal.Entry{ID: 10, Time: start, Endpoint: "jwks", Status: 200, Outcome: "ok"}
	journal.Print(&text, []journal.Entry{{ID: 9, Time: start, Endpoint: "tls", Outcome: "failed", Client: "127.0.0.1:5"}, login(), last})
	want := `#9   12:00:01  tls          failed   client=127.0.0.1:5
#8   12:00:02  kafka-login  refused  SASL_AUTHENTICATION_FAILED check=filter cause=no-app-role principal=User:pool-dev identity=id cluster=lkc-acme pools=pool-dev,pool-prod took=1m0s
#10  12:00:01  jwks         200
`
	if text.String() != want {
		t.Errorf("got\n%swant\n%s", text.String(), want)
	}
}

// A client id of a megabyte is not remembered 4096 times, and is still text
// afterwards.
func TestAddCutsLongTexts(t *testing.T) {
	j := journal.New(journal.Config{})
	for shift := range 4 {
		e := journal.Entry{ClientID: strings.Repeat("x", shift) + strings.Repeat("€", 400), Path: strings.Repeat("p", 512)}
		got := j.Add(e)
		if len(got.ClientID) > 512 || len(got.ClientID) < 506 || !utf8.ValidString(got.ClientID) || !strings.HasSuffix(got.ClientID, "€…") {
			t.Errorf("%d bytes before: %d bytes are left, ending in %q", shift, len(got.ClientID), got.ClientID[len(got.ClientID)-8:])
		}
		if got.Path != e.Path {
			t.Errorf("512 bytes were cut to %d", len(got.Path))
		}
	}
	broken := j.Add(journal.Entry{ClientID: strings.Repeat("\x80", 1000)})
	if n := len(broken.ClientID); n > 512 || n < 500 {
		t.Errorf("no characters at all: %d bytes are left", n)
	}
}
