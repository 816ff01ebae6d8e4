package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// The types of series.
const (
	Counter   = "counter"
	Gauge     = "gauge"
	Histogram = "histogram"
)

// Series is a metric as the documentation lists it.
type Series struct {
	Name string
	// Type is Counter, Gauge or Histogram.
	Type   string
	Labels []string
	// Help says what is counted, in one sentence without a full stop.
	Help string
}

// The names of the series.
const (
	requests        = "idpool_requests_total"
	requestDuration = "idpool_request_duration_seconds"
	aadstsErrors    = "idpool_aadsts_errors_total"
	tlsHandshakes   = "idpool_tls_handshakes_total"
	decisions       = "idpool_decisions_total"
	logins          = "idpool_kafka_logins_total"
	loginDuration   = "idpool_kafka_login_duration_seconds"
	fetches         = "idpool_jwks_fetches_total"
	fetchDuration   = "idpool_jwks_fetch_duration_seconds"
	faults          = "idpool_faults_injected_total"
	buildInfo       = "idpool_build_info"
)

// Table lists the series of idpool in the order of the documentation. Those of
// the Go runtime and of the process (go_…, process_…) come from the client
// library and are not in it.
func Table() []Series {
	return []Series{
		{requests, Counter, []string{"endpoint", "status"}, `Requests by endpoint and HTTP status; the status is "none" when no answer was sent or there was no HTTP`},
		{requestDuration, Histogram, []string{"endpoint"}, "Time from a request to the end of its answer, with the delays of injected faults"},
		{aadstsErrors, Counter, []string{"code"}, `Errors by Microsoft's code, such as "AADSTS7000215"`},
		{tlsHandshakes, Counter, []string{"outcome"}, "TLS handshakes that the journal has, by outcome"},
		{decisions, Counter, []string{"endpoint", "outcome", "check", "cause"},
			"Decisions, of Kafka logins and of those who asked, and what Kafka clients were denied, by the check that failed and its likeliest cause"},
		{logins, Counter, []string{"outcome"}, "Kafka logins and reauthentications by outcome"},
		{loginDuration, Histogram, nil, "Time from a client's SASL message to the broker's answer"},
		{fetches, Counter, []string{"provider", "result"}, `Fetches of an identity provider's keys; the result is "ok" or "failed"`},
		{fetchDuration, Histogram, []string{"provider"}, "Time of a fetch of an identity provider's keys"},
		{faults, Counter, []string{"endpoint"}, "Faults that were injected, by endpoint"},
		{buildInfo, Gauge, []string{"version", "goversion"}, "Always 1, with the version of idpool and of Go"},
	}
}

// maker makes the series of a table, and keeps them to be registered.
type maker struct {
	table []Series
	made  []prometheus.Collector
}

// series is the row of a name.
func (m *maker) series(name string) Series {
	return m.table[slices.IndexFunc(m.table, func(s Series) bool { return s.Name == name })]
}

func (m *maker) counter(name string) *prometheus.CounterVec {
	s := m.series(name)
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: s.Name, Help: s.Help}, s.Labels)
	m.made = append(m.made, vec)
	return vec
}

// histogram makes a histogram. Its buckets reach from a JWKS out of memory to a
// client that waits for a stalled answer.
func (m *maker) histogram(name string) *prometheus.HistogramVec {
	s := m.series(name)
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: s.Name, Help: s.Help, Buckets: []float64{
		.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, s.Labels)
	m.made = append(m.made, vec)
	return vec
}

func (m *maker) gauge(name string) *prometheus.GaugeVec {
	s := m.series(name)
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: s.Name, Help: s.Help}, s.Labels)
	m.made = append(m.made, vec)
	return vec
}

// counters makes counters whose labels are put together once for each key.
func counters[K comparable](m *maker, name string, rest K, labels func(K) []string) *family[K, prometheus.Counter] {
	vec := m.counter(name)
	return &family[K, prometheus.Counter]{rest: rest, make: func(key K) prometheus.Counter { return vec.WithLabelValues(labels(key)...) }}
}

// histograms makes histograms with one label.
func histograms(m *maker, name string) *family[string, prometheus.Observer] {
	vec := m.histogram(name)
	return &family[string, prometheus.Observer]{rest: other, make: func(key string) prometheus.Observer { return vec.WithLabelValues(key) }}
}
