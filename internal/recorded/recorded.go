// Package recorded keeps the response of an http.Handler in memory and gives it
// to a client as if it had come over the network. It is not httptest's recorder:
// that would link its certificates and its flag into every program.
package recorded

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// Response is an http.ResponseWriter. The zero Response is not usable; [New]
// makes one.
type Response struct {
	// Status is that of the response, 200 unless the handler says otherwise.
	Status int
	// Body is what was written.
	Body bytes.Buffer

	header http.Header
}

// New makes an empty response.
func New() *Response { return &Response{Status: http.StatusOK, header: http.Header{}} }

// Header implements http.ResponseWriter.
func (w *Response) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *Response) WriteHeader(status int) { w.Status = status }

// Write implements http.ResponseWriter.
func (w *Response) Write(p []byte) (int, error) { return w.Body.Write(p) }

// To is what the client that sent a request would have got over the network.
func (w *Response) To(r *http.Request) *http.Response {
	return &http.Response{
		Status:        strconv.Itoa(w.Status) + " " + http.StatusText(w.Status),
		StatusCode:    w.Status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        w.header,
		Body:          io.NopCloser(&w.Body),
		ContentLength: int64(w.Body.Len()),
		Request:       r,
	}
}
