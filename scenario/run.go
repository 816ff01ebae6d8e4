package scenario

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/broker"
	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// Who said what the customer saw.
const (
	ByClient        = "client"         // the model of the client, before or instead of a server
	ByTokenEndpoint = "token endpoint" // over HTTP
	ByBroker        = "broker"         // of a Decision
	ByConfig        = "config"         // when the pool was to be saved
)

// Outcome is what happened in one half of a scenario.
type Outcome struct {
	// Allowed says that the client logged in, and did what it wanted to do.
	Allowed bool `json:"allowed"`
	// By and Said are who refused and the text that the customer saw; empty when
	// nobody did.
	By   string `json:"by,omitempty"`
	Said string `json:"said,omitempty"`
	// AADSTS is the number of the token endpoint's error, 0 for none.
	AADSTS int `json:"aadsts,omitempty"`
	// Decision is about the login, all checks made; nil when there was none.
	Decision *validator.Decision `json:"decision,omitempty"`
	// Causes are what idpool explains, most likely first.
	Causes []validator.Cause `json:"causes"`
	// Lint are the warnings about the config. Neither list is nil.
	Lint []explain.Warning `json:"lint"`
}

// Check is the first failed check, or "".
func (o Outcome) Check() string {
	if o.Decision == nil {
		return ""
	}
	return o.Decision.Failed().Name
}

// explained are the ids of all that idpool has to say.
func (o Outcome) explained() []string {
	var ids []string
	for _, c := range o.Causes {
		ids = append(ids, c.ID)
	}
	for _, w := range o.Lint {
		ids = append(ids, w.ID)
	}
	return ids
}

// Run breaks, explains and heals. Its error says why the scenario could not be
// played at all; what came out otherwise than written is in the Result.
func (s *Scenario) Run(ctx context.Context) (Result, error) {
	r := Result{ID: s.ID, Title: s.Title}
	var err error
	if r.Seen, err = s.broken.play(ctx); err != nil {
		return Result{}, fmt.Errorf("scenario: %s, broken: %w", s.ID, err)
	}
	if r.SeenHealed, err = s.healed.play(ctx); err != nil {
		return Result{}, fmt.Errorf("scenario: %s, healed: %w", s.ID, err)
	}
	r.Broken = s.Expect.compare(r.Seen)
	r.Explained = s.compareCauses(r.Seen)
	r.Healed = s.Expect.compareHealed(r.SeenHealed)
	return r, nil
}

// RunAll plays scenarios side by side, as many at a time as there are
// processors. The results are in the order of the scenarios; its error is that
// of the first that could not be played.
func RunAll(ctx context.Context, all []*Scenario) ([]Result, error) {
	results, errs := make([]Result, len(all)), make([]error, len(all))
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	var done sync.WaitGroup
	for i, s := range all {
		places <- struct{}{}
		done.Go(func() {
			results[i], errs[i] = s.Run(ctx)
			<-places
		})
	}
	done.Wait()
	for _, err := range errs {
		if err != nil {
			return results, err
		}
	}
	return results, nil
}

// BrokenConfig is the config of the broken half, for a stack that serves it. Its
// error is an idpool.ConfigErrors when the config itself is refused.
func (s *Scenario) BrokenConfig() (idpool.Config, error) { return s.broken.serving() }

// HealedConfig is the config of the healed half.
func (s *Scenario) HealedConfig() (idpool.Config, error) { return s.healed.serving() }

// BrokenRequest and HealedRequest are what the client does.
func (s *Scenario) BrokenRequest() Request { return s.broken.request }

// HealedRequest is what the client does once all is well.
func (s *Scenario) HealedRequest() Request { return s.healed.request }

// BrokenYAML is the whole config of the broken half as a file.
func (s *Scenario) BrokenYAML() []byte { return slices.Clone(s.broken.yaml) }

func (h half) serving() (idpool.Config, error) {
	if h.refused != nil {
		return idpool.Config{}, h.refused
	}
	c := h.config
	c.Transport = network{config: c, open: true}
	return c, nil
}

// play does what the customer did, in a world of its own.
func (h half) play(ctx context.Context) (Outcome, error) {
	if h.refused != nil {
		return h.refuse(), nil
	}
	st, err := open(ctx, h)
	if err != nil {
		return Outcome{}, err
	}
	o, err := st.play(ctx)
	o.Lint = append([]explain.Warning{}, st.config.Lint(ctx)...)
	o.Causes = append([]validator.Cause{}, o.Causes...)
	return o, errors.Join(err, st.close())
}

