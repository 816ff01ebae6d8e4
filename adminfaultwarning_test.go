package idpool

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// The answer to adding a fault whose number has no text said nothing of it.
func TestAddingAFaultWarns(t *testing.T) {
	s := start(t, Acme())
	for body, want := range map[string]string{
		`{"endpoint": "token", "aadsts": 12345}`: "aadsts: idpool has no text of Azure's for 12345",
		`{"endpoint": "token", "aadsts": 50196}`: "",
	} {
		r, err := http.Post(s.Admin+"/v1/faults", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		var added struct{ ID, Problem string }
		err = json.NewDecoder(r.Body).Decode(&added)
		r.Body.Close()
		if err != nil || r.StatusCode != http.StatusCreated || added.ID == "" || !strings.HasPrefix(added.Problem, want) || want == "" && added.Problem != "" {
			t.Errorf("%s: %s, %+v, %v", body, r.Status, added, err)
		}
	}
}
