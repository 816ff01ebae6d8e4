package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"syscall"
)

const (
	maxSamples = 3
	maxSample  = 200 // bytes of a sample's text
)

// failure is a request that did not get what it asked for.
type failure struct {
	kind   string // what is counted together, such as "401 AADSTS7000215"
	sample string // what it said, without secret and token
	broken bool   // there was no answer at all
}

// transportFailure names what happened to the connection without the ports,
// which differ each time. The protocol is what the answer should have been.
func transportFailure(protocol string, err error) *failure {
	kind := "transport error"
	var timeout net.Error
	var ours *net.OpError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		kind = "connection refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		kind = "connection closed before the end of the answer"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		kind = "connection reset"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		kind = fmt.Sprintf("no answer in %v", patience)
	case !errors.As(err, &ours):
		kind = "no " + protocol + " answer"
	}
	return &failure{kind: kind, sample: err.Error(), broken: true}
}

var aadsts = regexp.MustCompile(`\bAADSTS\d+`)

// answerFailure is an answer that is no token: by status, then by Azure's
// number or else the OAuth error (RFC 6749 5.2).
func answerFailure(r *http.Response, body []byte, mask *strings.Replacer) *failure {
	f := &failure{kind: fmt.Sprint(r.StatusCode)}
	if r.StatusCode == http.StatusOK {
		// It may hold a token in a form that nobody knows, so it is not shown.
		f.kind = "200 without a token"
		f.sample = fmt.Sprintf("%d bytes of Content-Type %q", len(body), r.Header.Get("Content-Type"))
		return f
	}
	var answer struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	text := string(body)
	if err := json.Unmarshal(body, &answer); err == nil && answer.Error != "" && len(answer.Error) < 64 {
		text = answer.Error + ": " + answer.Description
		f.kind += " " + clean(answer.Error, mask)
	}
	if number := aadsts.FindString(text); number != "" {
		f.kind = fmt.Sprintf("%d %s", r.StatusCode, number)
	}
	f.sample = clean(text, mask)
	return f
}

// jwt is a token in a text, with or without its signature.
var jwt = regexp.MustCompile(`eyJ[\w-]+(\.[\w-]*)*`)

// clean masks a text, then makes one short line of it: cut first, half a
// secret would pass the mask.
func clean(text string, mask *strings.Replacer) string {
	text = jwt.ReplaceAllString(mask.Replace(text), "(token)")
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxSample {
		text = text[:maxSample] + "…"
	}
	return strings.ToValidUTF8(text, "�")
}

// masking replaces the secret in the forms in which a server may echo it.
func masking(secret string) *strings.Replacer {
	if secret == "" {
		return strings.NewReplacer()
	}
	var pairs []string
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret), inJSON(secret, true), inJSON(secret, false),
	} {
		pairs = append(pairs, form, "(secret)")
	}
	return strings.NewReplacer(pairs...)
}

// inJSON is a text as a JSON string has it between the quotes.
func inJSON(text string, escapeHTML bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(escapeHTML)
	_ = e.Encode(text) // never fails: a string into memory
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), `"`), "\"\n")
}
