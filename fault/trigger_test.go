package fault_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
)

// inMemory sends a request to a handler without a network.
func inMemory(t testing.TB, h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// When and how often a fault happens: ten requests, the fault's id where it
// happened.
func TestHowOften(t *testing.T) {
	half, never, always := 0.5, 0.0, 1.0
	for name, row := range map[string]struct {
		faults []fault.Fault
		want   string
	}{
		"always":             {[]fault.Fault{{}}, "a a a a a a a a a a"},
		"the next two":       {[]fault.Fault{{Times: 2}}, "a a - - - - - - - -"},
		"every third":        {[]fault.Fault{{Every: 3}}, "- - a - - a - - a -"},
		"every third, twice": {[]fault.Fault{{Every: 3, Times: 2}}, "- - a - - a - - - -"},
		"half of them":       {[]fault.Fault{{Probability: &half}}, "- - a a - - a a a a"},
		"half, twice":        {[]fault.Fault{{Probability: &half, Times: 2}}, "- - a a - - - - - -"},
		"never":              {[]fault.Fault{{Probability: &never}}, "- - - - - - - - - -"},
		"certainly":          {[]fault.Fault{{Probability: &always, Times: 1}}, "a - - - - - - - - -"},
		"from the third on":  {[]fault.Fault{{When: "count >= 3"}}, "- - a a a a a a a a"},
		"every second of those from the third on":    {[]fault.Fault{{When: "count >= 3", Every: 2}}, "- - - a - a - a - a"},
		"one after the other":                        {[]fault.Fault{{Times: 2}, {Times: 1}, {Every: 2}}, "a a b - c - c - c -"},
		"the first wins":                             {[]fault.Fault{{Every: 2}, {}}, "b a b a b a b a b a"},
		"another fault does not shift the dice":      {[]fault.Fault{{Probability: &half}, {ID: "z", Probability: &half}}, "z - a a - - a a a a"},
		"of another client":                          {[]fault.Fault{{ClientID: api}}, "- - - - - - - - - -"},
		"of this client, in capitals":                {[]fault.Fault{{ClientID: strings.ToUpper(client), Times: 1}}, "a - - - - - - - - -"},
		"of another tenant":                          {[]fault.Fault{{Tenant: "other.example"}}, "- - - - - - - - - -"},
		"of this tenant, by a domain":                {[]fault.Fault{{Tenant: strings.ToUpper(domain), Times: 1}}, "a - - - - - - - - -"},
		"from the third minute to the sixth":         {[]fault.Fault{{From: start.Add(2 * time.Minute), Until: start.Add(5 * time.Minute)}}, "- - a a a - - - - -"},
		"the count begins with the window":           {[]fault.Fault{{From: start.Add(2 * time.Minute), When: "count == 1"}}, "- - a - - - - - - -"},
		"by the clock":                               {[]fault.Fault{{When: `now >= date("2026-11-23T15:08:00Z")`}}, "- - - - - - - - a a"},
		"a condition that fails is not true":         {[]fault.Fault{{When: `int(scope) == 1`}}, "- - - - - - - - - -"},
		"a delay is a fault like the others":         {[]fault.Fault{{Delay: 1, Status: -1}, {Times: 1}}, "a a a a a a a a a a"},
		"what the form says, and where it came from": {[]fault.Fault{{When: `client_id == "` + client + `" and scope endsWith "/.default" and grant_type == "client_credentials" and tenant == "` + acme + `" and version == 2 and listener == "http" and method == "POST" and path startsWith "/" + tenant and header("user-agent") contains "Go" and hasPrefix(client, "127.0.0.1")`, Times: 1}}, "a - - - - - - - - -"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newWorld(t)
			for i, f := range row.faults {
				if f.ID == "" {
					f.ID = string(rune('a' + i))
				}
				f.Endpoint = fault.Token
				switch {
				case f.Status < 0:
					f.Status = 0
				default:
					f.Status = 500
				}
				x.add(f)
			}
			var got []string
			for range 10 {
				got = append(got, x.injected(fault.Token, 1))
				x.advance(time.Minute)
			}
			if s := strings.Join(got, " "); s != row.want {
				t.Errorf("got %s, want %s", s, row.want)
			}
		})
	}
}

