package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/validator"
)

// clock is the time of a scenario, which only the scenario moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

// began is when every scenario begins.
func began() time.Time { return time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC) }

// PublicURL is the URL of the identity provider in every scenario, wherever its
// listener is: that of serve by default.
const PublicURL = "http://localhost:8080"

const publicSecureURL = "https://localhost:8443"

// stage is a running stack with a client before it.
type stage struct {
	request Request
	client  Client
	config  idpool.Config
	clock   *clock
	stack   *idpool.Stack
	keys    *idp.Keyring // that sign now
}

// open starts the stack of a half on free ports of loopback.
func open(ctx context.Context, h half) (*stage, error) {
	st := &stage{request: h.request, client: h.request.client(), config: h.config, clock: &clock{at: began()}, keys: idp.TestKeys()}
	c := &st.config
	c.Now, c.State, c.Keys, c.Keyring = st.clock.now, idpool.Off, "", st.keys
	c.Listeners.HTTP = idpool.Listener{Address: "127.0.0.1:0", PublicURL: PublicURL}
	c.Listeners.HTTPS = idpool.SecureListener{Address: idpool.Off}
	if st.client.HTTPS {
		c.Listeners.HTTPS = idpool.SecureListener{Address: "127.0.0.1:0", PublicURL: publicSecureURL}
	}
	c.Listeners.Admin.Address, c.Listeners.Kafka.Address = idpool.Off, idpool.Off
	c.Transport = network{config: *c}
	var err error
	st.stack, err = idpool.Start(ctx, *c)
	return st, err
}

func (st *stage) close() error { return st.stack.Close() }

// base is the public URL that the client asks at.
func (st *stage) base() string {
	if st.client.HTTPS {
		return publicSecureURL
	}
	return PublicURL
}

// tokenURL is the token endpoint of a tenant.
func (st *stage) tokenURL(tenant, endpoint string) string {
	if endpoint == "v1.0" {
		return st.base() + "/" + tenant + "/oauth2/token"
	}
	return st.base() + "/" + tenant + "/oauth2/v2.0/token"
}

// refusal is an error answer of the token endpoint.
type refusal struct {
	status int
	text   string // the body
	body   idp.ErrorBody
}

// Error is Azure's text.
func (r *refusal) Error() string { return r.body.ErrorDescription }

// number is Azure's, or 0.
func (r *refusal) number() int {
	if len(r.body.ErrorCodes) == 0 {
		return 0
	}
	return r.body.ErrorCodes[0]
}

// idpError is the answer as package idp has it.
func (r *refusal) idpError() *idp.Error {
	message := strings.TrimPrefix(r.body.ErrorDescription, fmt.Sprintf("AADSTS%d: ", r.number()))
	message, _, _ = strings.Cut(message, " Trace ID: ")
	return &idp.Error{Code: r.body.Error, Number: r.number(), Message: message, Status: r.status,
		Suberror: r.body.Suberror, Claims: r.body.Claims}
}

// token gets the token that the client logs in with. Its error is a *refusal
// when the token endpoint gives none.
func (st *stage) token(ctx context.Context) (string, error) {
	r := st.request
	if r.Token != "" {
		return r.Token, nil
	}
	assertion, err := st.assertion(ctx)
	if err != nil {
		return "", err
	}
	if r.From == elsewhere {
		return st.tokenElsewhere(ctx, assertion)
	}
	token, err := st.ask(ctx, st.tokenURL(r.Tenant, r.Endpoint), r.form(assertion), r.Basic)
	if err != nil {
		return "", err
	}
	return r.Forge.forge(token, st.signer())
}

// signer is the key that signs now.
func (st *stage) signer() *idp.Key { return st.keys.Signer() }

// tokenElsewhere gets a token of the other server, which answers in process and
// under the stack's own public URL, so that only the keys differ.
func (st *stage) tokenElsewhere(ctx context.Context, assertion string) (string, error) {
	server, err := newElsewhere(st.config)
	if err != nil {
		return "", err
	}
	r := st.request
	token, err := server.Token(ctx, st.base(), idp.TokenRequest{Tenant: r.Tenant, ClientID: r.ClientID, ClientSecret: r.ClientSecret,
		ClientAssertion: assertion, Scope: r.Scope, Resource: r.Resource})
	if err != nil {
		return "", fmt.Errorf("scenario: from elsewhere: %v", err)
	}
	return r.Forge.forge(token.AccessToken, server.Keys().Signer())
}

// assertion gets what stands for a secret, or "".
func (st *stage) assertion(ctx context.Context) (string, error) {
	a := st.request.Assertion
	if a == nil {
		return "", nil
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {a.ClientID}, "client_secret": {a.ClientSecret}, "scope": {a.Scope}}
	token, err := st.ask(ctx, st.tokenURL(a.Tenant, ""), form, false)
	if err != nil {
		return "", fmt.Errorf("scenario: the assertion: %v", err)
	}
	return a.Forge.forge(token, st.signer())
}

// form is what the client posts.
func (r Request) form(assertion string) url.Values {
	form := url.Values{"grant_type": {"client_credentials"}}
	set := func(key, value string) {
		if value != "" {
			form.Set(key, value)
		}
	}
	set("client_id", r.ClientID)
	set("scope", r.Scope)
	set("resource", r.Resource)
	if assertion == "" {
		set("client_secret", r.ClientSecret)
	} else {
		set("client_assertion", assertion)
		set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	}
	for key, value := range r.Form {
		form.Del(key)
		if text, isText := value.(string); isText {
			form.Set(key, text)
		}
	}
	return form
}

// ask posts a token request. Its error is a *refusal when the answer is one.
func (st *stage) ask(ctx context.Context, endpoint string, form url.Values, basic bool) (string, error) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if basic {
		form.Del("client_id")
		form.Del("client_secret")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("scenario: %v", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	if basic {
		request.SetBasicAuth(id, secret)
	}
	response, err := st.client.web(st.stack.Client()).Do(request)
	if err != nil {
		return "", err // matched by Client.unreached
	}
	defer response.Body.Close()
	return answer(response)
}

// answer reads a token endpoint's answer.
func answer(response *http.Response) (string, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return "", fmt.Errorf("scenario: token endpoint: %v", err)
	}
	if response.StatusCode != http.StatusOK {
		r := &refusal{status: response.StatusCode, text: string(body)}
		if err := json.Unmarshal(body, &r.body); err != nil {
			return "", fmt.Errorf("scenario: token endpoint: status %d and no JSON", response.StatusCode)
		}
		return "", r
	}
	var token struct { // of either endpoint: in v1.0 answers the numbers are text
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &token); err != nil || token.AccessToken == "" {
		return "", errors.New("scenario: token endpoint: no JSON with a token")
	}
	return token.AccessToken, nil
}

// explainToken is what idpool says of a refusal.
func (st *stage) explainToken(r *refusal) []validator.Cause {
	q := st.request
	secret := q.ClientSecret
	if uuid.Validate(secret) != nil {
		secret = "" // only its shape is looked at
	}
	return st.stack.ExplainToken(idp.TokenRequest{Tenant: q.Tenant, ClientID: q.ClientID, ClientSecret: secret,
		Scope: q.Scope, Resource: q.Resource}, r.idpError())
}
