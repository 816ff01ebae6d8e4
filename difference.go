package idpool

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

// Difference is a claim that two tokens do not share.
type Difference struct {
	Claim string `json:"claim"`
	// Got and Want are the values as JSON; empty when there is none.
	Got  string `json:"got,omitempty"`
	Want string `json:"want,omitempty"`
}

// VolatileClaims are those that two tokens of the same client differ in: the
// times, and what Azure makes up anew for each.
func VolatileClaims() []string {
	return []string{"iat", "nbf", "exp", "aio", "rh", "uti", "xms_ftd"}
}

// DiffClaims lists the claims in which got differs from want, by name. It
// leaves out the VolatileClaims, and does not look at the order of lists, in
// which no filter sees a difference.
func DiffClaims(want, got map[string]any) []Difference {
	names := slices.Concat(slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)))
	slices.Sort(names)
	var out []Difference
	for _, name := range slices.Compact(names) {
		w, wanted := want[name]
		g, there := got[name]
		if slices.Contains(VolatileClaims(), name) || wanted == there && reflect.DeepEqual(ordered(w), ordered(g)) {
			continue
		}
		out = append(out, Difference{Claim: name, Got: claimJSON(g, there), Want: claimJSON(w, wanted)})
	}
	return out
}

// ordered is a list of values in an order of its own; anything else as it is.
func ordered(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	return slices.SortedFunc(slices.Values(list), func(a, b any) int {
		return cmp.Compare(claimJSON(a, true), claimJSON(b, true))
	})
}

func claimJSON(v any, there bool) string {
	if !there {
		return ""
	}
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}
