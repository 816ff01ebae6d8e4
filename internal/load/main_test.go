package main

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/imports"
)

const tokenPath = "/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/oauth2/v2.0/token"

// drive runs the command and fails when anything it prints has the secret or a
// token in it.
func drive(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return driveUntil(t.Context(), t, args...)
}

func driveUntil(ctx context.Context, t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = run(ctx, args, &out, &errs)
	for _, leak := range []string{acmeSecret, "hush", "eyJ"} {
		if strings.Contains(out.String()+errs.String(), leak) {
			t.Errorf("the output has %q in it:\n%s%s", leak, &out, &errs)
		}
	}
	return code, out.String(), errs.String()
}

// quick is a measurement with a number of requests and nothing else.
func quick(count int, more ...string) []string {
	return append([]string{"-warmup", "0", "-signing", "0", "-count", strconv.Itoa(count)}, more...)
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL + tokenPath
}

func azure(t *testing.T) http.Handler {
	t.Helper()
	s, err := idp.New(idp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestUsageErrors(t *testing.T) {
	for _, row := range []struct {
		reason string
		args   []string
		want   string
	}{
		{"a flag that does not exist", []string{"-threads", "4"}, "flag provided but not defined: -threads"},
		{"a duration without its unit", []string{"-duration", "10"}, `invalid value "10" for flag -duration`},
		{"no connection", []string{"-connections", "0"}, "-connections: got 0, want 1 to 1024"},
		{"more connections than a laptop has files", []string{"-connections", "9999"}, "-connections: got 9999"},
		{"a load without end", []string{"-duration", "6m"}, "-duration: got 6m0s, want more than 0s and at most 5m0s"},
		{"no load at all", []string{"-duration", "0s"}, "-duration: got 0s"},
		{"a negative count", []string{"-count", "-1"}, "-count: got -1"},
		{"more latencies than memory", []string{"-count", "10000001"}, "-count: got 10000001"},
		{"a warm-up without end", []string{"-warmup", "1h"}, "-warmup: got 1h0m0s"},
		{"a negative baseline", []string{"-signing", "-1s"}, "-signing: got -1s"},
		{"a negative PID", []string{"-rss", "-3"}, "-rss: got -3"},
		{"two targets", []string{"http://localhost", "http://localhost"}, "want one TOKEN-URL after the flags, got 2 arguments"},
		{"flags behind the target", []string{"http://localhost", "-json"}, "want one TOKEN-URL after the flags"},
		{"a secret astray", []string{"-client-id", "a", acmeSecret, "http://localhost"}, "got 2 arguments"},
		{"no URL", []string{"http://[::1/" + acmeSecret}, "the TOKEN-URL is no URL"},
		{"a host without a scheme", []string{"localhost:8080"}, `has scheme "localhost"`},
		{"another scheme", []string{"ftp://localhost/token"}, `has scheme "ftp"`},
		{"a password in the URL", []string{"http://id:" + acmeSecret + "@localhost/token"}, "has a user name"},
		{"another host", []string{"https://login.microsoftonline.com/common/oauth2/v2.0/token"}, `"login.microsoftonline.com" is not this machine`},
		{"a host that begins like loopback", []string{"http://127.0.0.1.example.com/"}, `"127.0.0.1.example.com" is not this machine`},
		{"a host that ends like loopback", []string{"http://evil.localhost.example/"}, "is not this machine"},
		{"the network", []string{"http://192.168.1.10/token"}, `"192.168.1.10" is not this machine`},
		{"every address", []string{"http://0.0.0.0:8080/token"}, `"0.0.0.0" is not this machine`},
		{"another IPv6 address", []string{"http://[2001:db8::1]/token"}, `"2001:db8::1" is not this machine`},
	} {
		t.Run(row.reason, func(t *testing.T) {
			code, stdout, stderr := drive(t, row.args...)
			if code != 2 || stdout != "" || !strings.Contains(stderr, row.want) {
				t.Errorf("exit code %d, want 2 with %q:\n%s%s", code, row.want, stdout, stderr)
			}
			if !strings.HasPrefix(stderr, "load: ") || !strings.Contains(stderr, "hint: ") {
				t.Errorf("no prefix or no hint in %q", stderr)
			}
		})
	}
}

func TestParse(t *testing.T) {
	s, err := parse([]string{"-count", "7", "-client-id", "c", "-scope", ""})
	if err != nil {
		t.Fatal(err)
	}
	if s.duration != maxDuration || s.target.address != "localhost:8080" || s.connections != 8 {
		t.Errorf("-count alone: %v for %q over %d, want 5m0s, localhost:8080, 8", s.duration, s.target.address, s.connections)
	}
	if form, _ := url.ParseQuery(s.client.form()); form.Has("scope") || form.Get("client_id") != "c" {
		t.Errorf("form %v, want client_id c and no scope", form)
	}
	s, err = parse([]string{"-count", "7", "-duration", "3s", "https://[::1]/token"})
	if err != nil {
		t.Fatal(err)
	}
	if s.duration != 3*time.Second || s.target.address != "[::1]:443" {
		t.Errorf("both bounds: %v for %q, want 3s and [::1]:443", s.duration, s.target.address)
	}
}

// The defaults are the built-in tenant's, and -h shows all but the secret.
func TestDefaults(t *testing.T) {
	s, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	acme := idp.Acme()
	app := acme.Applications[1]
	want := client{app.AppID, app.PasswordCredentials[0].SecretText, acme.Applications[0].IdentifierURIs[0] + "/.default"}
	if s.client != want || s.target.url.Path != "/"+acme.ID+"/oauth2/v2.0/token" {
		t.Errorf("client %+v at %s, want %+v", s.client, s.target.url, want)
	}
	code, stdout, stderr := drive(t, "-h")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "-client-secret SECRET") {
		t.Errorf("-h: exit code %d:\n%s%s", code, stdout, stderr)
	}
}

func TestNothingListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	code, stdout, stderr := drive(t, server.URL)
	if code != 1 || stdout != "" || !strings.Contains(stderr, "load: no connection to "+strings.TrimPrefix(server.URL, "http://")) {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
}

func TestCertificateNotTrusted(t *testing.T) {
	server := httptest.NewUnstartedServer(azure(t))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	code, _, stderr := drive(t, quick(1, server.URL+tokenPath)...)
	if code != 1 || !strings.Contains(stderr, "certificate") {
		t.Errorf("exit code %d, want 1 and a word on the certificate: %s", code, stderr)
	}
}

func TestMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		code, _, stderr := drive(t, "-rss", "1")
		if code != 2 || !strings.Contains(stderr, "Linux") {
			t.Errorf("exit code %d, want 2: %s", code, stderr)
		}
		return
	}
	target := serve(t, azure(t))
	code, stdout, stderr := drive(t, quick(3, "-rss", strconv.Itoa(os.Getpid()), target)...)
	if code != 0 || !strings.Contains(stdout, "memory   PID "+strconv.Itoa(os.Getpid())+": ") {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	before, err := residentBefore(os.Getpid())
	if err != nil || before.Before < 1<<20 {
		t.Errorf("resident %+v, %v, want a megabyte at least", before, err)
	}
	// 2^22 is the highest number that Linux gives a process.
	code, _, stderr = drive(t, quick(3, "-rss", "4194305", target)...)
	if code != 1 || !strings.Contains(stderr, "-rss: no process 4194305") {
		t.Errorf("no such process: exit code %d: %s", code, stderr)
	}
}

// The driver knows nothing of what it measures but the URL.
func TestImports(t *testing.T) { imports.Check(t, ".") }
