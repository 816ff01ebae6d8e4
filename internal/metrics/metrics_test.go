package metrics

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/journal"
)

// day observes something of everything.
func day(m *Metrics) {
	m.Observe(journal.Entry{Endpoint: "token", Status: 200, Outcome: "ok", Tenant: "secret-tenant", ClientID: "secret-client", Client: "192.0.2.1", Duration: 2 * time.Millisecond})
	m.Observe(journal.Entry{Endpoint: "token", Status: 200, Outcome: "ok", Duration: 3 * time.Millisecond})
	m.Observe(journal.Entry{Endpoint: "token", Status: 401, Outcome: "refused", AADSTS: 7000215, Duration: time.Microsecond})
	m.Observe(journal.Entry{Endpoint: "jwks", Outcome: "failed", Fault: "stall", Duration: time.Minute})
	m.Observe(journal.Entry{Endpoint: "tls", Outcome: "failed", Fault: "expired"})
	m.Observe(journal.Entry{Endpoint: "kafka-login", Outcome: "ok", Principal: "secret-principal", Duration: 40 * time.Millisecond})
	m.Observe(journal.Entry{Endpoint: "kafka-login", Outcome: "refused", Check: "filter", Cause: "no-app-role", Duration: time.Millisecond})
	m.Observe(journal.Entry{Endpoint: "decision", Status: 200, Outcome: "refused", Check: "expiry", Cause: "check-expiry"})
	m.Fetched("op-acme", nil, 5*time.Millisecond)
	m.Fetched("op-acme", errors.New("connection refused"), time.Millisecond)
}

// scrape asks as Prometheus does, and returns the families by name.
func scrape(t *testing.T, m *Metrics) (map[string]*dto.MetricFamily, string) {
	t.Helper()
	server := httptest.NewServer(m.Handler())
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", response.Status, err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return families, string(text)
}

// values are the counters and the counts of histograms of idpool, as
// name{labels} value.
func values(families map[string]*dto.MetricFamily) []string {
	var all []string
	for name, family := range families {
		for _, metric := range family.Metric {
			var labels []string
			for _, l := range metric.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			value := metric.Counter.GetValue() + metric.Gauge.GetValue() + float64(metric.Histogram.GetSampleCount())
			if strings.HasPrefix(name, "idpool_") {
				all = append(all, fmt.Sprintf("%s{%s} %v", name, strings.Join(labels, ","), value))
			}
		}
	}
	slices.Sort(all)
	return all
}

func TestScrape(t *testing.T) {
	m := New(Config{Version: "1.2.3"})
	day(m)
	families, text := scrape(t, m)
	want := []string{
		`idpool_aadsts_errors_total{code="AADSTS7000215"} 1`,
		`idpool_build_info{goversion="` + runtime.Version() + `",version="1.2.3"} 1`,
		`idpool_decisions_total{cause="",check="",endpoint="kafka-login",outcome="ok"} 1`,
		`idpool_decisions_total{cause="check-expiry",check="expiry",endpoint="decision",outcome="refused"} 1`,
		`idpool_decisions_total{cause="no-app-role",check="filter",endpoint="kafka-login",outcome="refused"} 1`,
		`idpool_faults_injected_total{endpoint="jwks"} 1`,
		`idpool_faults_injected_total{endpoint="tls"} 1`,
		`idpool_jwks_fetch_duration_seconds{provider="op-acme"} 2`,
		`idpool_jwks_fetches_total{provider="op-acme",result="failed"} 1`,
		`idpool_jwks_fetches_total{provider="op-acme",result="ok"} 1`,
		`idpool_kafka_login_duration_seconds{} 2`,
		`idpool_kafka_logins_total{outcome="ok"} 1`,
		`idpool_kafka_logins_total{outcome="refused"} 1`,
		`idpool_request_duration_seconds{endpoint="decision"} 1`,
		`idpool_request_duration_seconds{endpoint="jwks"} 1`,
		`idpool_request_duration_seconds{endpoint="token"} 3`,
		`idpool_requests_total{endpoint="decision",status="200"} 1`,
		`idpool_requests_total{endpoint="jwks",status="none"} 1`,
		`idpool_requests_total{endpoint="token",status="200"} 2`,
		`idpool_requests_total{endpoint="token",status="401"} 1`,
		`idpool_tls_handshakes_total{outcome="failed"} 1`,
	}
	if got := values(families); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, word := range []string{"secret", "192.0.2.1", "stall"} {
		if strings.Contains(text, word) {
			t.Errorf("%q is among the metrics", word)
		}
	}
	if families["go_goroutines"] == nil || runtime.GOOS == "linux" && families["process_open_fds"] == nil {
		t.Error("the metrics of Go or of the process are missing")
	}
	if got := families[requestDuration].Metric[2].Histogram.GetSampleSum(); got != 0.005001 {
		t.Errorf("the token requests took %v s together, want 0.005001", got)
	}
}

