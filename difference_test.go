package idpool

import (
	"slices"
	"testing"
)

func TestDiffClaims(t *testing.T) {
	want := map[string]any{"roles": []any{"a", "b"}, "azp": "x", "gone": true, "exp": 1.0, "null": nil}
	got := map[string]any{"roles": []any{"b", "a"}, "azp": "y", "more": 2.0, "exp": 2.0, "iat": 3.0}
	diff := DiffClaims(want, got)
	if !slices.Equal(diff, []Difference{
		{Claim: "azp", Got: `"y"`, Want: `"x"`}, {Claim: "gone", Want: "true"}, {Claim: "more", Got: "2"}, {Claim: "null", Want: "null"},
	}) {
		t.Errorf("got %+v", diff)
	}
	if diff := DiffClaims(map[string]any{"roles": []any{"a", "a"}}, map[string]any{"roles": []any{"a"}}); len(diff) != 1 {
		t.Errorf("a list with a value twice: %+v", diff)
	}
	if diff := DiffClaims(nil, nil); diff != nil {
		t.Errorf("nothing: %+v", diff)
	}
}
