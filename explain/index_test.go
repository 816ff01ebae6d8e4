package explain_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/idpool/idpool/explain"
)

// The index changes how fast a cause is found, and nothing else.
func TestIndexed(t *testing.T) {
	for _, r := range rows() {
		plain := explain.Causes(r.in)
		r.in.Facts = r.in.Facts.Indexed()
		if indexed := explain.Causes(r.in); !reflect.DeepEqual(plain, indexed) {
			t.Errorf("%s: %v, with an index %v", r.name, ids(plain), ids(indexed))
		}
	}
	in := filtered("claims.aud == 'x'", func(c map[string]any) { c["aud"] = "API://" + apiID + "/" })
	plain := explain.Causes(in)
	in.Facts = in.Facts.Indexed()
	if got := explain.Causes(in); fmt.Sprint(got) != fmt.Sprint(plain) {
		t.Errorf("a name in other letters: %v, with an index %v", plain, got)
	}
}