// Whoever asks for OpenMetrics gets it; two handlers and many scrapes register
// nothing twice.
func TestHandler(t *testing.T) {
	m := New(Config{})
	for range 2 {
		request := httptest.NewRequest("GET", "/metrics", nil)
		request.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, request)
		if got := w.Result().Header.Get("Content-Type"); w.Code != 200 || !strings.HasPrefix(got, "application/openmetrics-text; version=1.0.0") {
			t.Errorf("%d %s", w.Code, got)
		}
		if text := w.Body.String(); !strings.HasSuffix(text, "# EOF\n") || !strings.Contains(text, `version="unknown"`) {
			t.Error(text)
		}
	}
}

// Two stacks in a process have nothing in common.
func TestTwoMetrics(t *testing.T) {
	first, second := New(Config{}), New(Config{})
	day(first)
	families, _ := scrape(t, second)
	if families[requests] != nil {
		t.Errorf("the second has the first one's requests: %v", families[requests])
	}
}

// Prometheus' own linter has nothing to say of the names and the help.
func TestLint(t *testing.T) {
	m := New(Config{})
	day(m)
	problems, err := testutil.GatherAndLint(m.registry())
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// The table that the documentation is made of is what a scrape has.
func TestTable(t *testing.T) {
	m := New(Config{})
	day(m)
	families, _ := scrape(t, m)
	for _, s := range Table() {
		family := families[s.Name]
		if family == nil {
			t.Errorf("%s is not scraped", s.Name)
			continue
		}
		var labels []string
		for _, l := range family.Metric[0].Label {
			labels = append(labels, l.GetName())
		}
		if want := slices.Sorted(slices.Values(s.Labels)); !slices.Equal(labels, want) || strings.ToLower(family.GetType().String()) != s.Type || family.GetHelp() != s.Help {
			t.Errorf("%s: %s with %v: %s", s.Name, family.GetType(), labels, family.GetHelp())
		}
		delete(families, s.Name)
	}
	for name := range families {
		if strings.HasPrefix(name, "idpool_") {
			t.Errorf("%s is not in the table", name)
		}
	}
}

// What no list of ours has does not become a label.
func TestInventedWords(t *testing.T) {
	m := New(Config{})
	for i := range 3 {
		made := fmt.Sprintf("made-up-%d", i)
		m.Observe(journal.Entry{Endpoint: made, Outcome: made, Status: 600 + i, Fault: made, Error: made, Scope: made, Path: made, Identity: made})
		m.Observe(journal.Entry{Endpoint: "kafka-login", Outcome: made, Check: made, Cause: made})
		m.Observe(journal.Entry{Endpoint: "decision", Status: -i, Outcome: "refused", Check: "message", Cause: fmt.Sprintf("aadsts-%d", i)})
		m.Observe(journal.Entry{Endpoint: "tls", Outcome: made})
		m.Observe(journal.Entry{Listener: "http", Status: 503}) // a fault answered before anybody knew what was asked
	}
	families, text := scrape(t, m)
	if strings.Contains(text, "made-up") {
		t.Error("a made-up word is among the metrics")
	}
	for _, want := range []string{
		`idpool_requests_total{endpoint="other",status="none"} 3`,
		`idpool_requests_total{endpoint="other",status="503"} 3`,
		`idpool_requests_total{endpoint="decision",status="none"} 3`,
		`idpool_faults_injected_total{endpoint="other"} 3`,
		`idpool_decisions_total{cause="other",check="other",endpoint="kafka-login",outcome="other"} 3`,
		`idpool_decisions_total{cause="aadsts",check="message",endpoint="decision",outcome="refused"} 3`,
		`idpool_tls_handshakes_total{outcome="other"} 3`,
	} {
		if !slices.Contains(values(families), want) {
			t.Errorf("there is no %s in\n%s", want, strings.Join(values(families), "\n"))
		}
	}
}

// Every cause that package explain knows is counted under its own name.
func TestCauses(t *testing.T) {
	m := New(Config{})
	for _, id := range append(explain.IDs(), "check-signature", "undecided") {
		if got := m.words.cause(id); got != id {
			t.Errorf("cause %s is counted as %s", id, got)
		}
	}
}

// A config whose providers change all day does not grow the metrics for ever,
// and nothing goes uncounted.
func TestTooManyValues(t *testing.T) {
	m := New(Config{})
	for i := range maxValues + 50 {
		m.Fetched(fmt.Sprintf("op-%d", i), nil, 0)
		m.Observe(journal.Entry{Endpoint: "token", Status: 400, Outcome: "refused", AADSTS: 1 + i})
	}
	m.Fetched("op-7", nil, 0) // known before there were too many
	families, _ := scrape(t, m)
	if n := len(families[fetches].Metric); n != maxValues+1 {
		t.Errorf("%d series of fetches, want %d", n, maxValues+1)
	}
	for _, want := range []string{
		`idpool_jwks_fetches_total{provider="other",result="other"} 50`,
		`idpool_jwks_fetches_total{provider="op-7",result="ok"} 2`,
		`idpool_jwks_fetch_duration_seconds{provider="other"} 50`,
		`idpool_aadsts_errors_total{code="other"} 50`,
		`idpool_requests_total{endpoint="token",status="400"} 550`,
	} {
		if !slices.Contains(values(families), want) {
			t.Errorf("there is no %s", want)
		}
	}
}

func TestObserveAtTheSameTime(t *testing.T) {
	m := New(Config{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 200 {
				m.Observe(journal.Entry{Endpoint: "token", Status: 200 + i%100, Outcome: "ok"})
			}
		})
	}
	all.Wait()
	families, _ := scrape(t, m)
	total := 0.0
	for _, metric := range families[requests].Metric {
		total += metric.Counter.GetValue()
	}
	if total != 800 || len(families[requests].Metric) != 100 {
		t.Errorf("%v requests in %d series, want 800 in 100", total, len(families[requests].Metric))
	}
}

