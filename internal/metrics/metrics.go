// Package metrics counts what the journal is told, for Prometheus.
//
// Begin with [New]; [Metrics.Observe] takes every journal entry, and
// [Metrics.Handler] serves the counts. [Table] lists the series.
//
// Tenants, client ids and addresses are never labels: what a client can choose
// must not make a series. Nothing is registered anywhere else than with the
// Metrics itself, so that many stacks can run in one process.
package metrics

import (
	"cmp"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/validator"
)

// Config says whose metrics they are. The zero Config is useful.
type Config struct {
	// Version is idpool's. Empty means "unknown".
	Version string
}

// Metrics are the counts of one stack. Its methods may be called at the same
// time.
type Metrics struct {
	words    words
	registry func() *prometheus.Registry // made when first asked for

	requests      *family[request, prometheus.Counter]
	durations     *family[string, prometheus.Observer]
	errors        *family[int, prometheus.Counter]
	tls           *family[string, prometheus.Counter]
	decisions     *family[decision, prometheus.Counter]
	logins        *family[string, prometheus.Counter]
	loginDuration prometheus.Observer
	fetches       *family[fetch, prometheus.Counter]
	fetchDuration *family[string, prometheus.Observer]
	faults        *family[string, prometheus.Counter]
}

// request, decision and fetch are the labels of a series.
type (
	request struct {
		endpoint string
		status   int
	}
	decision struct{ endpoint, outcome, check, cause string }
	fetch    struct{ provider, result string }
)

// New makes Metrics that are all zero. It starts no goroutine.
func New(c Config) *Metrics {
	if c.Version == "" {
		c.Version = "unknown"
	}
	k := &maker{table: Table()}
	m := &Metrics{words: newWords()}
	m.count(k)
	m.durations, m.fetchDuration = histograms(k, requestDuration), histograms(k, fetchDuration)
	m.loginDuration = k.histogram(loginDuration).WithLabelValues()
	k.gauge(buildInfo).WithLabelValues(c.Version, runtime.Version()).Set(1)
	// A stack of a test, which nobody scrapes, does not wait for the collectors
	// of Go and of the process, which read files when they are made.
	m.registry = sync.OnceValue(func() *prometheus.Registry {
		registry := prometheus.NewRegistry()
		registry.MustRegister(k.made...)
		registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		return registry
	})
	return m
}

// count makes the counters.
func (m *Metrics) count(k *maker) {
	m.requests = counters(k, requests, request{other, 0}, func(r request) []string { return []string{r.endpoint, status(r.status)} })
	m.errors = counters(k, aadstsErrors, 0, func(code int) []string { return []string{aadsts(code)} })
	m.decisions = counters(k, decisions, decision{other, other, other, other}, func(d decision) []string {
		return []string{d.endpoint, d.outcome, d.check, d.cause}
	})
	m.fetches = counters(k, fetches, fetch{other, other}, func(f fetch) []string { return []string{f.provider, f.result} })
	same := func(word string) []string { return []string{word} }
	m.tls = counters(k, tlsHandshakes, other, same)
	m.logins = counters(k, logins, other, same)
	m.faults = counters(k, faults, other, same)
}

// Handler serves the metrics as text, or as OpenMetrics for who asks for that.
// What is costly is made at the first scrape.
func (m *Metrics) Handler() http.Handler {
	handler := sync.OnceValue(func() http.Handler {
		return promhttp.HandlerFor(m.registry(), promhttp.HandlerOpts{EnableOpenMetrics: true})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler().ServeHTTP(w, r) })
}

// Observe counts an entry of the journal.
func (m *Metrics) Observe(e journal.Entry) {
	endpoint, outcome := one(m.words.endpoints, cmp.Or(e.Endpoint, other)), one(m.words.outcomes, cmp.Or(e.Outcome, other))
	switch endpoint {
	case journal.EndpointTLS:
		m.tls.of(outcome).Inc()
	case journal.EndpointKafkaLogin:
		m.logins.of(outcome).Inc()
		m.loginDuration.Observe(e.Duration.Seconds())
		m.decide(endpoint, outcome, &e)
	case journal.EndpointKafkaOperation:
		m.decide(endpoint, outcome, &e)
	case journal.EndpointDecision:
		m.decide(endpoint, outcome, &e)
		m.answer(endpoint, &e)
	default:
		m.answer(endpoint, &e)
	}
	if e.AADSTS != 0 {
		m.errors.of(e.AADSTS).Inc()
	}
	if e.Fault != "" && e.Check != validator.CheckKey { // whoever is refused for want of a key names the fault of the JWKS
		m.faults.of(endpoint).Inc()
	}
}

// decide counts a decision.
func (m *Metrics) decide(endpoint, outcome string, e *journal.Entry) {
	m.decisions.of(decision{endpoint, outcome, one(m.words.checks, e.Check), m.words.cause(e.Cause)}).Inc()
}

// answer counts a request and its answer.
func (m *Metrics) answer(endpoint string, e *journal.Entry) {
	code := e.Status
	if code < 100 || code > 599 {
		code = 0
	}
	m.requests.of(request{endpoint, code}).Inc()
	m.durations.of(endpoint).Observe(e.Duration.Seconds())
}

// status is the label of an HTTP status.
func status(code int) string {
	if code == 0 {
		return "none"
	}
	return strconv.Itoa(code)
}

// aadsts is the label of a code; 0 stands for those that are too many.
func aadsts(code int) string {
	if code == 0 {
		return other
	}
	return "AADSTS" + strconv.Itoa(code)
}

// Fetched counts a fetch of the keys of an identity provider, given by its id;
// the fetch succeeded when err is nil.
func (m *Metrics) Fetched(provider string, err error, took time.Duration) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	provider = strings.ToValidUTF8(provider, "?") // Prometheus panics otherwise
	m.fetches.of(fetch{provider, result}).Inc()
	m.fetchDuration.of(provider).Observe(took.Seconds())
}
