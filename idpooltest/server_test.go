package idpooltest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idpooltest"
	"github.com/idpool/idpool/internal/imports"
	"github.com/idpool/idpool/journal"
)

// TestImports: the package stands on the root, and nothing of idpool on it.
// It may import "testing", which the check is told by another name for its Errorf.
func TestImports(t *testing.T) {
	imports.Check(exceptTesting{t}, ".", "", "fault", "forge", "idp", "internal/clientsettings", "internal/nearest", "journal", "pool", "validator")
}

// exceptTesting lets the one complaint pass that does not concern this package.
type exceptTesting struct{ *testing.T }

func (t exceptTesting) Errorf(format string, args ...any) {
	t.Helper()
	if len(args) > 1 && args[1] == "testing" {
		return
	}
	t.T.Errorf(format, args...)
}

// TestEveryListenerAnswers asks each for what it is there for.
func TestEveryListenerAnswers(t *testing.T) {
	srv := idpooltest.Start(t)
	for _, url := range []string{srv.HTTP() + "/" + srv.TenantID() + "/v2.0/.well-known/openid-configuration",
		srv.HTTPS() + "/" + srv.TenantID() + "/v2.0/.well-known/openid-configuration", srv.JWKSURL(), srv.Admin() + "/healthz"} {
		response, err := srv.Client().Get(url)
		if err != nil {
			t.Error(err)
			continue
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || err != nil {
			t.Errorf("%s: %s: %s, %v", url, response.Status, body, err)
		}
	}
	if !strings.Contains(string(srv.CA()), "BEGIN CERTIFICATE") {
		t.Errorf("the CA is %q", srv.CA())
	}
}

// TestAnotherLibraryTrustsTheServer: go-oidc finds the keys by the issuer, and
// verifies a token for the audience.
func TestAnotherLibraryTrustsTheServer(t *testing.T) {
	srv := idpooltest.Start(t)
	scope := srv.Scope(t)
	for name, s := range map[string]*idpooltest.Server{"server": srv, "scope": scope} {
		t.Run(name, func(t *testing.T) {
			ctx := oidc.ClientContext(t.Context(), s.Client())
			provider, err := oidc.NewProvider(ctx, s.Issuer())
			if err != nil {
				t.Fatal(err)
			}
			if got := provider.Endpoint().TokenURL; got != s.TokenURL() {
				t.Errorf("the token endpoint is %s, and TokenURL %s", got, s.TokenURL())
			}
			verifier := provider.Verifier(&oidc.Config{ClientID: s.Audience()})
			if _, err := verifier.Verify(ctx, s.Token(t)); err != nil {
				t.Error(err)
			}
		})
	}
	ctx := oidc.ClientContext(t.Context(), srv.Client())
	provider, err := oidc.NewProvider(ctx, srv.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: srv.Audience()}).Verify(ctx, scope.Token(t)); err == nil {
		t.Error("the server's own verifier takes a token of the scope")
	}
}

// TestChangesOfTheConfig come in their order, before anything listens.
func TestChangesOfTheConfig(t *testing.T) {
	srv := idpooltest.Start(t,
		func(c *idpool.Config) { c.Tenants[0].Applications[1].PasswordCredentials[0].SecretText = "first" },
		func(c *idpool.Config) {
			c.Tenants[0].Applications[1].PasswordCredentials[0].SecretText += "-second"
			c.Listeners.HTTPS.Address = idpool.Off
		})
	if got := srv.ClientSecret(); got != "first-second" {
		t.Errorf("the secret is %q", got)
	}
	if srv.HTTPS() != "" {
		t.Errorf("https is at %q", srv.HTTPS())
	}
	if srv.Token(t) == "" {
		t.Error("no token")
	}
}

func TestServerThatCannotStart(t *testing.T) {
	mistake := func(c *idpool.Config) { c.Tenants[0].ID = "acme" }
	var shared idpooltest.Shared
	shared.Change = mistake
	srv := idpooltest.Start(t)
	for name, test := range map[string]func(testing.TB){
		"Start":  func(t testing.TB) { idpooltest.Start(t, mistake) },
		"Scope":  func(t testing.TB) { srv.Scope(t, func(c *idpool.Config) { c.Tenants[0].Applications[0].AppID = "x" }) },
		"Shared": func(t testing.TB) { shared.Scope(t) },
	} {
		got := fake(name, test)
		if !strings.HasPrefix(got.fatal, "idpooltest: ") || !strings.Contains(got.fatal, "tenants[0].") {
			t.Errorf("%s: %q, want what is wrong with the Config", name, got.fatal)
		}
	}
}

