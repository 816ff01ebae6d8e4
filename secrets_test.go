package idpool

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/mask"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/validator"
)

const (
	adminToken       = "the-token-of-the-admin-API"
	upstreamPassword = "the password of a real cluster"
	oddSecret        = `of a scope: "q<\>`
)

// leaky is a stack with secrets of all kinds, a scope that has one of its own,
// and the log of both.
func leaky(t *testing.T) (*Stack, *Scope, *logBuffer) {
	t.Helper()
	log := &logBuffer{line: make(chan struct{}, 10_000)}
	c := Acme()
	c.Logger = slog.New(slog.NewJSONHandler(log, nil))
	c.Listeners.Admin.Token = adminToken
	c.Listeners.Kafka.SecurityProtocol = "SASL_PLAINTEXT"
	c.Kafka.Errors = "verbose"
	c.Kafka.Upstream = KafkaUpstream{Bootstrap: []string{"127.0.0.1:1"}, User: KafkaUser{Username: "idpool", Password: upstreamPassword}}
	s := start(t, c)
	own := Acme()
	own.Tenants[0].Applications[0].PasswordCredentials = []idp.PasswordCredential{{SecretText: oddSecret}}
	own = own.like(s.Config())
	own.Kafka, own.Listeners = s.Config().Kafka, s.Config().Listeners
	scope, err := s.NewScope(ScopeConfig{Config: &own})
	if err != nil {
		t.Fatal(err)
	}
	return s, scope, log
}

// Secrets and tokens stood in log and journal: in the log a secret that a Kafka
// client gave as its cluster or pool, or that a decision was asked for; in both
// one in brackets, and one of another scope; in the journal the beginning of a
// token that stood in place of the scope or the tenant.
func TestNoSecretIsInLogOrJournal(t *testing.T) {
	s, scope, log := leaky(t)
	token := fetchToken(t, s)
	for _, one := range []string{secret, adminToken, upstreamPassword, oddSecret, token} {
		for _, text := range []string{one, "<" + one + ">", "(" + one + ")", "x" + one + "y", one + strings.Repeat("z", 5000)} {
			for _, at := range []*Scope{s.Scope, scope} {
				tenant := at.TenantID()
				ask := func(path string, form url.Values) {
					r, err := s.Client().PostForm(s.HTTP+path, form)
					if err != nil {
						t.Fatal(err)
					}
					r.Body.Close()
				}
				ask("/"+url.PathEscape(text)+"/oauth2/v2.0/token", nil)
				ask("/"+tenant+"/"+url.PathEscape(text), nil)
				form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {"wrong"}, "scope": {text}}
				ask("/"+tenant+"/oauth2/v2.0/token", form)
				form.Set("client_id", text)
				ask("/"+tenant+"/oauth2/v2.0/token", form)
				form.Set("grant_type", text)
				ask("/"+tenant+"/oauth2/v2.0/token", form)
				at.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: text})
				at.Decide(t.Context(), validator.Request{Token: token, Cluster: text, Pools: "pool-dev"})
				at.Decide(t.Context(), validator.Request{Token: text, Cluster: "lkc-acme", Pools: "pool-dev"})
			}
			for _, extensions := range []string{"logicalCluster=" + text, "logicalCluster=lkc-acme\x01identityPoolId=" + text, "other=" + text} {
				answer := kafkaSay(t, s.Kafka, "n,,\x01auth=Bearer "+token+"\x01"+extensions+"\x01\x01")
				if strings.Contains(answer, one) {
					t.Errorf("a verbose broker told its client, which logs that: %q", answer)
				}
			}
			kafkaSay(t, s.Kafka, "n,a="+text+",\x01auth=Bearer "+token+"\x01logicalCluster=lkc-acme\x01identityPoolId=pool-dev\x01\x01")
			kafkaSay(t, s.Kafka, text)
		}
	}
	if err := s.Close(); err != nil { // an entry is written after the answer
		t.Error(err)
	}
	inJournal := entriesText(t, scope)
	for where, text := range map[string]string{"log": log.String(), "journal": entriesText(t, s.Scope), "scope's journal": inJournal} {
		quoted, _ := json.Marshal(oddSecret)
		for name, bad := range map[string]string{"a client secret": secret, "the admin token": adminToken, "a password": upstreamPassword,
			"a scope's secret": strings.Trim(string(quoted), `"`), "a scope's secret as it is": oddSecret, "a token": token[:40],
			"a token's claims": strings.Split(token, ".")[1][:40], "a token's signature": strings.Split(token, ".")[2]} {
			if i := strings.Index(text, bad); i >= 0 {
				t.Errorf("%s is in the %s: %s", name, where, text[max(0, i-300):min(len(text), i+100)])
			}
		}
		if !strings.Contains(text, mask.Secret) || !strings.Contains(text, mask.Token) {
			t.Errorf("nothing was hidden in the %s", where)
		}
	}
}

// entriesText are the entries of a scope's journal as JSON.
func entriesText(t *testing.T, s *Scope) string {
	t.Helper()
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s.Journal().List(journal.Filter{}, 0)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// A secret that was made while the stack runs is hidden from then on, also in
// other scopes, and is known for no longer than who has it.
func TestSecretsComeAndGo(t *testing.T) {
	s := start(t, Acme())
	const made = "made-while-it-runs"
	scope, err := s.NewScope(ScopeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := scope.Change(t.Context(), func(c *Config) error {
		c.Tenants[0].Applications[0].PasswordCredentials = []idp.PasswordCredential{{SecretText: made}}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		runtime.GC()
		if got := s.noted("it is " + made); got != "it is (a secret)" {
			t.Fatalf("hidden is %q", got)
		}
		// Bindings make another world of the same secrets.
		if err := scope.SetRoleBindings(t.Context(), scope.PoolID("pool-dev"), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// A path of 5,000 bytes was noted as one of 216: it was cut twice.
func TestTheJournalSaysHowLongAPathWas(t *testing.T) {
	s := start(t, Acme())
	r, err := s.Client().Get(s.HTTP + "/" + strings.Repeat("p", 4999))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	all, err := s.Journal().Take(t.Context(), journal.Filter{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	e := all[0]
	if want := "/" + strings.Repeat("p", 199) + "… (5000 bytes)"; r.StatusCode != http.StatusNotFound || e.Path != want {
		t.Errorf("%s, path %q", r.Status, e.Path)
	}
}

// kafkaSay logs in by a message, and returns what that has as its answer.
func kafkaSay(t *testing.T, address, message string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, "OAUTHBEARER"
	authenticate := kmsg.NewPtrSASLAuthenticateRequest()
	authenticate.Version, authenticate.SASLAuthBytes = 1, []byte(message)
	answer, n := make([]byte, 8192), 0
	for _, request := range []kmsg.Request{handshake, authenticate} {
		if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, request, 1)); err != nil {
			t.Fatal(err)
		}
		if n, err = conn.Read(answer); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	return string(answer[:n])
}
