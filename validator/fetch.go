package validator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What a JWKS response may be, and how long it holds (confluent-cloud.md 4.2:
// max-age counts between 5 minutes and 7 days, and is a day when missing).
const (
	maxKeySetBytes = 1 << 20
	maxRedirects   = 3
	minMaxAge      = 300 * time.Second
	maxMaxAge      = 604800 * time.Second
	defaultMaxAge  = 86400 * time.Second
	defaultTimeout = 10 * time.Second
)

// fetcher gets key sets over HTTP. It keeps nothing between two fetches but
// connections.
type fetcher struct {
	client  *http.Client
	timeout time.Duration
	now     func() time.Time
	machine func() time.Time
	fetched func(Fetch) // nil for nobody
	// own is the transport of a fetcher whose caller has given no client; nil
	// when there is one, whose connections are not ours to close.
	own *http.Transport
}

// newFetcher makes a fetcher of a Config, whose client is left as it is, and whose
// clocks are set.
func newFetcher(c Config) *fetcher {
	f := &fetcher{client: &http.Client{}, now: c.Now, machine: c.Machine, fetched: c.Fetched}
	if c.Client != nil {
		*f.client = *c.Client
	} else if shared, ok := http.DefaultTransport.(*http.Transport); ok {
		f.own = shared.Clone()
		f.client.Transport = f.own
	}
	f.client.CheckRedirect = sameHost
	if f.client.Timeout <= 0 {
		f.client.Timeout = defaultTimeout
	}
	// The context of a fetch has the timeout: the client's own would hide what its
	// transport says.
	f.timeout, f.client.Timeout = f.client.Timeout, 0
	return f
}

// close drops the connections that are kept for the next fetch.
func (f *fetcher) close() {
	if f.own != nil {
		f.own.CloseIdleConnections()
	}
}

// sameHost follows a redirect only to the host that the operator has named: an
// answer must not choose whose keys are trusted.
func sameHost(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if next.URL.Scheme != first.Scheme || next.URL.Host != first.Host {
		return fmt.Errorf("redirect to %s not followed: it is another host", clip(next.URL.Scheme+"://"+next.URL.Host))
	}
	if len(before) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}

// tell gives an account of a fetch to who wants it.
func (f *fetcher) tell(j *jwks, took time.Duration, set *keySet, err error) {
	if f.fetched == nil {
		return
	}
	done := Fetch{Provider: j.provider, URI: j.shown, Err: err, Duration: took}
	if set != nil {
		done.Keys = len(set.keys)
	}
	f.fetched(done)
}

// faultHeader is the response header in which an idpool names the fault that it
// has injected (package fault).
const faultHeader = "Idpool-Fault"

// fetchError is why a fetch failed, and the fault that made it fail, if it was
// injected.
type fetchError struct {
	err   error
	fault string
}

// Error says why, and which fault it was if one was.
func (e *fetchError) Error() string {
	if e.fault == "" {
		return e.err.Error()
	}
	return e.err.Error() + " (the fault " + quote(e.fault) + ")"
}

// Unwrap returns the error without the fault.
func (e *fetchError) Unwrap() error { return e.err }

// Fault is the id of the fault.
func (e *fetchError) Fault() string { return e.fault }

// faultOf is the id of the fault that an error tells of; empty for none. A transport
// that knows why it has no response has errors of its own that do.
func faultOf(err error) string {
	var injected interface{ Fault() string }
	if errors.As(err, &injected) {
		return clip(injected.Fault())
	}
	return ""
}

// get fetches a JWKS. Its error says what happened, beginning with the request.
func (f *fetcher) get(ctx context.Context, uri *url.URL) (*keySet, error) {
	set, fault, err := f.try(ctx, uri)
	if err == nil {
		set.fault = fault
		return set, nil
	}
	if fault == "" {
		fault = faultOf(err)
	}
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err // url.Error would repeat method and URL
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %v", f.timeout)
	}
	return nil, &fetchError{fmt.Errorf("GET %s: %w", uri.Redacted(), err), fault}
}

// try makes the request. It also returns the id of the fault in the response.
func (f *fetcher) try(ctx context.Context, uri *url.URL) (set *keySet, fault string, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, uri.String(), nil)
	if err != nil {
		return nil, "", err
	}
	request.Header.Set("Accept", "application/json, application/jwk-set+json, application/jwk+json")
	response, err := f.client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	set, err = f.read(response)
	return set, clip(response.Header.Get(faultHeader)), err
}

// read takes the keys from a response. Every limit on what a server may answer is
// here.
func (f *fetcher) read(response *http.Response) (*keySet, error) {
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	if err := acceptable(response.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	// One byte more than allowed, to tell "too much" from "just enough". The
	// limit is on the unpacked body, when the server has compressed it.
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeySetBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxKeySetBytes {
		return nil, fmt.Errorf("the body has more than %d bytes", maxKeySetBytes)
	}
	set, err := parseKeySet(body)
	if err != nil {
		return nil, err
	}
	set.fetchedAt, set.maxAge = f.now(), maxAge(response.Header)
	return set, nil
}

// acceptable checks a Content-Type (confluent-cloud.md 4.1). Who serves keys as
// text/plain locally would learn of it from Confluent otherwise.
func acceptable(contentType string) error {
	switch media, _, _ := mime.ParseMediaType(contentType); media {
	case "application/json", "application/jwk+json", "application/jwk-set+json":
		return nil
	}
	return fmt.Errorf("the Content-Type is %q, not application/json or application/jwk-set+json", clip(contentType))
}

// maxAge reads max-age of Cache-Control (RFC 9111 5.2.2.1) and clamps it. No
// other directive counts: Confluent names only this one.
func maxAge(header http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 64)
		if errors.Is(err, strconv.ErrRange) {
			return maxMaxAge
		}
		if err != nil {
			return defaultMaxAge
		}
		return min(max(time.Duration(min(seconds, uint64(maxMaxAge/time.Second)))*time.Second, minMaxAge), maxMaxAge)
	}
	return defaultMaxAge
}
