package idpool

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/nearest"
	"github.com/idpool/idpool/pool"
)

// parts are what a Config compiles to before anything listens.
type parts struct {
	idp         *idp.Server
	pools       [][]*pool.Pool   // by provider, in the Config's order
	certificate *tls.Certificate // of the https listener; nil when idpool makes it
	local       *inProcess       // the client's transport, to be told what it serves
	client      *http.Client     // for keys and discovery documents
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
	p := parts{local: &inProcess{next: c.Transport}}
	// The public URLs are not known before the listeners are open: the
	// transport learns them then.
	p.client = &http.Client{Timeout: 10 * time.Second, Transport: p.local}
	files := &keyFiles{config: c, read: map[string]keyFile{}, fields: map[string]bool{}}
	server, err := idp.New(idp.Config{Tenants: x.tenants(files), Issuer: c.Issuer, Now: c.Now, Logger: c.Logger, Seed: c.Seed, Client: p.client})
	if err != nil {
		x.errs = append(x.errs, files.place(err))
	}
	p.idp = server
	x.settings()
	x.listeners()
	p.certificate = x.secure(c.Listeners.HTTPS)
	x.kafka()
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
	x.folder("keys", x.config.Keys, "generate")
	x.folder("state", x.config.State, Off)
}

func (x *checker) listeners() {
	all := x.config.Listeners
	for _, l := range []struct {
		name, example string
		Listener
	}{
		{"http", "http://localhost:8080", all.HTTP},
		{"https", "https://localhost:8443", all.HTTPS.listener()},
		{"admin", "http://localhost:8081", all.Admin},
	} {
		if l.PublicURL != "" && !isAbsolute(l.PublicURL) {
			x.fail("listeners."+l.name+".publicUrl", "%q is no URL, want one such as %s", l.PublicURL, l.example)
		}
		if err := checkAddress(l.Address); err != nil {
			x.errs = append(x.errs, &fieldError{"listeners." + l.name + ".address", err})
		}
	}
}

// folder refuses a word that is likely no folder: a misspelt setting would leave
// a folder of private keys behind. word is what the setting takes besides.
func (x *checker) folder(field, setting, word string) {
	if setting == "" || setting == word || strings.ContainsAny(setting, `/\.`) {
		return
	}
	hint := "a folder is written with a slash, such as ./" + setting
	if near := nearest.To(setting, []string{word}); near != "" {
		hint = fmt.Sprintf("did you mean %q? %s", near, hint)
	}
	x.fail(field, "%q is no setting of %s: %s", setting, field, hint)
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

func isAbsolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.ContainsAny(s, " \t\r\n")
}
