package idpooltest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/idpooltest"
	"github.com/idpool/idpool/journal"
)

// guest is one of many tests that share a server.
type guest struct {
	*fakeT
	n     int
	s     *idpooltest.Server
	token string
	kid   string // of the key that it rolled to; empty for none
}

// the numbers of guests that do what others do not
func (g *guest) rolls() bool  { return g.n%2 == 0 }
func (g *guest) faulty() bool { return g.n%3 == 0 }
func (g *guest) idle() bool   { return g.n%5 == 0 } // their Kafka clients may do nothing
func (g *guest) late() time.Duration {
	return time.Duration(g.n) * time.Hour
}

// TestParallelScopesSeeNothingOfEachOther has a hundred tests on one server, all
// at the same time: each moves its clock, rolls its keys, breaks its endpoints
// and takes its role bindings away, and none feels what the others do.
func TestParallelScopesSeeNothingOfEachOther(t *testing.T) {
	shared := &idpooltest.Shared{Change: orders}
	defer shared.Close()
	guests := make([]*guest, 100)
	for i := range guests {
		guests[i] = &guest{fakeT: newFake(fmt.Sprintf("guest %d", i)), n: i}
	}
	together := func(part func(g *guest)) {
		var all sync.WaitGroup
		for _, g := range guests {
			all.Go(func() { g.do(func() { part(g) }) })
		}
		all.Wait()
		for _, g := range guests {
			if g.Failed() {
				t.Fatalf("%s: %s\n%s", g.name, g.fatal, g.logged())
			}
		}
	}
	together(func(g *guest) { g.s = shared.Scope(g) })
	together((*guest).disturb)
	together((*guest).request)
	together(func(g *guest) { g.meet(guests[(g.n+1)%len(guests)]) })
	together((*guest).connect)
	together((*guest).checkJournal)
	for _, g := range guests[:50] { // those that stay do not notice
		g.end()
	}
	together(func(g *guest) { g.outlive(g.n < 50) })
	for _, g := range guests[50:] {
		g.end()
	}
	server := shared.Scope(t)
	if got := server.Now(); time.Until(got) > time.Hour {
		t.Errorf("a new scope has the time %v", got)
	}
	if got := server.Journal().Total() + uint64(len(server.Faults().List())); got != 0 {
		t.Errorf("a new scope has a journal or faults: %d", got)
	}
}

// disturb changes whatever a scope has.
func (g *guest) disturb() {
	g.s.Clock().Advance(g.late())
	if g.rolls() {
		g.kid = g.s.RollKeys(g, idp.Roll{}).KID
	}
	if g.faulty() {
		g.s.Fault(g, fault.Fault{ID: "mine", Endpoint: fault.JWKS, Status: 503, When: fmt.Sprintf("count == %d", g.n+1000)})
		g.s.Fault(g, fault.Fault{ID: "discovery", Endpoint: fault.Discovery, Status: 500})
	}
	if g.idle() {
		g.s.SetRoleBindings(g, "pool-dev")
	}
}

// request asks for what everybody asks for.
func (g *guest) request() {
	g.token = g.s.Token(g)
	if d := login(g, g.s, g.token); !d.Allowed {
		g.Errorf("its own token is refused: %+v", d.Failed())
	}
	response, err := g.s.Client().Get(g.s.Issuer() + "/.well-known/openid-configuration")
	if err != nil {
		g.Fatal(err)
	}
	_ = response.Body.Close()
	if failed := response.StatusCode == 500; failed != g.faulty() || (response.Header.Get(fault.Header) != "") != g.faulty() {
		g.Errorf("discovery answers %s, its fault is there: %v", response.Status, g.faulty())
	}
	if ahead := g.s.Clock().Offset(); ahead != g.late() {
		g.Errorf("the clock is %v ahead, want %v", ahead, g.late())
	}
	if keys := g.keys(); g.kid != "" && !strings.Contains(keys, g.kid) {
		g.Errorf("the keys lack that which it rolled to: %s", keys)
	}
}

// keys are the scope's as everybody can fetch them.
func (g *guest) keys() string {
	response, err := g.s.Client().Get(g.s.JWKSURL())
	if err != nil {
		g.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		g.Fatalf("keys: %s: %v", response.Status, err)
	}
	return string(text)
}

// meet shows a token to another scope.
func (g *guest) meet(other *guest) {
	d := login(g, other.s, g.token)
	if got := d.Failed().Name; got != "provider" || d.Allowed {
		g.Errorf("its token is refused in another scope at %q, want provider", got)
	}
	if len(d.Causes) == 0 || d.Causes[0].ID != "issuer-mismatch" && d.Causes[0].ID != "wrong-tenant" {
		g.Errorf("the cause is %+v", d.Causes)
	}
	if other.s.TenantID() == g.s.TenantID() || other.s.PoolID("pool-dev") == g.s.PoolID("pool-dev") {
		g.Error("another scope has the same names")
	}
}

// connect has a Kafka client in every tenth scope.
func (g *guest) connect() {
	if g.n%10 != 0 && g.n%10 != 1 {
		return
	}
	err := send(g, client(g, g.s))
	if g.idle() != errors.Is(err, kerr.TopicAuthorizationFailed) || !g.idle() && err != nil {
		g.Errorf("a record gives %v, without role bindings: %v", err, g.idle())
	}
}

// checkJournal looks for strangers in the journal. The decision about the token
// of another is one of its own.
func (g *guest) checkJournal() {
	entries := g.s.Journal().List(journal.Filter{}, 0)
	mine := func(e journal.Entry) bool {
		return e.Tenant == g.s.TenantID() || e.Endpoint == journal.EndpointDecision || strings.Contains(e.Path, g.s.TenantID())
	}
	for _, e := range entries {
		if !mine(e) {
			g.Errorf("a stranger's entry: %v", e)
		}
	}
	if !slices.ContainsFunc(entries, func(e journal.Entry) bool { return e.Endpoint == journal.EndpointToken }) {
		g.Error("its own token request is not there")
	}
	if got := g.s.Journal().Count(journal.Filter{Fault: "discovery"}); (got == 1) != g.faulty() {
		g.Errorf("%d entries with the fault", got)
	}
}

// outlive asks again after other scopes have gone, and its own perhaps too.
func (g *guest) outlive(gone bool) {
	response, err := g.s.Client().Get(g.s.JWKSURL())
	if err != nil {
		g.Fatal(err)
	}
	_ = response.Body.Close()
	if here := response.StatusCode == http.StatusOK; here == gone {
		g.Errorf("its keys answer %s, gone: %v", response.Status, gone)
	}
}
