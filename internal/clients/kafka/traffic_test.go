package kafka

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/clientsettings"
)

// traffic has no record fail while clients re-authenticate with tokens of six
// seconds for thirty (KIP-368).
func traffic(t *testing.T, open opener) {
	if testing.Short() {
		t.Skip("skip: it takes half a minute")
	}
	var running sync.WaitGroup
	defer running.Wait()
	for _, c := range []struct {
		name    string
		needs   *library
		command func(t *testing.T, text string, s clientsettings.Settings) command
	}{
		{"franz-go", nil, goTraffic}, {"go-librdkafka", nil, goTraffic}, {"java", &javaLibraries, javaTraffic},
	} {
		there := t.Run(c.name+" is there", func(t *testing.T) {
			if c.needs != nil {
				c.needs.installed(t)
			}
		})
		if !there || c.needs != nil && c.needs.check(t) != nil {
			continue
		}
		log := &logins{}
		x := config()
		x.Logger = slog.New(log)
		f := open(t, x)
		s := f.plain()
		s.TokenEndpoint = shortLived(t, s.TokenEndpoint, 6*time.Second)
		program := c.command(t, rendered(t, c.name, s), s)
		running.Go(func() {
			out, err := program.output(t)
			var sent, failed, read int
			if _, scan := fmt.Sscanf(out, "sent %d failed %d read %d\n", &sent, &failed, &read); err != nil || scan != nil {
				t.Errorf("%s: %v %v\n%s", c.name, err, scan, out)
				return
			}
			again, all := log.count()
			t.Logf("%s: sent %d failed %d read %d, %d logins of which %d again", c.name, sent, failed, read, all, again)
			if failed > 0 || sent < 100 || read != sent {
				t.Errorf("%s sent %d records, of which %d failed and %d were read", c.name, sent, failed, read)
			}
			if again < 4 {
				t.Errorf("%s has re-authenticated %d times, want 4 or more", c.name, again)
			}
		})
	}
}

// goTraffic is testdata/traffic with the settings of the printed program.
func goTraffic(t *testing.T, text string, s clientsettings.Settings) command {
	t.Helper()
	name := "franz-go"
	if strings.Contains(text, "confluent-kafka-go") {
		name = "go-librdkafka"
	}
	source, err := filepath.Abs(filepath.Join("testdata", "traffic", name+".go"))
	if err != nil {
		t.Fatal(err)
	}
	printed := strings.Replace(text, "\nfunc main() {", "\nfunc printed() {", 1) + "\nvar _ = printed\n"
	program := build(t, map[string]string{"main.go": write(t, "main.go", printed), "traffic.go": source})
	return command{program: program, arguments: []string{s.Topic, s.Group, "30s"}}
}

// javaTraffic is testdata/java/Orders.java with the settings of the file.
func javaTraffic(t *testing.T, text string, s clientsettings.Settings) command {
	t.Helper()
	arguments := append([]string{allowedURLs(t, text)}, jvm(t, "4", write(t, "client.properties", text), s)...)
	return command{program: "java", arguments: append(arguments, "30")}
}

// shortLived is a token endpoint before another whose tokens it signs again with
// a lifetime of its own.
func shortLived(t *testing.T, endpoint string, lifetime time.Duration) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := http.NewRequestWithContext(r.Context(), r.Method, endpoint, r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		request.Header = r.Header.Clone()
		body, response, err := exchange(request)
		if err == nil && response.StatusCode == http.StatusOK {
			body, err = shorten(body, lifetime)
		}
		switch {
		case r.Context().Err() != nil:
			return // a client that ends in the middle of a refresh
		case err != nil:
			t.Error(err)
			return
		}
		w.Header().Set("Content-Type", response.Header.Get("Content-Type"))
		w.WriteHeader(response.StatusCode)
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// exchange makes a request and reads the whole answer.
func exchange(request *http.Request) ([]byte, *http.Response, error) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return body, response, err
}

// shorten signs the token of an answer again.
func shorten(body []byte, lifetime time.Duration) ([]byte, error) {
	answer := map[string]any{}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	token, _ := answer["access_token"].(string)
	parts := strings.Split(token, ".")
	var header, claims map[string]any
	for i, part := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil, err
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		if err := decoder.Decode(part); err != nil {
			return nil, err
		}
	}
	for name, value := range claims {
		if number, ok := value.(json.Number); ok {
			claims[name], _ = number.Int64()
		}
	}
	claims["exp"] = time.Now().Add(lifetime).Unix()
	signed, err := idp.TestKeys().Signer().SignJWT(header, claims)
	if err != nil {
		return nil, err
	}
	answer["access_token"], answer["expires_in"] = signed, int(lifetime/time.Second)
	return json.Marshal(answer)
}

// logins counts the lines about logins.
type logins struct {
	mu         sync.Mutex
	all, again int
}

func (l *logins) count() (again, all int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.again, l.all
}

func (*logins) Enabled(context.Context, slog.Level) bool { return true }
func (l *logins) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l *logins) WithGroup(string) slog.Handler          { return l }

func (l *logins) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "kafka login allowed" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all++
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "reauthentication" && a.Value.Bool() {
			l.again++
		}
		return true
	})
	return nil
}
