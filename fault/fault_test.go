package fault_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
)

const (
	acme   = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	domain = "acmeexamples.onmicrosoft.com"
	api    = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	client = "75f2f796-363d-4de2-b299-713920db01a7"
	secret = "yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35"
)

// start is the stack's time when a test begins: a Monday in November.
var start = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

// world is an identity provider with faults before it, over real HTTP.
type world struct {
	testing.TB
	*httptest.Server
	set *fault.Set

	mu     sync.Mutex
	now    time.Time
	events []idp.Event
}

func (x *world) clock() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.now
}

func (x *world) advance(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.now = x.now.Add(d)
}

// observed is what the observer has been told since it was last asked.
func (x *world) observed() []idp.Event {
	x.mu.Lock()
	defer x.mu.Unlock()
	defer func() { x.events = nil }()
	return x.events
}

// observing is the writer that the lead's router has.
type observing struct {
	http.ResponseWriter
	world *world
}

func (o observing) Observe(e idp.Event) {
	o.world.mu.Lock()
	defer o.world.mu.Unlock()
	o.world.events = append(o.world.events, e)
}

func (o observing) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func newWorld(t testing.TB, faults ...fault.Fault) *world {
	t.Helper()
	x := &world{TB: t, now: start}
	server, err := idp.New(idp.Config{Now: x.clock, Tenants: []idp.Tenant{idp.Acme(), {ID: "11111111-2222-3333-4444-555555555555", Domains: []string{"other.example"}}}})
	if err != nil {
		t.Fatal(err)
	}
	x.set = fault.New(fault.Config{
		Seed: 7, Now: x.clock, Tenant: server.TenantID, Refuse: server.WriteError,
		TokenNames: func() []string { return []string{"tampered", "impossible"} },
		Break: func(_ context.Context, name, token string) (string, error) {
			if name == "impossible" {
				return "", errors.New("there is no such twin")
			}
			return token + "." + name, nil
		},
	})
	for _, f := range faults {
		x.add(f)
	}
	handler := x.set.Handler(server)
	x.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(observing{w, x}, r)
	}))
	t.Cleanup(func() {
		x.set.Close()
		x.Server.Close()
	})
	return x
}

func (x *world) add(f fault.Fault) fault.Fault {
	x.Helper()
	added, err := x.set.Add(f)
	if err != nil {
		x.Fatalf("Add(%+v): %v", f, err)
	}
	return added
}

// place is where a request goes.
func (x *world) place(endpoint, tenant string) string {
	switch endpoint {
	case fault.Discovery:
		return x.URL + "/" + tenant + "/v2.0/.well-known/openid-configuration"
	case fault.JWKS:
		return x.URL + "/" + tenant + "/discovery/v2.0/keys"
	}
	return x.URL + "/" + tenant + "/oauth2/v2.0/token"
}

// request is one that the identity provider grants.
func (x *world) request(endpoint string) *http.Request {
	x.Helper()
	method, body := http.MethodGet, ""
	if endpoint == fault.Token {
		method = http.MethodPost
		body = url.Values{"client_id": {client}, "client_secret": {secret}, "grant_type": {"client_credentials"},
			"scope": {"api://" + api + "/.default"}}.Encode()
	}
	r, err := http.NewRequest(method, x.place(endpoint, acme), strings.NewReader(body))
	if err != nil {
		x.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// seen is what a client sees.
type seen struct {
	status int
	header http.Header
	body   string
	fault  string
	err    error // of the request, or of reading the body
}

// send sends a request on a connection of its own, so that no client repeats it.
func (x *world) send(r *http.Request) seen {
	x.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(r)
	if err != nil {
		return seen{err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return seen{response.StatusCode, response.Header, string(body), response.Header.Get(fault.Header), err}
}

func (x *world) ask(endpoint string) seen {
	x.Helper()
	return x.send(x.request(endpoint))
}

// injected are the ids of the faults that n requests get, "-" for none.
func (x *world) injected(endpoint string, n int) string {
	x.Helper()
	var ids []string
	for range n {
		id := x.ask(endpoint).fault
		if id == "" {
			id = "-"
		}
		ids = append(ids, id)
	}
	return strings.Join(ids, " ")
}

// status is the state of a fault.
func (x *world) status(id string) fault.Status {
	x.Helper()
	list := x.set.List()
	i := slices.IndexFunc(list, func(s fault.Status) bool { return s.ID == id })
	if i < 0 {
		x.Fatalf("no fault %q in %+v", id, list)
	}
	return list[i]
}