// TestJournalOfAFailedTest is in its log, and that of a good one is not.
func TestJournalOfAFailedTest(t *testing.T) {
	var shared idpooltest.Shared
	defer shared.Close()
	for name, start := range map[string]func(testing.TB) *idpooltest.Server{
		"server": func(t testing.TB) *idpooltest.Server { return idpooltest.Start(t) },
		"scope":  func(t testing.TB) *idpooltest.Server { return shared.Scope(t) },
	} {
		t.Run(name, func(t *testing.T) {
			good := fake("good", func(t testing.TB) { start(t).Token(t) })
			if good.failed || good.logged() != "" {
				t.Errorf("a good test logs %q, %q", good.fatal, good.logged())
			}
			bad := fake("bad", func(t testing.TB) { start(t).Token(t); t.Error("wrong") })
			if log := bad.logged(); strings.Count(log, "#") != 1 || !strings.Contains(log, "token  200") || !strings.Contains(log, "the journal of") {
				t.Errorf("a failed one logs\n%s", log)
			}
			idle := fake("idle", func(t testing.TB) { start(t); t.Fail() })
			if log := idle.logged(); !strings.Contains(log, "is empty") {
				t.Errorf("one in which nothing happened logs\n%s", log)
			}
			busy := fake("busy", func(t testing.TB) {
				srv := start(t)
				for i := range 70 {
					srv.Journal().Add(journal.Entry{Endpoint: journal.EndpointToken, Status: 200 + i, Outcome: journal.OutcomeOK})
				}
				t.Fail()
			})
			if log := busy.logged(); strings.Count(log, "\n") != 50 || !strings.Contains(log, "the newest 50 of 70") || !strings.Contains(log, "#70") || strings.Contains(log, "#20 ") {
				t.Errorf("a busy one logs\n%s", log)
			}
		})
	}
}

// TestCleanupsStillHaveAServer: they run after the context of the test has ended.
func TestCleanupsStillHaveAServer(t *testing.T) {
	var status int
	got := fake("test", func(t testing.TB) {
		srv := idpooltest.Start(t)
		t.Cleanup(func() {
			response, err := srv.Client().Get(srv.JWKSURL())
			if err != nil {
				t.Error(err)
				return
			}
			status = response.StatusCode
			_ = response.Body.Close()
		})
	})
	if got.failed || status != http.StatusOK {
		t.Errorf("status %d: %s", status, got.logged())
	}
}

// TestCloseBeforeTheEnd leaves nothing to do at the end.
func TestCloseBeforeTheEnd(t *testing.T) {
	got := fake("test", func(t testing.TB) {
		srv := idpooltest.Start(t)
		scope := srv.Scope(t)
		url := scope.JWKSURL()
		if err := errors.Join(scope.Close(), scope.Close()); err != nil {
			t.Error(err)
		}
		if response, err := srv.Client().Get(url); err != nil || response.StatusCode == http.StatusOK {
			t.Error("the closed scope still answers", err)
		}
		srv.Scope(t) // whose end comes after that of the server
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if _, err := srv.Client().Get(srv.JWKSURL()); err == nil {
			t.Error("the closed server still answers")
		}
	})
	if got.failed {
		t.Errorf("%s\n%s", got.fatal, got.logged())
	}
}

func TestSharedThatIsClosed(t *testing.T) {
	var unused idpooltest.Shared
	if err := unused.Close(); err != nil {
		t.Error(err)
	}
	if got := fake("late", func(t testing.TB) { unused.Scope(t) }); !strings.Contains(got.fatal, "is closed") {
		t.Errorf("%q", got.fatal)
	}
}

// TestNothingIsLeftBehind: when the test is over, none of idpool's goroutines
// runs any more. It must not run in parallel with other tests.
func TestNothingIsLeftBehind(t *testing.T) {
	got := fake("test", func(t testing.TB) {
		srv := idpooltest.Start(t)
		for _, s := range []*idpooltest.Server{srv, srv.Scope(t)} {
			s.Token(t)
			pingOnce(t, s)
			for range s.BrokenTokens(t) {
				break
			}
		}
	})
	if got.failed {
		t.Fatalf("%s\n%s", got.fatal, got.logged())
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for left := ours(); len(left) > 0; left = ours() {
		if ctx.Err() != nil {
			t.Fatalf("%d are left:\n%s", len(left), strings.Join(left, "\n\n"))
		}
		runtime.Gosched() // those that have been told to end still do
	}
}

// ours are the stacks of idpool's goroutines but for tests.
func ours() []string {
	all := make([]byte, 1<<20)
	all = all[:runtime.Stack(all, true)]
	var out []string
	for one := range strings.SplitSeq(string(all), "\n\n") {
		if strings.Contains(one, "idpool/idpool") && !strings.Contains(one, "testing.tRunner(") {
			out = append(out, one)
		}
	}
	return out
}
