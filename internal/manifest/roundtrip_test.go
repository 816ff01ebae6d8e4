package manifest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/strictyaml"
)

var certificate = sync.OnceValues(func() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "orders-service"},
		NotBefore: now().Add(-time.Hour), NotAfter: now().Add(time.Hour)}
	return x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
})

// testCertificate is one as Graph exports it: base64 of DER.
func testCertificate(t testing.TB) string {
	t.Helper()
	der, err := certificate()
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// TestFromExportToToken goes the whole way: exports, a secret filled in where
// the list says, and a token with the role that was granted in Azure.
func TestFromExportToToken(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/az-app-and-sp.txtar")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Import(Config{Now: now}, inputs(archive))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(r.FillIn, func(f FillIn) bool { return strings.Contains(f.Message, "begins with Nsn") })
	if i < 0 {
		t.Fatalf("no secret to fill in:\n%s", list(r.FillIn))
	}
	lines := strings.Split(string(r.YAML()), "\n")
	line := &lines[r.FillIn[i].Line-1]
	if !strings.Contains(*line, `secretText: "" # FILL IN: `) {
		t.Fatalf("line %d is %q, want the empty secret", r.FillIn[i].Line, *line)
	}
	*line = strings.Replace(*line, `""`, `"Nsn8Q~the-rest-of-the-secret"`, 1)
	c, err := idpool.Parse("idpool.yaml", []byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	c.Now = now
	stack, err := idpool.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	request := idp.TokenRequest{Tenant: "contosofreight.onmicrosoft.com", ClientID: clientID, ClientSecret: "Nsn8Q~the-rest-of-the-secret", Scope: "api://" + apiID + "/.default"}
	token, err := stack.Token(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token.AccessToken, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"roles": []any{"Kafka.Orders.Write"}, "ver": "2.0", "aud": apiID, "azp": clientID, "tid": tenantID, "oid": clientSP, "sub": clientSP, "idtyp": "app",
	} {
		if !reflect.DeepEqual(claims[name], want) {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	request.ClientSecret = ""
	if _, err := stack.Token(t.Context(), request); err == nil {
		t.Error("an empty secret is let in")
	}
}

// oddTexts are those that YAML could take for something else.
var oddTexts = []string{"", "yes", "0x1f", "2026-11-23", "null", "a: b # c", "- x", "'", `"\`, "two\nlines\n", " leading", "tab\there", "\u2028",
	"*alias", "{flow", "🚚", "%", "@", "~", "1e3", "FILL IN", "\x1b[2J", "\u0085", "\ufeff"}

// TestTheTextIsTheTenants: what is written and read again is what was merged,
// whatever stands in its texts, and each place to fill in is where the list says.
func TestTheTextIsTheTenants(t *testing.T) {
	for _, file := range cases(t) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Import(Config{Now: now}, inputs(archive))
		if err != nil {
			t.Fatal(file, err)
		}
		checkText(t, r)
	}
	for _, odd := range oddTexts {
		text, err := json.Marshal(odd)
		if err != nil {
			t.Fatal(err)
		}
		client := example(t, "client.json")
		for _, field := range []string{`"orders-service"`, `"ci"`, `"Nsn"`, `"52F1A7C09B3E4D8861F0E2D4C6B8A09182736455"`} {
			client = strings.Replace(client, field, string(text), 1)
		}
		r, err := importText(Config{TenantName: odd}, client)
		if err != nil {
			t.Fatalf("%q: %v", odd, err)
		}
		if a := r.Tenants[0].Applications[0]; a.DisplayName != odd || a.PasswordCredentials[0].Hint != odd {
			t.Errorf("%q became %q", odd, a.DisplayName)
		}
		checkText(t, r)
		if strings.ContainsFunc(list(r.FillIn), func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }) {
			t.Errorf("%q: the list would steer a terminal: %q", odd, list(r.FillIn))
		}
	}
}

// checkText reads the text again and looks at every place to fill in.
func checkText(t *testing.T, r *Result) {
	t.Helper()
	var again struct {
		Tenants []idp.Tenant `json:"tenants"`
	}
	if _, mistakes := strictyaml.Decode("again", r.YAML(), &again); len(mistakes) > 0 {
		t.Fatalf("%v in\n%s", mistakes[0], r.YAML())
	}
	if want, got := asJSON(t, r.Tenants), asJSON(t, again.Tenants); got != want {
		t.Fatalf("read again:\n%s\nwant\n%s", got, want)
	}
	if _, err := idpool.Parse("import", r.YAML()); err != nil {
		t.Fatalf("%v in\n%s", err, r.YAML())
	}
	lines := strings.Split(string(r.YAML()), "\n")
	for _, f := range r.FillIn {
		mark := map[bool]string{true: "# FILL IN: ", false: "# optional: "}[f.Required]
		if f.comment != "" && (f.Line < 1 || !strings.Contains(lines[f.Line-1], mark)) {
			t.Errorf("%s: line %d has no comment", f.Field, f.Line)
		}
	}
}

// asJSON makes nil and empty lists alike, and times of any zone.
func asJSON(t *testing.T, tenants []idp.Tenant) string {
	t.Helper()
	text, err := json.MarshalIndent(tenants, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), ": null", ": []")
}

// TestManyApplications: a directory with thousands of registrations is imported
// at a cost that grows with it, and the list stays in step with the lines.
func TestManyApplications(t *testing.T) {
	var apps, sps, assignments []string
	guid := func(kind, i int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", kind, i) }
	for i := range 1000 {
		apps = append(apps, appJSON(guid(1, i), writerRole))
		sps = append(sps, spJSON(guid(1, i), guid(2, i), tenantID, ""))
		assignments = append(assignments, assignmentJSON(guid(2, i), guid(2, (i+1)%1000), writeRole))
	}
	r, err := importText(Config{}, "["+strings.Join(apps, ",")+"]", "["+strings.Join(sps, ",")+"]", "["+strings.Join(assignments, ",")+"]")
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range r.Tenants[0].Applications {
		if len(a.AppRoleAssignments) != 1 || a.AppRoleAssignments[0].Resource != guid(1, (i+1)%1000) {
			t.Fatalf("application %d: %+v", i, a.AppRoleAssignments)
		}
	}
	checkText(t, r)
}