// refuse is the outcome of a config that is refused.
func (h half) refuse() Outcome {
	o := Outcome{By: ByConfig, Said: h.refused.Error(), Causes: []validator.Cause{}, Lint: []explain.Warning{}}
	// A config with a mistake is no config, and its pools are only in the text.
	var c struct {
		IdentityProviders []struct {
			IdentityPools []struct {
				ID       string
				Filter   string
				Language pool.Language
			} `yaml:"identityPools"`
		} `yaml:"identityProviders"`
	}
	if yaml.Unmarshal(h.yaml, &c) != nil {
		return o
	}
	for _, provider := range c.IdentityProviders {
		for _, p := range provider.IdentityPools {
			o.Causes = append(o.Causes, explain.FilterCauses(pool.Config{ID: p.ID, Filter: p.Filter, Language: p.Language})...)
		}
	}
	return o
}

// play asks for a token and logs in with it.
func (st *stage) play(ctx context.Context) (Outcome, error) {
	r := st.request
	endpoint := st.tokenURL(r.Tenant, r.Endpoint)
	if text := st.client.begin(endpoint, r.extensions()); text != "" {
		return st.byClient(text), nil
	}
	if r.RotateKeys == rotateBefore {
		if err := st.firstLogin(ctx); err != nil {
			return Outcome{}, err
		}
	}
	token, err := st.token(ctx)
	if err != nil {
		return st.tokenless(endpoint, err)
	}
	if r.RotateKeys == rotateAfter {
		if err := st.rotate(); err != nil {
			return Outcome{}, err
		}
	}
	if text := st.client.received(token, st.clock.now()); text != "" {
		return st.byClient(text), nil
	}
	st.clock.move(time.Duration(r.Wait) - time.Duration(r.Back))
	if r.RefreshKeys {
		for _, p := range st.config.IdentityProviders {
			_ = st.stack.RefreshKeys(ctx, p.ID) // one that fails leaves the old keys, as in Confluent Cloud
		}
	}
	return st.login(ctx, token), nil
}

// firstLogin makes the broker fetch the keys, and then they are rotated.
func (st *stage) firstLogin(ctx context.Context) error {
	token, err := st.token(ctx)
	if err != nil {
		return err
	}
	st.stack.Decide(ctx, st.loginRequest(token))
	return st.rotate()
}

func (st *stage) rotate() error {
	keys, err := otherKeys()
	if err != nil {
		return err
	}
	st.keys = keys
	st.stack.Rotate(keys)
	return nil
}

// tokenless is the outcome of a token request that gave none.
func (st *stage) tokenless(endpoint string, err error) (Outcome, error) {
	var refused *refusal
	if errors.As(err, &refused) {
		return Outcome{By: ByTokenEndpoint, Said: st.client.refused(endpoint, refused), AADSTS: refused.number(), Causes: st.explainToken(refused)}, nil
	}
	if text, ok := st.client.unreached(endpoint, err); ok {
		return st.byClient(text), nil
	}
	return Outcome{}, err
}

// byClient is the outcome of a client that goes no further.
func (st *stage) byClient(text string) Outcome {
	return Outcome{By: ByClient, Said: text, Causes: st.stack.ExplainClient(st.loginRequest(""), text)}
}

func (st *stage) loginRequest(token string) validator.Request {
	r := st.request
	return validator.Request{
		Token: token, Cluster: r.extension("logicalCluster"), Pools: r.extension("identityPoolId"), All: true,
		Operation: pool.Operation(r.Operation), Extensions: r.extensions(),
	}
}

// login is the outcome of a login, and of what is done after it.
func (st *stage) login(ctx context.Context, token string) Outcome {
	request := st.loginRequest(token)
	d := st.stack.Decide(ctx, request)
	o := Outcome{Decision: &d, Causes: d.Causes}
	refused := broker.Refuse(request, d)
	if refused == nil {
		o.Allowed = true
		return o
	}
	o.By, o.Said = ByBroker, st.client.loggedIn(refused.Message)
	if d.Allowed { // the first message as a whole was bad, and nobody has read the token
		o.Causes = st.stack.ExplainClient(request, o.Said)
	}
	if o.Said != refused.Message { // the client has words of its own
		o.Causes = with(st.stack.ExplainClient(request, o.Said), o.Causes)
	}
	return o
}

// with adds causes that are not there yet.
func with(causes, more []validator.Cause) []validator.Cause {
	for _, c := range more {
		if !slices.ContainsFunc(causes, func(k validator.Cause) bool { return k.ID == c.ID }) {
			causes = append(causes, c)
		}
	}
	return causes
}

// quoted are words as a list for a sentence.
func quoted(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}
