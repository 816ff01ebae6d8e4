package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
)

// HTTP is an API that takes bearer tokens (RFC 6750). The URL should be one that
// the valid token may read, and reading it should change nothing.
type HTTP struct {
	// URL is asked with each token.
	URL string
	// Method is GET when empty.
	Method string
	// Header is sent each time. Where a value has {token} in it that is where the
	// token goes, and there is no Authorization header but an own one.
	Header http.Header
	// Client asks. Its redirects are not followed: one is an answer. Nil means
	// one like http.DefaultClient.
	Client *http.Client
	// Accepts says which statuses let a token in. Nil means 200 to 299.
	Accepts func(status int) bool
	// Refuses says which statuses refuse one, of those that Accepts does not
	// have. Nil means 400, 401 and 403, which RFC 6750 3.1 has for it, and 431,
	// for tokens that no header can hold. All others are unclear.
	Refuses func(status int) bool
}

// String names the target in a report.
func (h HTTP) String() string { return h.URL }

// placeholder is where in a header the token goes.
const placeholder = "{token}"

// maxBody is how much of an answer is read, so that the connection can be used
// again.
const maxBody = 64 << 10

// Try asks with the token.
func (h HTTP) Try(ctx context.Context, token string) (Answer, error) {
	if !fitsHeader(token) {
		return Answer{Verdict: Unsendable, Said: "the token has characters that no HTTP header may have"}, nil
	}
	request, err := http.NewRequestWithContext(ctx, cmp.Or(h.Method, http.MethodGet), h.URL, nil)
	if err != nil {
		return Answer{}, fmt.Errorf("probe: %w", err)
	}
	h.fill(request, token)
	client := http.Client{}
	if h.Client != nil {
		client = *h.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(request)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return Answer{}, fmt.Errorf("probe: the connection was closed, as by a target that crashes on the token: %w", err)
	case err != nil:
		return Answer{}, fmt.Errorf("probe: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	// What cannot be read changes nothing about the status.
	_, _ = io.CopyN(io.Discard, response.Body, maxBody)
	return h.answer(response), nil
}

// fill puts the token into the request.
func (h HTTP) fill(request *http.Request, token string) {
	request.Header.Set("User-Agent", "idpool-probe")
	placed := false
	for name, values := range h.Header {
		var sent []string
		for _, v := range values {
			placed = placed || strings.Contains(v, placeholder)
			sent = append(sent, strings.ReplaceAll(v, placeholder, token))
		}
		request.Header[http.CanonicalHeaderKey(name)] = sent
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host // net/http takes it from nowhere else
	}
	if !placed {
		request.Header.Set("Authorization", "Bearer "+token)
	}
}

// answer reads a response's status.
func (h HTTP) answer(response *http.Response) Answer {
	a := Answer{Said: response.Status}
	for _, challenge := range response.Header.Values("WWW-Authenticate") {
		a.Said += ", WWW-Authenticate: " + challenge
	}
	accepts, refuses := h.Accepts, h.Refuses
	if accepts == nil {
		accepts = func(status int) bool { return status >= 200 && status < 300 }
	}
	if refuses == nil {
		refuses = refusesByDefault
	}
	switch status := response.StatusCode; {
	case accepts(status):
		a.Verdict = Accepted
	case refuses(status):
		a.Verdict = Refused
	default:
		a.Verdict, a.Note = Unclear, unclear(response)
	}
	return a
}

func refusesByDefault(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestHeaderFieldsTooLarge:
		return true
	}
	return false
}

// unclear says why a status is neither.
func unclear(response *http.Response) string {
	switch status := response.StatusCode; {
	case status == http.StatusTooManyRequests:
		return "the target limits how often it may be asked: send more slowly"
	case status == http.StatusNotFound:
		return "there may be nothing at this URL, or it is hidden from those who may not see it"
	case status >= 300 && status < 400:
		return "a redirect, which is not followed, to " + response.Header.Get("Location")
	case status >= 500:
		return "the target failed, where it should have refused"
	}
	return "neither a success nor a refusal"
}

// fitsHeader says whether HTTP can carry a text (RFC 9110 5.5).
func fitsHeader(text string) bool {
	for _, b := range []byte(text) {
		if b < ' ' && b != '\t' || b == 0x7F {
			return false
		}
	}
	return true
}
