package recorded

import (
	"io"
	"net/http"
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

func TestImports(t *testing.T) { imports.Check(t, ".") }

func TestResponse(t *testing.T) {
	request, err := http.NewRequest(http.MethodGet, "http://idp.test/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := New()
	http.Error(w, "no", http.StatusTeapot)
	got := w.To(request)
	body, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode != http.StatusTeapot || got.Status != "418 I'm a teapot" || string(body) != "no\n" ||
		got.ContentLength != 3 || got.Header.Get("Content-Type") == "" || got.Request != request {
		t.Errorf("got %+v, %q, %v", got, body, err)
	}
	if got := New().To(request); got.StatusCode != http.StatusOK || got.ContentLength != 0 {
		t.Errorf("a handler that does nothing: %+v", got)
	}
}
