package idpool

import (
	"net/http"
	"strings"
	"testing"
)

// Clients whose every POST has a JSON body were refused where none is read.
func TestAnEmptyObjectIsNoBody(t *testing.T) {
	s := start(t, Acme())
	for body, want := range map[string]int{"": http.StatusNoContent, "{}": http.StatusNoContent, " {} \n": http.StatusNoContent, "[]": http.StatusBadRequest} {
		response, err := s.Client().Post(s.Admin+"/v1/reset", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%q: %s, want %d", body, response.Status, want)
		}
	}
}
