package fault

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"github.com/idpool/idpool/internal/recorded"
)

// RoundTrip is what a client sees of a handler that may break connections off,
// without a network: io.EOF instead of a response that never began, and
// io.ErrUnexpectedEOF at the end of a body that was cut. A slow body comes whole,
// after its pauses.
func RoundTrip(h http.Handler, r *http.Request) (*http.Response, error) {
	w := &unsent{Response: recorded.New()}
	broken := !w.serve(h, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if broken && !w.begun {
		return nil, io.EOF
	}
	response := w.To(r)
	if broken {
		response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(w.Body.Bytes()), failing{io.ErrUnexpectedEOF}))
		if n, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64); err == nil {
			response.ContentLength = n
		}
	}
	return response, nil
}

// unsent is a response that knows whether it has begun.
type unsent struct {
	*recorded.Response
	begun bool
}

// serve says whether the handler came to its end.
func (u *unsent) serve(h http.Handler, r *http.Request) (ended bool) {
	defer func() {
		switch broken := recover(); broken {
		case nil, http.ErrAbortHandler:
		default:
			panic(broken)
		}
	}()
	h.ServeHTTP(u, r)
	return true
}

// WriteHeader implements http.ResponseWriter.
func (u *unsent) WriteHeader(status int) {
	u.begun = true
	u.Response.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (u *unsent) Write(p []byte) (int, error) {
	u.begun = true
	return u.Response.Write(p)
}
