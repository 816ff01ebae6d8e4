package idpool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/idpool/idpool/idp"
)

// TestEachMistakeInAConfig: every file of testdata/config is a config with
// mistakes and all the messages that it gets.
func TestEachMistakeInAConfig(t *testing.T) {
	files, err := filepath.Glob("testdata/config/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse("config.yaml", archive.Files[0].Data)
			var mistakes ConfigErrors
			if !errors.As(err, &mistakes) {
				t.Fatalf("want ConfigErrors, got %v", err)
			}
			for _, m := range mistakes {
				if m.Line == 0 || m.Column == 0 || m.File != "config.yaml" {
					t.Errorf("no place: %v", m)
				}
			}
			got := []byte(err.Error() + "\n")
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "want", Data: got})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(archive.Files) != 2 || !bytes.Equal(got, archive.Files[1].Data) {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

// TestAcmeIsOneTenant: the file and the Go value say the same.
func TestAcmeIsOneTenant(t *testing.T) {
	if got := Acme().Tenants; !reflect.DeepEqual(got, []idp.Tenant{idp.Acme()}) {
		t.Errorf("acme.yaml has %+v\nidp.Acme() is %+v", got, idp.Acme())
	}
}

func TestJSONIsAConfigToo(t *testing.T) {
	c, err := Parse("x.json", []byte(`{"tenants":[{"id":"67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"}],"clockSkew":"1m"}`))
	if err != nil || len(c.Tenants) != 1 || c.ClockSkew == nil || c.ClockSkew.String() != "1m0s" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestAnEmptyFileIsAConfig(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "null\n", "{}", "tenants:\n"} {
		if c, err := Parse("x", []byte(text)); err != nil || c.Tenants != nil {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}

func TestAnchorsAndAliases(t *testing.T) {
	c, err := Parse("x", []byte(`
clusters: [{id: &id lkc-a}]
identityProviders:
  - {id: op-a, displayName: *id, issuer: https://a.example, jwksUri: https://a.example/keys}
`))
	if err != nil || c.IdentityProviders[0].DisplayName != "lkc-a" {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestAliasesDoNotBlowUp: nine levels of nine aliases are 400 million values.
func TestAliasesDoNotBlowUp(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		n, m := string(rune('0'+i)), string(rune('1'+i))
		b.WriteString("a" + m + ": &a" + m + " [" + strings.TrimSuffix(strings.Repeat("*a"+n+", ", 9), ", ") + "]\n")
	}
	b.WriteString("tenants: *a9\n")
	if _, err := Parse("x", []byte(b.String())); err == nil {
		t.Error("accepted")
	}
}

// TestASmallFileStaysSmall: 54 KB, whose one list is aliased 2,400 times, once
// took a minute and gigabytes, for its mistakes above all.
func TestASmallFileStaysSmall(t *testing.T) {
	text := "tenants:\n- id: x\n  domains: &d [" + strings.Repeat("a, ", 2_000) + "a]\n" + strings.Repeat("- {id: x, domains: *d}\n", 2_400)
	_, err := Parse("x", []byte(text))
	if err == nil || len(err.Error()) > 100_000 {
		t.Errorf("%d bytes of mistakes", len(fmt.Sprint(err)))
	}
	var mistakes ConfigErrors
	if !errors.As(err, &mistakes) || !slices.ContainsFunc(mistakes, func(m *ConfigError) bool { return strings.Contains(m.Message, "too large once its aliases") }) {
		t.Errorf("%.1000s", err)
	}
}

func TestAConfigMadeInGoIsChecked(t *testing.T) {
	c := Acme()
	c.IdentityProviders[0].IdentityPools[0].Filter = "claims.x = 1"
	c.Clusters = nil
	err := c.Check()
	var mistakes ConfigErrors
	if !errors.As(err, &mistakes) || len(mistakes) != 4 {
		t.Fatalf("want a filter and three clusters refused, got %v", err)
	}
	for _, m := range mistakes {
		if m.File != "acme.yaml" || m.Line != 0 || m.Field == "" {
			t.Errorf("%+v, want a field and no line", m)
		}
	}
	if _, err := New(c); !errors.As(err, &mistakes) {
		t.Errorf("New: %v, want ConfigErrors", err)
	}
	if _, err := Start(t.Context(), c); !errors.As(err, &mistakes) {
		t.Errorf("Start: %v, want ConfigErrors", err)
	}
}

func TestWarnings(t *testing.T) {
	c := Acme()
	if w := c.Warnings(); len(w) != 0 {
		t.Errorf("Acme has the warnings %q", w)
	}
	c.Tenants[0].Applications[1].PasswordCredentials[0].EndDateTime = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	if w := c.Warnings(); len(w) != 1 || !strings.Contains(w[0], "ended 2020-01-01") {
		t.Errorf("warnings %q, want the expired secret", w)
	}
	c.IdentityProviders[0].IdentityPools[0].Filter = "size(claims.roles) > 0"
	if w := c.Warnings(); len(w) == 0 || !strings.Contains(w[0], `pool "pool-dev"`) {
		t.Errorf("warnings %q, want one that names the pool and the undocumented size", w)
	}
}

func TestLoadSaysWhichFile(t *testing.T) {
	if _, err := Load("no/such.yaml"); err == nil || !strings.Contains(err.Error(), "no/such.yaml") {
		t.Errorf("%v", err)
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("a folder was read as a config")
	}
}

// TestWarningsAboutWhatLetsNobodyIn: all of it is allowed, and none of it is
// what a person means who writes it.
func TestWarningsAboutWhatLetsNobodyIn(t *testing.T) {
	off := false
	for _, tc := range []struct {
		name, want string
		change     func(*idp.Tenant)
	}{
		{"a secret that begins later", "passwordCredentials[0] is a secret that begins 2040-01-01T00:00:00Z", func(t *idp.Tenant) {
			t.Applications[1].PasswordCredentials[0].StartDateTime = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
		}},
		{"a disabled role that is assigned", `the role "dev.environmentAdmin" of "` + api + `" is assigned, but is disabled: it is in no token`, func(t *idp.Tenant) {
			t.Applications[0].AppRoles[0].IsEnabled = &off
		}},
		{"a role for users that is assigned", "is assigned, but is for users only", func(t *idp.Tenant) {
			t.Applications[0].AppRoles[0].AllowedMemberTypes = []string{"User"}
		}},
		{"a disabled role that nobody has", "", func(t *idp.Tenant) { t.Applications[0].AppRoles[1].IsEnabled = &off }},
	} {
		c := Acme()
		tc.change(&c.Tenants[0])
		w := c.Warnings()
		if tc.want == "" && len(w) > 0 || tc.want != "" && (len(w) != 1 || !strings.Contains(w[0], tc.want)) {
			t.Errorf("%s: warnings %q, want %q", tc.name, w, tc.want)
		}
	}
}
