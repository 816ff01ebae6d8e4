package idp

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is an error answer of the token or discovery endpoint (RFC 6749 5.2)
// with Azure's number and text. It says nothing of the request's secret.
type Error struct {
	// Code is the OAuth error, such as invalid_client.
	Code string
	// Number is Azure's, without AADSTS; 0 for an error of idpool itself.
	Number int
	// Message is Azure's text without number and trailer.
	Message string
	// Status is the HTTP status.
	Status int
	// Suberror and Claims are further members of the body, mostly empty.
	Suberror, Claims string

	noURI  bool
	detail string // for the log, never in an answer
}

// Error is the number and the text, without the trailer.
func (e *Error) Error() string {
	if e.Number == 0 {
		return "idpool: " + e.Message
	}
	return fmt.Sprintf("AADSTS%d: %s", e.Number, e.Message)
}

// NewError makes an error of the tables in docs/azure.md by its number. words are
// pairs: the name of a placeholder of its text, such as appId, and what it is
// replaced by. A number that they do not have gives an invalid_request
// that says so, and no error_uri.
func NewError(number int, words ...string) *Error {
	if !KnowsError(number) {
		return &Error{Code: "invalid_request", Number: number, Status: http.StatusBadRequest, noURI: true,
			Message: "idpool has no text for this error of Azure's."}
	}
	if len(words)%2 != 0 {
		words = words[:len(words)-1] // a name without a value replaces nothing
	}
	return newError(number, words...)
}

// newError makes an Error from the tables. words are pairs: the name of a
// placeholder and what it is replaced by.
func newError(number int, words ...string) *Error {
	row, _ := errorRow(number)
	pairs := make([]string, len(words))
	for i, w := range words {
		if i%2 == 0 {
			w = "{" + w + "}"
		}
		pairs[i] = w
	}
	e := &Error{Code: row.code, Number: number, Status: row.status, Suberror: row.suberror, noURI: row.noURI}
	e.Message = strings.NewReplacer(pairs...).Replace(row.text)
	if e.Status == 0 {
		e.Status = http.StatusBadRequest
		if e.Code == "invalid_client" {
			e.Status = http.StatusUnauthorized
		}
	}
	return e
}

// because adds what the log says beside Azure's text.
func (e *Error) because(format string, args ...any) *Error {
	e.detail = fmt.Sprintf(format, args...)
	return e
}

// ErrorBody is the JSON of an error answer, in Azure's order (azure-ad.md 5.1).
type ErrorBody struct {
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`
	ErrorCodes       []int  `json:"error_codes"`
	Timestamp        string `json:"timestamp"` // 2006-01-02 15:04:05Z
	TraceID          string `json:"trace_id"`
	CorrelationID    string `json:"correlation_id"`
	ErrorURI         string `json:"error_uri,omitempty"`
	Suberror         string `json:"suberror,omitempty"`
	Claims           string `json:"claims,omitempty"`
}

// Body is the error as the endpoint at publicURL answers it at a time.
func (e *Error) Body(publicURL string, at time.Time, traceID, correlationID string) ErrorBody {
	stamp := at.UTC().Format("2006-01-02 15:04:05Z")
	body := ErrorBody{
		Error:            e.Code,
		ErrorDescription: fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s", e.Error(), traceID, correlationID, stamp),
		ErrorCodes:       []int{},
		Timestamp:        stamp,
		TraceID:          traceID,
		CorrelationID:    correlationID,
		Suberror:         e.Suberror,
		Claims:           e.Claims,
	}
	if e.Number != 0 {
		body.ErrorCodes = append(body.ErrorCodes, e.Number)
	}
	if e.Number != 0 && !e.noURI {
		body.ErrorURI = fmt.Sprintf("%s/error?code=%d", publicURL, e.Number)
	}
	return body
}