// The same seed and the same requests give the same faults, and another seed
// gives others.
func TestSeed(t *testing.T) {
	run := func(seed uint64) string {
		half := 0.5
		s := fault.New(fault.Config{Seed: seed})
		var b strings.Builder
		for range 2 { // Clear begins anew
			if _, err := s.Add(fault.Fault{Endpoint: "tls", Probability: &half, Close: true}); err != nil {
				t.Fatal(err)
			}
			half = 0.5
			for range 50 {
				if s.Handshake(t.Context(), fault.Handshake{}) != nil {
					b.WriteByte('x')
				} else {
					b.WriteByte('-')
				}
			}
			s.Reset()
		}
		return b.String()
	}
	one := run(1)
	if one != run(1) || one[:50] != one[50:] {
		t.Errorf("seed 1 gives %s and then %s", one, run(1))
	}
	if one == run(2) {
		t.Errorf("seeds 1 and 2 both give %s", one)
	}
}

// The caller keeps a probability of their own.
func TestProbabilityIsCopied(t *testing.T) {
	p := 1.0
	x := newWorld(t, fault.Fault{Endpoint: "token", Probability: &p, Status: 500})
	p = 0
	if got := x.injected(fault.Token, 3); got != "token-1 token-1 token-1" {
		t.Errorf("got %s", got)
	}
}

// Faults happen at their endpoint, to the requests that are one of its.
func TestWhere(t *testing.T) {
	x := newWorld(t, fault.Fault{Endpoint: "token", Status: 500}, fault.Fault{Endpoint: "jwks", Status: 500}, fault.Fault{Endpoint: "discovery", Status: 500})
	for _, row := range []struct{ method, path, want string }{
		{"POST", "/" + acme + "/oauth2/v2.0/token", "token-1"},
		{"POST", "/" + domain + "/oauth2/token", "token-1"},
		{"GET", "/" + acme + "/oauth2/v2.0/token", ""},
		{"HEAD", "/" + acme + "/oauth2/v2.0/token", ""},
		{"OPTIONS", "/" + acme + "/oauth2/v2.0/token", ""},
		{"GET", "/" + acme + "/discovery/v2.0/keys", "jwks-1"},
		{"HEAD", "/" + acme + "/discovery/v2.0/keys", "jwks-1"},
		{"GET", "/common/discovery/keys", "jwks-1"},
		{"OPTIONS", "/" + acme + "/discovery/v2.0/keys", ""},
		{"GET", "/" + acme + "/v2.0/.well-known/openid-configuration", "discovery-1"},
		{"GET", "/nobody/.well-known/openid-configuration", "discovery-1"},
		{"GET", "/common/discovery/instance", ""},
		{"GET", "/", ""},
	} {
		r, err := http.NewRequest(row.method, x.URL+row.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := x.send(r); got.fault != row.want || got.err != nil {
			t.Errorf("%s %s: fault %q (%d, %v), want %q", row.method, row.path, got.fault, got.status, got.err, row.want)
		}
	}
}

// The v1.0 endpoint asks for a resource, and a client may say who it is in the
// Authorization header alone.
func TestWhoAsks(t *testing.T) {
	x := newWorld(t, fault.Fault{Endpoint: "token", ClientID: client, When: `version == 1 && scope == "api://` + api + `"`, AADSTS: 700016})
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {"api://" + api}}.Encode()
	r, err := http.NewRequest("POST", x.URL+"/"+acme+"/oauth2/token", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, secret)
	if got := x.send(r); got.fault != "token-1" || !strings.Contains(got.body, "identifier '"+client+"'") {
		t.Errorf("got %+v", got)
	}
	want := idp.Event{Endpoint: "token", Tenant: acme, ClientID: client, Scope: "api://" + api, AADSTS: 700016, Error: "unauthorized_client"}
	events := x.observed()
	if len(events) != 1 {
		t.Fatalf("the observer was told %+v", events)
	}
	events[0].RequestID, events[0].Detail = "", ""
	if fmt.Sprint(events[0]) != fmt.Sprint(want) {
		t.Errorf("got %+v, want %+v", events[0], want)
	}
}