// A request costs no allocation.
func TestObserveAllocatesNothing(t *testing.T) {
	m := New(Config{})
	for _, e := range busy() {
		m.Observe(e)
		if n := testing.AllocsPerRun(100, func() { m.Observe(e) }); n != 0 {
			t.Errorf("%v: %v allocations", e, n)
		}
	}
}

// busy are the entries that come most often, the dearest of them too.
func busy() map[string]journal.Entry {
	return map[string]journal.Entry{
		"token":   {Endpoint: "token", Status: 200, Outcome: "ok", Duration: time.Millisecond},
		"refused": {Endpoint: "token", Status: 401, Outcome: "refused", AADSTS: 7000215, Fault: "f", Duration: time.Millisecond},
		"login":   {Endpoint: "kafka-login", Outcome: "refused", Check: "filter", Cause: "no-app-role", Duration: time.Millisecond},
	}
}

// BenchmarkObserve is what each request pays: at most 500 ns.
func BenchmarkObserve(b *testing.B) {
	m := New(Config{})
	for name, e := range busy() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Observe(e)
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		e := busy()["token"]
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				m.Observe(e)
			}
		})
	})
}

// BenchmarkNew is a part of what the start of a stack costs: at most 200 µs.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		New(Config{}).Handler()
	}
}
