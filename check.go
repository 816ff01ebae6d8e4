package idpool

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/nearest"
	"github.com/idpool/idpool/internal/strictyaml"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// ConfigError is a mistake in a Config, with its place in the file.
type ConfigError = strictyaml.Error

// ConfigErrors are all the mistakes of a Config, in the file's order.
type ConfigErrors []*ConfigError

// maxMistakes is how many mistakes are listed; a file that has more is broken in
// one place that matters.
const maxMistakes = 200

// Error has a line for each mistake, and more for a filter.
func (e ConfigErrors) Error() string {
	var lines []string
	for _, one := range e[:min(len(e), maxMistakes)] {
		lines = append(lines, one.Error())
	}
	if len(e) > maxMistakes {
		lines = append(lines, fmt.Sprintf("and %d more", len(e)-maxMistakes))
	}
	return strings.Join(lines, "\n")
}

// Parse reads a Config from text; name is what errors call the file. Its error
// is a ConfigErrors with every mistake that the text has.
func Parse(name string, data []byte) (Config, error) {
	c := Config{source: name}
	document, mistakes := strictyaml.Decode(name, data, &c)
	if document == nil {
		return Config{}, ConfigErrors(mistakes)
	}
	_, err := c.parts()
	unread := slices.Clone(mistakes)
	for _, m := range c.locate(document, err) {
		if !follows(m, unread) {
			mistakes = append(mistakes, m)
		}
	}
	if len(mistakes) == 0 {
		return c, nil
	}
	slices.SortStableFunc(mistakes, func(a, b *ConfigError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return Config{}, ConfigErrors(mistakes)
}

// follows says whether a mistake is there only because a value at its place
// could not be read, which has been said already.
func follows(m *ConfigError, unread []*ConfigError) bool {
	return slices.ContainsFunc(unread, func(u *ConfigError) bool {
		rest, inside := strings.CutPrefix(u.Field, m.Field)
		return inside && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// Check finds every mistake that can be found without listening. Its error is
// a ConfigErrors without lines, for a Config made in Go.
func (c Config) Check() error {
	_, err := c.parts()
	if mistakes := c.locate(nil, err); len(mistakes) > 0 {
		return ConfigErrors(mistakes)
	}
	return nil
}

// Warnings are what is allowed and would surprise later, a sentence each.
func (c Config) Warnings() []string {
	p, err := c.parts()
	if err != nil {
		return nil
	}
	var warnings []string
	for _, provider := range p.pools {
		for _, compiled := range provider {
			for _, w := range compiled.Warnings() {
				warnings = append(warnings, fmt.Sprintf("pool %q: %s", compiled.Config().ID, w))
			}
		}
	}
	warnings = append(warnings, c.expiredSecrets()...)
	if len(p.pools) > 0 && len(c.Clusters) == 0 {
		warnings = append(warnings, "the config lists no clusters, so that no client can log in: add clusters: [{id: lkc-…}]")
	}
	return warnings
}

// expiredSecrets names the secrets that are over, by their place.
func (c Config) expiredSecrets() []string {
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	var warnings []string
	for _, t := range c.Tenants {
		for _, a := range t.Applications {
			warnings = append(warnings, expiredSecretsOf(a, now())...)
		}
	}
	return warnings
}

func expiredSecretsOf(a idp.Application, now time.Time) []string {
	var warnings []string
	for i, p := range a.PasswordCredentials {
		if !p.EndDateTime.IsZero() && p.EndDateTime.Before(now) {
			warnings = append(warnings, fmt.Sprintf("application %q: the secret passwordCredentials[%d] ended %s", a.AppID, i, p.EndDateTime.UTC().Format(time.RFC3339)))
		}
	}
	return warnings
}

// locate turns joined errors into ConfigErrors with places.
func (c Config) locate(document *strictyaml.Document, err error) []*ConfigError {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*ConfigError
		for _, one := range joined.Unwrap() {
			out = append(out, c.locate(document, one)...)
		}
		return out
	}
	field, message := "", err.Error()
	var ofIDP *idp.ConfigError
	var ours *fieldError
	switch {
	case errors.As(err, &ours):
		field, message = ours.field, ours.message()
	case errors.As(err, &ofIDP):
		field, message = ofIDP.Field, ofIDP.Message
	}
	located := document.At(field, message)
	if located.File == "" {
		located.File = cmp.Or(c.source, "config")
	}
	var filter *pool.FilterError
	if errors.As(err, &filter) {
		pointInto(document, located, filter)
	}
	return []*ConfigError{located}
}

// pointInto moves the place of a filter's mistake to the column in the file,
// where the filter stands on one line there.
func pointInto(document *strictyaml.Document, at *ConfigError, filter *pool.FilterError) {
	line, column, ok := document.Scalar(at.Field)
	if ok && filter.Line == 1 && !strings.ContainsAny(filter.Filter, "\n\\\"") {
		at.Line, at.Column = line, column+filter.Column-1
	}
}

// fieldError is a mistake at a field of the Config.
type fieldError struct {
	field string
	err   error
}

// Error names the field.
func (e *fieldError) Error() string { return "idpool: " + e.field + ": " + e.message() }

// Unwrap gives a filter's mistake to those who can point into it.
func (e *fieldError) Unwrap() error { return e.err }

func (e *fieldError) message() string { return strings.TrimPrefix(e.err.Error(), "pool: ") }

// parts are what a Config compiles to before anything listens.
type parts struct {
	idp   *idp.Server
	pools [][]*pool.Pool // by provider, in the Config's order
}

// checker collects the mistakes of a Config.
type checker struct {
	config Config
	errs   []error
}

func (x *checker) fail(field, format string, args ...any) {
	x.errs = append(x.errs, &fieldError{field, fmt.Errorf(format, args...)})
}

// parts compiles the Config. Its error joins every mistake.
func (c Config) parts() (parts, error) {
	x := &checker{config: c}
	var p parts
	server, err := idp.New(idp.Config{Tenants: slices.Concat([]idp.Tenant{}, c.Tenants), Issuer: c.Issuer, Now: c.Now, Logger: c.Logger, Seed: c.Seed})
	if err != nil {
		x.errs = append(x.errs, err)
	}
	p.idp = server
	x.settings()
	x.clusters()
	x.providers()
	for i, provider := range c.IdentityProviders {
		p.pools = append(p.pools, x.pools(fmt.Sprintf("identityProviders[%d]", i), provider))
	}
	x.poolIDs()
	return p, errors.Join(x.errs...)
}

func (x *checker) settings() {
	switch i := x.config.Issuer; {
	case i == "" || i == "azure":
	case !isAbsolute(i):
		x.fail("issuer", "%q is no issuer, want azure or a URL", i)
	case len(x.config.Tenants) > 1:
		x.fail("issuer", "one issuer for %d tenants would let the tokens of each into all: leave it out, or write azure", len(x.config.Tenants))
	}
	if o := x.config.Organization; o != "" && uuid.Validate(o) != nil {
		x.fail("organization", "%q is no organization id, want a UUID", o)
	}
	if skew := x.config.ClockSkew; skew != nil && *skew < 0 {
		x.fail("clockSkew", "%s is negative, want 0s or more", skew)
	}
	x.keys(x.config.Keys)
	for _, l := range []struct {
		name string
		Listener
	}{{"http", x.config.Listeners.HTTP}, {"admin", x.config.Listeners.Admin}} {
		if l.PublicURL != "" && !isAbsolute(l.PublicURL) {
			x.fail("listeners."+l.name+".publicUrl", "%q is no URL, want one such as http://localhost:8080", l.PublicURL)
		}
		if err := checkAddress(l.Address); err != nil {
			x.errs = append(x.errs, &fieldError{"listeners." + l.name + ".address", err})
		}
	}
}

// keys refuses a word that is likely no folder: a misspelt setting would leave
// a folder of private keys behind.
func (x *checker) keys(setting string) {
	if setting == "" || setting == "generate" || strings.ContainsAny(setting, `/\.`) {
		return
	}
	hint := "a folder is written with a slash, such as ./" + setting
	if near := nearest.To(setting, []string{"generate"}); near != "" {
		hint = fmt.Sprintf("did you mean %q? %s", near, hint)
	}
	x.fail("keys", "%q is no setting of keys: %s", setting, hint)
}

func (x *checker) clusters() {
	seen := map[string]bool{}
	for i, cluster := range x.config.Clusters {
		field := fmt.Sprintf("clusters[%d].id", i)
		if !strings.HasPrefix(cluster.ID, "lkc-") || strings.ContainsAny(cluster.ID, " ,\t\r\n") {
			x.fail(field, "%q is no cluster id, want one such as lkc-acme", cluster.ID)
		}
		if seen[cluster.ID] {
			x.fail(field, "cluster %q occurs twice", cluster.ID)
		}
		seen[cluster.ID] = true
	}
}

func (x *checker) providers() {
	ids, issuers := map[string]bool{}, map[string]string{}
	for i, p := range x.config.IdentityProviders {
		field := fmt.Sprintf("identityProviders[%d]", i)
		if p.ID == "" {
			x.fail(field+".id", "is missing, want one such as op-acme")
		} else if ids[p.ID] {
			x.fail(field+".id", "provider %q occurs twice", p.ID)
		}
		ids[p.ID] = true
		x.origin(field, p)
		key, issuer := "issuer", p.Issuer
		if p.Tenant != "" {
			key, issuer = "tenant", x.config.issuer(p.Tenant)
		}
		if other, twice := issuers[issuer]; twice && issuer != "" {
			x.fail(field+"."+key, "the issuer %q is that of provider %q already: one issuer must select one provider", issuer, other)
		}
		issuers[issuer] = p.ID
		x.validation(field, p)
	}
}

// issuer is that of a tenant's tokens, as far as the file knows it: a flag or a
// free port may give another public URL, for all tenants alike.
func (c Config) issuer(tenantID string) string {
	for _, t := range c.Tenants {
		if strings.EqualFold(t.ID, tenantID) {
			tenantID = t.ID
		}
	}
	return idp.Issuer(c.Issuer, publicURL(c.Listeners.HTTP, defaultPort), tenantID)
}

// validation asks the validator about the settings that are its own.
func (x *checker) validation(field string, p IdentityProvider) {
	_, err := validator.New(validator.Config{Providers: []validator.Provider{{
		ID: "x", Issuers: []string{"x"}, JWKSURI: "http://x", // what is checked elsewhere
		Algorithms: p.Algorithms, UnknownKid: p.UnknownKid, RefetchPause: time.Duration(p.RefetchPause), IdentityClaim: p.IdentityClaim,
	}}})
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			var of *validator.Error
			if errors.As(one, &of) {
				x.fail(field+"."+of.Field, "%s", of.Problem)
			}
		}
	}
}

// origin checks where a provider's tokens come from.
func (x *checker) origin(field string, p IdentityProvider) {
	switch {
	case p.Tenant != "" && (p.Issuer != "" || p.JWKSURI != ""):
		x.fail(field+".tenant", "give either tenant, or issuer and jwksUri, not both")
	case p.Tenant != "":
		x.tenant(field+".tenant", p.Tenant)
	case p.Issuer == "" && p.JWKSURI == "":
		x.fail(field, "has no tenant: give tenant, or issuer and jwksUri")
	case p.Issuer == "":
		x.fail(field+".issuer", "is missing beside jwksUri")
	case p.JWKSURI == "":
		x.fail(field+".jwksUri", "is missing beside issuer")
	case !isAbsolute(p.Issuer):
		x.fail(field+".issuer", "%q is no issuer, want a URL such as https://login.microsoftonline.com/TENANT-ID/v2.0", p.Issuer)
	case !isAbsolute(p.JWKSURI):
		x.fail(field+".jwksUri", "%q is no URL, want one such as https://login.microsoftonline.com/TENANT-ID/discovery/v2.0/keys", p.JWKSURI)
	}
}

func (x *checker) tenant(field, id string) {
	known := make([]string, len(x.config.Tenants))
	for i, t := range x.config.Tenants {
		if strings.EqualFold(t.ID, id) {
			return
		}
		known[i] = t.ID
	}
	if near := nearest.To(id, known); near != "" {
		x.fail(field, "no tenant has the id %q, did you mean %q?", id, near)
		return
	}
	x.fail(field, "no tenant has the id %q (a domain will not do here)", id)
}

// pools compiles the pools of a provider; one that does not compile is left out.
func (x *checker) pools(field string, p IdentityProvider) []*pool.Pool {
	var out []*pool.Pool
	for i, c := range p.IdentityPools {
		at := fmt.Sprintf("%s.identityPools[%d]", field, i)
		x.bindings(at, c)
		compiled, err := pool.New(c)
		if err == nil {
			out = append(out, compiled)
			continue
		}
		x.errs = append(x.errs, inPool(at, err)...)
	}
	return out
}

// inPool puts the place of a pool before the fields of its errors.
func inPool(at string, err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, one := range joined.Unwrap() {
			out = append(out, inPool(at, one)...)
		}
		return out
	}
	var of *pool.ConfigError
	if errors.As(err, &of) {
		return []error{&fieldError{at + "." + of.Field, of.Err}}
	}
	return []error{&fieldError{at, err}}
}

// bindings checks that role bindings name clusters of the Config.
func (x *checker) bindings(at string, c pool.Config) {
	for i, b := range c.RoleBindings {
		known := func(k Cluster) bool { return k.ID == b.Cluster }
		if b.Cluster != "" && !slices.ContainsFunc(x.config.Clusters, known) {
			x.fail(fmt.Sprintf("%s.roleBindings[%d].cluster", at, i), "clusters has no %q", b.Cluster)
		}
	}
}

func (x *checker) poolIDs() {
	seen := map[string]string{}
	for i, p := range x.config.IdentityProviders {
		for j, c := range p.IdentityPools {
			if other, twice := seen[c.ID]; twice && c.ID != "" {
				x.fail(fmt.Sprintf("identityProviders[%d].identityPools[%d].id", i, j), "pool %q occurs twice, first in provider %q", c.ID, other)
			}
			seen[c.ID] = p.ID
		}
	}
}

func isAbsolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.ContainsAny(s, " \t\r\n")
}
