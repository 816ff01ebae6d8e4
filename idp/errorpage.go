package idp

import (
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
)

// only answers every other method on a token endpoint, which takes a few: with
// a page for a browser, as Azure does, and with JSON for a program.
func (l listener) only(methods string) handler {
	return func(_ http.ResponseWriter, r *http.Request) answer {
		if r.Method == http.MethodOptions {
			return answer{status: http.StatusOK, header: headersOf("Allow", "POST, OPTIONS")}
		}
		refused := l.refuse(r, newError(900561, "methods", methods, "method", r.Method))
		refused.header["Allow"] = []string{"POST, OPTIONS"}
		if body, ok := refused.body.(ErrorBody); ok && strings.Contains(r.Header.Get("Accept"), "text/html") {
			refused.header["Content-Type"] = []string{"text/html; charset=utf-8"}
			refused.body = errorHTML(body)
		}
		return refused
	}
}

func errorHTML(b ErrorBody) string {
	message, _, _ := strings.Cut(b.ErrorDescription, " Trace ID: ")
	return "<!DOCTYPE html><html><head><title>Sign in to your account</title></head><body><h1>Sign in</h1>" +
		"<p>Sorry, but we’re having trouble signing you in.</p><p>" + html.EscapeString(message) + "</p>" +
		"<p>Request Id: " + b.TraceID + "<br>Correlation Id: " + b.CorrelationID +
		"<br>Timestamp: " + b.Timestamp + "<br>Message: " + html.EscapeString(message) + "</p></body></html>\n"
}

// preflight answers OPTIONS on what a browser may read.
func preflight(http.ResponseWriter, *http.Request) answer {
	return answer{status: http.StatusOK, header: headersOf(
		"Allow", "GET, OPTIONS",
		"Access-Control-Allow-Origin", "*",
		"Access-Control-Allow-Methods", "GET, OPTIONS",
	)}
}

var plainText = headersOf("Content-Type", "text/plain; charset=utf-8")

// errorPage is GET /error?code=N, where error_uri points: Azure's text for a
// number, when idpool knows it.
func (l listener) errorPage(_ http.ResponseWriter, r *http.Request) answer {
	number, err := strconv.Atoi(r.URL.Query().Get("code"))
	row, known := errorRow(number)
	if err != nil || !known {
		return answer{status: http.StatusNotFound, header: plainText, body: "idpool knows no such error; give one as /error?code=7000215\n"}
	}
	return answer{status: http.StatusOK, header: plainText, body: fmt.Sprintf("AADSTS%d (%s)\n%s\n", number, row.code, row.text)}
}
