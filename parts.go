package idpool

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/nearest"
	"github.com/idpool/idpool/pool"
)

// parts are what a Config compiles to before anything listens.
type parts struct {
	tenants     []idp.Tenant // with what their files hold
	idp         *idp.Server
	pools       [][]*pool.Pool   // by provider, in the Config's order
	certificate *tls.Certificate // of the https listener; nil when idpool makes it
}

// surroundings are what the parts of a Config work in.
type surroundings struct {
	client *http.Client // for keys and discovery documents
	now    func() time.Time
	log    *slog.Logger
	alone  bool                // its keys are those of its tenants alone
	mask   func(string) string // takes out what the log must not have
}

// checker collects the mistakes of a Config.
type checker struct {
	config Config
	errs   []error
}

func (x *checker) fail(field, format string, args ...any) {
	x.errs = append(x.errs, &fieldError{field, fmt.Errorf(format, args...)})
}

// parts compiles the Config only to see whether it can be.
func (c Config) parts() (parts, error) {
	return c.compile(surroundings{client: http.DefaultClient, now: c.Now, log: c.Logger})
}

// compile makes the parts of the Config. Its error joins every mistake.
func (c Config) compile(in surroundings) (parts, error) {
	x := &checker{config: c}
	files := &keyFiles{config: c, read: map[string]keyFile{}, fields: map[string]bool{}}
	p := parts{tenants: x.tenants(files)}
	server, err := idp.New(idp.Config{Tenants: p.tenants, Hosts: c.webHosts(), Issuer: c.Issuer, Now: in.now, Logger: in.log,
		Seed: c.Seed, Client: in.client, TenantKeys: in.alone, Mask: in.mask})
	if err != nil {
		x.errs = append(x.errs, files.place(err))
	}
	p.idp = server
	x.settings()
	x.listeners()
	if strings.ContainsAny(c.Listeners.Admin.Token, " \t\r\n") {
		x.fail("listeners.admin.token", "a token has no white space")
	}
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
		{"admin", "http://localhost:8081", all.Admin.listener()},
	} {
		if l.PublicURL != "" && !isBase(l.PublicURL) {
			x.fail("listeners."+l.name+".publicUrl", "%q is no URL, want one such as %s", l.PublicURL, l.example)
		}
		if err := checkAddress(l.Address); err != nil {
			x.errs = append(x.errs, &fieldError{"listeners." + l.name + ".address", err})
		}
		x.inside(l.name, l.Listener)
	}
}

// inside checks the second URL of a listener, which would be no second one if it
// had the host of the first.
func (x *checker) inside(name string, l Listener) {
	if l.InsideURL == "" {
		return
	}
	field := "listeners." + name + ".insideUrl"
	u, err := url.Parse(l.InsideURL)
	switch {
	case !isBase(l.InsideURL) || err != nil || u.Scheme != name:
		x.fail(field, "%q is no %s URL, want one such as %s://idpool:8080", l.InsideURL, name, name)
	case strings.Trim(u.Path, "/") != "":
		x.fail(field, "%q has a path, want none, as in %s://%s", l.InsideURL, name, u.Host)
	case strings.EqualFold(hostPort(l.inside()), hostPort(publicURL(name, l, ""))):
		x.fail(field, "%q has the host of publicUrl, so that nobody can tell inside from outside", l.InsideURL)
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

// isBase says whether the URLs of a listener could begin with a text: they are
// told to everybody, and have more behind it.
func isBase(s string) bool {
	u, err := url.Parse(s)
	if err != nil || !isAbsolute(s) || u.User != nil || strings.ContainsAny(s, "?#") || u.Hostname() == "" || strings.Contains(u.Host, "*") {
		return false
	}
	number, err := strconv.ParseUint(cmp.Or(u.Port(), "80"), 10, 16)
	return err == nil && number > 0 && !strings.HasSuffix(u.Host, ":")
}

func isAbsolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.ContainsAny(s, " \t\r\n")
}
