package idpool

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// putConfig puts a config of a media type.
func putConfig(t *testing.T, s *Stack, media, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "PUT", s.Admin+"/v1/config", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", media)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(all)
}

// What GET answers, PUT takes: nothing of the config is lost on the way.
func TestTheConfigComesBack(t *testing.T) {
	c := kafkaConfig()
	c.Seed, c.Organization, c.ClockSkew = 7, "7b6f2b2e-5f0c-4f0e-9d59-0d9d5f1c6c55", new(Duration)
	c.Tenants[0].Applications[1].Claims = map[string]any{"x": []any{1.5, nil, "y", map[string]any{"z": true}}}
	c.Listeners.HTTPS.Names = []string{} // as a file may have it, and JSON does not
	c.Clusters = append(c.Clusters, Cluster{ID: "lkc-empty", Topics: []Topic{}})
	s := startKafka(t, c)
	before := s.Config()
	_, config := askAdmin(t, s.Admin, exchange{method: "GET", path: "/v1/config"})
	if status, text := putConfig(t, s, "application/json", config); status != http.StatusOK || text != config {
		t.Fatalf("%d %s\nwant %s", status, text, config)
	}
	after := s.Config()
	before.Logger, before.Now, after.Logger, after.Now = nil, nil, nil, nil
	before.Listeners, before.Clusters = after.Listeners, after.Clusters // are the same but for the empty lists
	if !reflect.DeepEqual(before, after) {
		t.Errorf("%+v\nwas %+v", after, before)
	}
}

func TestTheConfigIsPutAsYAML(t *testing.T) {
	s := start(t, Acme())
	if status, text := putConfig(t, s, "application/yaml; charset=utf-8", strings.Replace(string(AcmeYAML), "Acme Examples Inc", "Other", 1)); status != http.StatusOK || !strings.Contains(text, `"displayName":"Other"`) {
		t.Errorf("%d %s", status, text)
	}
	for _, tt := range []struct {
		reason, media, body string
		status              int
		want                mistake // the first
	}{
		{"two mistakes", "application/yaml", "tenants:\n  - id: x\n    domains: a\n", 422, mistake{"tenants[0].id", "", 2, 9}},
		{"no YAML", "application/yaml", "a: [", 422, mistake{"", "", 1, 1}},
		{"a filter, and where in it", "application/yaml", strings.Replace(string(AcmeYAML), "'dev.environmentAdmin' in", "'dev.environmentAdmin' on", 1), 422, mistake{"identityProviders[0].identityPools[0].filter", "", 33, 41}},
		{"what only a restart changes", "application/yaml", "seed: 3\n" + string(AcmeYAML), 422, mistake{Field: "seed"}},
		{"an unknown key in JSON", "application/json", `{"tenants":[{"id":"` + acmeTenant + `","domain":[]}]}`, 422, mistake{"tenants[0].domain", "", 1, 58}},
		{"a key twice", "application/json", `{"seed":1,"seed":1}`, 422, mistake{"seed", "", 1, 11}},
	} {
		status, text := putConfig(t, s, tt.media, tt.body)
		var p problem
		if err := json.Unmarshal([]byte(text), &p); err != nil || len(p.Errors) == 0 {
			t.Errorf("%s: %d %s", tt.reason, status, text)
			continue
		}
		got := p.Errors[0]
		got.Message = ""
		if status != tt.status || got != tt.want || p.Field != tt.want.Field || !strings.HasPrefix(p.Detail, "body:") {
			t.Errorf("%s: %d %s\nwant %d at %+v", tt.reason, status, text, tt.status, tt.want)
		}
	}
	if status, text := putConfig(t, s, "text/yaml", "{}"); status != http.StatusUnsupportedMediaType {
		t.Errorf("%d %s", status, text)
	}
}

// Files are found from the config's own file, wherever the process runs.
func TestAConfigNamesFilesOfItsFolder(t *testing.T) {
	dir := t.TempDir()
	certificate, _ := clientCertificate(t)
	for name, text := range map[string]string{"client.pem": certificate, "idpool.yaml": withKeyCredential("file: client.pem")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(filepath.Join(dir, "idpool.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, c)
	_, config := askAdmin(t, s.Admin, exchange{method: "GET", path: "/v1/config"})
	if status, text := putConfig(t, s, "application/json", config); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	askAll(t, s.Admin, []exchange{
		{"PATCH", clientPath, `{"keyCredentials":[{"file":"client.pem"}]}`, 200, "client.pem"},
		{"PATCH", clientPath, `{"keyCredentials":[{"file":"other.pem"}]}`, 422, `"field":"keyCredentials[0].file"`},
	})
}

// JSON writes a character beyond the first 65536 as two escapes, which YAML
// does not know, and lets a slash be escaped.
func TestJSONIsReadThoughYAMLIsNot(t *testing.T) {
	for text, want := range map[string]string{
		`"\ud83d\ude00"`:     `"😀"`,
		`"a\uD83D\uDE00b"`:   `"a😀b"`,
		`"\\ud83d\\ude00"`:   `"\\ud83d\\ude00"`,   // a backslash, and letters
		`"\\\ud83d\ude00"`:   `"\\😀"`,              // a backslash, and the character
		`"\u00e4\n\"\u0041"`: `"\u00e4\n\"\u0041"`, // YAML has these
		`"\/\\/"`:            `"/\\/"`,             // a slash; a backslash and a slash
		`"\ud83d"`:           `"\ud83d"`,           // half a character
	} {
		if got := string(asYAML([]byte(text))); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	s := start(t, Acme())
	_, config := askAdmin(t, s.Admin, exchange{method: "GET", path: "/v1/config"})
	config = strings.Replace(config, "Acme Examples Inc", `\ud83d\ude00 \"Acme\"\t\/`, 1)
	if status, text := putConfig(t, s, "application/json", config); status != http.StatusOK || s.Config().Tenants[0].DisplayName != "😀 \"Acme\"\t/" {
		t.Errorf("%d %s", status, text)
	}
}
