package main

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
)

func TestConfigChanges(t *testing.T) {
	minute := idpool.Duration(60e9)
	for _, test := range []struct {
		want   string
		change func(*idpool.Config)
	}{
		{"nothing", func(*idpool.Config) {}},
		{"1 tenant added", func(c *idpool.Config) { c.Tenants = append(c.Tenants, idp.Tenant{ID: "x"}) }},
		{"1 tenant removed, 2 applications removed", func(c *idpool.Config) { c.Tenants = nil }},
		{"1 tenant changed", func(c *idpool.Config) { c.Tenants[0].DisplayName = "x" }},
		{"1 application added, 1 application changed", func(c *idpool.Config) {
			c.Tenants[0].Applications[0].DisplayName = "x"
			c.Tenants[0].Applications = append(c.Tenants[0].Applications, idp.Application{AppID: "x"})
		}},
		{"1 service principal added", func(c *idpool.Config) { c.Tenants[0].ServicePrincipals = []idp.ServicePrincipal{{AppID: "x"}} }},
		{"1 application changed", func(c *idpool.Config) { c.Tenants[0].Applications[1].PasswordCredentials[0].SecretText = "x" }},
		{"1 identity provider changed", func(c *idpool.Config) { c.IdentityProviders[0].DisplayName = "x" }},
		{"1 identity pool added, 1 identity pool removed", func(c *idpool.Config) { c.IdentityProviders[0].IdentityPools[1].ID = "pool-x" }},
		{"1 identity pool changed", func(c *idpool.Config) {
			c.IdentityProviders[0].IdentityPools[0].RoleBindings = []pool.RoleBinding{}
		}},
		{"1 setting changed", func(c *idpool.Config) { c.ClockSkew = &minute }},
	} {
		t.Run(test.want, func(t *testing.T) {
			c := idpool.Acme()
			test.change(&c)
			if got := configChanges(idpool.Acme(), c); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// watchedStack is a stack with the watch of its file, and what both say.
func watchedStack(t *testing.T) (c *configWatch, stack *idpool.Stack, log, said *bytes.Buffer) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(name, idpool.AcmeYAML, 0o600); err != nil {
		t.Fatal(err)
	}
	log, said = &bytes.Buffer{}, &bytes.Buffer{}
	a := &app{configFile: name}
	c, err := a.newConfigWatch(serveFlags{watch: true}, said)
	if err != nil {
		t.Fatal(err)
	}
	c.log, c.over = slog.New(slog.NewTextHandler(log, nil)), func(*idpool.Config) error { return nil }
	config, err := a.load()
	if err != nil {
		t.Fatal(err)
	}
	if stack, err = idpool.New(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, stack, log, said
}

func TestConfigWatchCountsWhatChanged(t *testing.T) {
	c, stack, log, said := watchedStack(t)
	c.changed(t.Context(), stack, bytes.ReplaceAll(idpool.AcmeYAML, []byte("pool-prod"), []byte("pool-test")))
	if !strings.Contains(log.String(), `changed="1 identity pool added, 1 identity pool removed"`) || said.Len() > 0 {
		t.Errorf("logged %q, said %q", log, said)
	}
	if stack.Pool("pool-test") == nil || stack.Pool("pool-prod") != nil {
		t.Error("the edit does not count")
	}
}

// What only a restart changes is named with its place in the file, and one that
// the edit leaves out with that of what it was in.
func TestConfigWatchPlacesWhatNeedsARestart(t *testing.T) {
	c, stack, log, said := watchedStack(t)
	for edit, want := range map[string]string{
		"# edited\nlisteners:\n  http:\n    address: 127.0.0.1:1\n" + string(idpool.AcmeYAML): c.file + ":4:14: listeners.http.address: cannot change while idpool runs: it needs a restart\n",
		"clockSkew: 1m\n": c.file + ":1:1: clusters: cannot change while idpool runs: it needs a restart\n",
	} {
		said.Reset()
		c.changed(t.Context(), stack, []byte(edit))
		if !strings.HasSuffix(said.String(), want) || log.Len() > 0 {
			t.Errorf("logged %q, said %q, want %q", log, said, want)
		}
	}
}

// The flags say of an edit what they say at the start, mistakes included.
func TestConfigWatchPutsTheFlagsOverAnEdit(t *testing.T) {
	c, stack, log, said := watchedStack(t)
	c.over = func(edited *idpool.Config) error { return errors.New("no") }
	c.changed(t.Context(), stack, append([]byte("# edited\n"), idpool.AcmeYAML...))
	if want := c.file + ": the edit is not applied, and everything stays as it was: no\n"; !strings.HasSuffix(said.String(), want) || log.Len() > 0 {
		t.Errorf("logged %q, said %q, want %q", log, said, want)
	}
	said.Reset()
	c.over = func(edited *idpool.Config) error {
		edited.Organization = "0b3b6a4e-4b8e-4b52-8d0c-0c4b0ad0b2d1"
		return nil
	}
	c.changed(t.Context(), stack, append([]byte("# edited\n"), idpool.AcmeYAML...))
	if stack.Config().Organization == "" || !strings.Contains(log.String(), `changed="1 setting changed"`) {
		t.Errorf("logged %q, said %q", log, said)
	}
}

// Without --watch there is nothing to end, and with it the end waits.
func TestConfigWatchEnds(t *testing.T) {
	c, stack, _, _ := watchedStack(t)
	c.start(t.Context(), stack)()
	none, err := (&app{}).newConfigWatch(serveFlags{}, nil)
	if none != nil || err != nil {
		t.Fatal(none, err)
	}
	none.start(t.Context(), stack)()
}
