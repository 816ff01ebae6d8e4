package scenario

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/idpool/idpool"
)

// got is an answer as far as a JWKS fetcher looks at it.
type got struct {
	status            int
	contentType, body string
}

func get(t *testing.T, n network, url string) got {
	t.Helper()
	response, err := (&http.Client{Transport: n}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got{response.StatusCode, response.Header.Get("Content-Type"), string(body)}
}

func TestElsewherePages(t *testing.T) {
	c := idpool.Acme()
	c.Now = began
	n := network{config: c}
	if page := get(t, n, "https://"+ElsewhereHost+"/login.html"); page.status != 200 || !strings.HasPrefix(page.contentType, "text/html") || !strings.Contains(page.body, "Sign in") {
		t.Errorf("login.html: %+v", page)
	}
	if down := get(t, n, "https://"+ElsewhereHost+"/down"); down.status != 503 {
		t.Errorf("down: %+v", down)
	}
	document := get(t, n, "https://"+ElsewhereHost+"/"+c.Tenants[0].ID+"/v2.0/.well-known/openid-configuration")
	if !strings.Contains(document.body, `"issuer":"https://`+ElsewhereHost+"/") {
		t.Errorf("its issuer is another: %+v", document)
	}
}

// A scenario runs the same without a network: no host is asked but this one.
func TestNoOtherHostIsAsked(t *testing.T) {
	for _, url := range []string{"https://login.microsoftonline.com/x", "http://192.0.2.1/x", "https://localhost.example/x"} {
		_, err := (&http.Client{Transport: network{}}).Get(url)
		var none *net.DNSError
		if !errors.As(err, &none) || !none.IsNotFound {
			t.Errorf("%s: got %v", url, err)
		}
	}
	_, err := (&http.Client{Transport: network{}}).Get("http://127.0.0.1:1/x")
	var none *net.DNSError
	if err == nil || errors.As(err, &none) {
		t.Errorf("this machine: got %v", err)
	}
}
