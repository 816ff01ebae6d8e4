package scenario

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
)

// elsewhere is the From of a token that another server has minted.
const elsewhere = "elsewhere"

// ElsewhereHost is the host of another identity provider. A config of a
// scenario may name its URLs, and they are answered in process, whether http or
// https: /{tenant}/discovery/v2.0/keys and all else that idpool serves, for the
// same tenants with other keys; /login.html, a page with status 200 that is no
// JWKS, as a proxy puts in the way; /keys.txt, its keys with the content type
// text/plain; and /down, which answers 503.
const ElsewhereHost = "elsewhere.example"

// otherKeys sign elsewhere, and after a rotation. Making them takes a while.
var otherKeys = sync.OnceValues(func() (*idp.Keyring, error) {
	return idp.GenerateKeys(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
})

// newElsewhere is the other identity provider of a config.
func newElsewhere(c idpool.Config) (*idp.Server, error) {
	keys, err := otherKeys()
	if err != nil {
		return nil, err
	}
	return idp.New(idp.Config{Tenants: c.Tenants, Issuer: c.Issuer, Now: c.Now, Keys: keys})
}

// network is the world as a stack sees it, but for itself: the other identity
// provider, and what is on this machine.
type network struct {
	config idpool.Config
	// open lets requests out to everywhere else; otherwise no other host is
	// found, so that scenarios run the same without a network.
	open bool
}

// RoundTrip implements http.RoundTripper.
func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Hostname()
	ip := net.ParseIP(host)
	switch {
	case host == ElsewhereHost:
		return n.elsewhere(r)
	case n.open, host == "localhost", ip != nil && ip.IsLoopback():
		return http.DefaultTransport.RoundTrip(r)
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (n network) elsewhere(r *http.Request) (*http.Response, error) {
	server, err := newElsewhere(n.config)
	if err != nil {
		return nil, err
	}
	handler := server.At(r.URL.Scheme + "://" + ElsewhereHost)
	w := &recorded{header: http.Header{}, status: http.StatusOK}
	switch r.URL.Path {
	case "/login.html":
		w.header.Set("Content-Type", "text/html; charset=utf-8")
		w.body.WriteString("<!DOCTYPE html><title>Sign in</title><p>Please sign in to use the network.</p>\n")
	case "/down":
		w.status = http.StatusServiceUnavailable
	case "/keys.txt":
		keys := r.Clone(r.Context())
		keys.URL.Path = "/common/discovery/v2.0/keys"
		handler.ServeHTTP(w, keys)
		w.header.Set("Content-Type", "text/plain")
	default:
		handler.ServeHTTP(w, r)
	}
	return w.response(r), nil
}

// recorded is an answer in the making. It is not httptest's: that would link
// its certificates and its flag into every program.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header, WriteHeader and Write implement http.ResponseWriter.
func (w *recorded) Header() http.Header { return w.header }

// WriteHeader keeps the status.
func (w *recorded) WriteHeader(status int) { w.status = status }

// Write keeps the body.
func (w *recorded) Write(p []byte) (int, error) { return w.body.Write(p) }

func (w *recorded) response(r *http.Request) *http.Response {
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}
}
