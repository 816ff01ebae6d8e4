package idpool

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/validator"
)

// TestCloseEndsAnUnfinishedRequest: a client that never sends the rest of its
// body delays the end by the time to drain, and is no error.
func TestCloseEndsAnUnfinishedRequest(t *testing.T) {
	s, err := Start(t.Context(), Acme())
	if err != nil {
		t.Fatal(err)
	}
	s.drain = 50 * time.Millisecond
	u, err := url.Parse(s.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", u.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST /"+acme+"/oauth2/v2.0/token HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	// The handler reads the body, and so asks for it: now it is under way.
	if _, err := io.ReadFull(c, make([]byte, len("HTTP/1.1 100 Continue"))); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestTheAdminAPIIsNotOnTheHTTPListener(t *testing.T) {
	s := start(t, Acme())
	response, err := http.Get(s.HTTP + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("%s, want 404", response.Status)
	}
}

func TestAPortInUseIsNamedWithItsFlag(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, name := range []string{"http", "https", "admin", "kafka"} {
		c := Acme()
		switch name {
		case "http":
			c.Listeners.HTTP.Address = taken.Addr().String()
		case "https":
			c.Listeners.HTTPS.Address = taken.Addr().String()
		case "admin":
			c.Listeners.Admin.Address = taken.Addr().String()
		default:
			c.Listeners.Kafka.Address = taken.Addr().String()
		}
		_, err := Start(t.Context(), c)
		for _, want := range []string{taken.Addr().String(), "in use", "--" + name, "listeners." + name + ".address"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
}

func TestListenersThatAreOff(t *testing.T) {
	for _, tc := range []struct {
		name             string
		http, https      string
		wantHTTP, scheme string
	}{
		{"all: tokens name the http listener's default", Off, Off, "http://localhost:8080", "http:"},
		{"http: tokens name the https listener", Off, "", "", "https:"},
		{"https: as without TLS", "127.0.0.1:0", Off, "", "http:"},
	} {
		c := Acme()
		c.Listeners.HTTP.Address, c.Listeners.HTTPS.Address, c.Listeners.Admin.Address = tc.http, tc.https, Off
		c.Listeners.Kafka.Address = Off
		s := start(t, c)
		if s.Admin != "" || s.Kafka != "" || tc.http == Off && s.HTTP != tc.wantHTTP || (s.HTTPS == "") != (tc.https == Off) || (s.CA() == nil) != (tc.https == Off) {
			t.Errorf("%s: admin %q, http %q, https %q, a CA of %d bytes", tc.name, s.Admin, s.HTTP, s.HTTPS, len(s.CA()))
		}
		d := s.Decide(t.Context(), validator.Request{Token: mint(t, s), Cluster: "lkc-acme"})
		if iss, _ := d.Claims["iss"].(string); !d.Allowed || !strings.HasPrefix(iss, tc.scheme) {
			t.Errorf("%s: allowed %v, iss %q", tc.name, d.Allowed, iss)
		}
	}
}

// TestStartWithAContextThatHasEnded: the end may come while Start still works.
func TestStartWithAContextThatHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := Start(ctx, Acme())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(s.HTTP); err == nil {
		t.Error("it answers")
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Start(ctx, Acme())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := s.Close(); err != nil { // waits for the end that cancel began
		t.Error(err)
	}
	if _, err := http.Get(s.HTTP); err == nil {
		t.Error("it still answers")
	}
}