// The observer is told once of each request, whatever happens to it.
func TestObserved(t *testing.T) {
	for _, f := range []fault.Fault{
		{Delay: 1}, {Status: 503}, {AADSTS: 90002}, {Body: "x"}, {HTML: true}, {ContentType: "text/plain"},
		{CutBody: 3}, {SlowBody: 1}, {Close: true}, {Token: "tampered"},
	} {
		f.Endpoint = fault.Token
		x := newWorld(t, f)
		x.ask(fault.Token)
		events := x.observed()
		if len(events) != 1 || events[0].Tenant != acme || events[0].ClientID != client || events[0].RequestID == "" || events[0].AADSTS != f.AADSTS+f.Status/503*90033 {
			t.Errorf("%+v: the observer was told %+v", f, events)
		}
	}
}

// Many at once: times is exact, and nothing is lost.
func TestConcurrent(t *testing.T) {
	server, err := idp.New(idp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := fault.New(fault.Config{Tenant: server.TenantID, Refuse: server.WriteError})
	for _, f := range []fault.Fault{
		{ID: "ten", Endpoint: "jwks", Times: 10, When: "count > 5", Status: 503},
		{ID: "every", Endpoint: "jwks", Every: 2, JWKS: "shuffled"},
	} {
		if _, err := s.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	h := s.Handler(server)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 25 {
				w := inMemory(t, h, "GET", "/"+acme+"/discovery/v2.0/keys", "")
				_, _ = io.Copy(io.Discard, w.Body)
				s.List()
				if f, err := s.Add(fault.Fault{Endpoint: "token", Status: 500}); err != nil || i%2 == 0 && !s.Remove(f.ID) {
					t.Errorf("Add: %+v, %v", f, err)
				}
			}
		})
	}
	wg.Wait()
	list := s.List()
	if ten := list[0]; ten.Matched != 195 || ten.Injected != 10 || !ten.Spent {
		t.Errorf("ten: %+v", ten)
	}
	if every := list[1]; every.Matched != 190 || every.Injected != 95 {
		t.Errorf("every: %+v", every)
	}
	if len(list) != 2+8*12 {
		t.Errorf("%d faults are there", len(list))
	}
	s.Close()
	if s.Active() || len(s.List()) != 0 {
		t.Error("a closed set has faults")
	}
	if _, err := s.Add(fault.Fault{Endpoint: "token", Status: 500}); err == nil || err.Error() != "fault: the set is closed" {
		t.Errorf("Add to a closed set: %v", err)
	}
}

// slowForm is a body that comes only when it is let go.
type slowForm struct{ asked, release chan struct{} }

func (b slowForm) Read([]byte) (int, error) {
	close(b.asked)
	<-b.release
	return 0, io.EOF
}

// A client that sends its form slowly keeps nobody else waiting: the fault was
// locked while the form was read.
func TestSlowFormBlocksNobody(t *testing.T) {
	s := fault.New(fault.Config{})
	if _, err := s.Add(fault.Fault{Endpoint: "token", When: `scope == ""`, Status: 503}); err != nil {
		t.Fatal(err)
	}
	h := s.Handler(inMemoryAnswer{})
	slow := slowForm{make(chan struct{}), make(chan struct{})}
	answered := make(chan int)
	go func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/"+acme+"/oauth2/v2.0/token", slow))
		answered <- w.Code
	}()
	<-slow.asked
	if w := inMemory(t, h, "POST", "/"+acme+"/oauth2/v2.0/token", "x=y"); w.Code != 503 || s.List()[0].Injected != 1 {
		t.Errorf("got %d, %+v", w.Code, s.List())
	}
	close(slow.release)
	if code := <-answered; code != 503 {
		t.Errorf("got %d", code)
	}
}

// Without a fault the handler costs a look at a pointer.
func BenchmarkHandlerWithoutFault(b *testing.B) {
	s := fault.New(fault.Config{})
	h := s.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("POST", "/"+acme+"/oauth2/v2.0/token", nil)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

// With a fault of another client the form is read and put back.
func BenchmarkHandlerWithOtherFault(b *testing.B) {
	s := fault.New(fault.Config{})
	if _, err := s.Add(fault.Fault{Endpoint: "token", ClientID: api, When: "count > 3", Status: 500}); err != nil {
		b.Fatal(err)
	}
	h := s.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		inMemoryInto(w, h)
	}
}

func inMemoryInto(w http.ResponseWriter, h http.Handler) {
	r := httptest.NewRequest("POST", "/"+acme+"/oauth2/v2.0/token", strings.NewReader("client_id="+client))
	h.ServeHTTP(w, r)
}
