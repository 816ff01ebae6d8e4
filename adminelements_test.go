package idpool

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

// The table of RFC 7396, appendix A, as far as a patch is an object: no other
// patch leaves an element of a Config.
func TestMergePatch(t *testing.T) {
	for _, tt := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		var target, patch, want any
		if err := errors.Join(json.Unmarshal([]byte(tt.target), &target), json.Unmarshal([]byte(tt.patch), &patch), json.Unmarshal([]byte(tt.want), &want)); err != nil {
			t.Fatal(err)
		}
		if got := mergedValue(target, patch); !reflect.DeepEqual(got, want) {
			t.Errorf("%s with %s is %v, want %s", tt.target, tt.patch, got, tt.want)
		}
		var same any
		if err := json.Unmarshal([]byte(tt.target), &same); err != nil || !reflect.DeepEqual(target, same) {
			t.Errorf("%s with %s has written to the target: %v", tt.target, tt.patch, target)
		}
	}
}

// Mistakes within the part that somebody has sent are named from there, others
// from the top.
func TestMistakesBeneath(t *testing.T) {
	err := beneath("tenants[1]", ConfigErrors{
		{File: "f", Field: "tenants[10].id", Message: "a"}, {File: "f", Field: "tenants[1].id", Message: "b"},
		{File: "f", Field: "tenants[1]", Message: "c"}, {File: "f", Message: "d"},
	})
	var r *refusal
	if !errors.As(err, &r) {
		t.Fatal(err)
	}
	var fields []string
	for _, m := range r.Errors {
		fields = append(fields, m.Field)
	}
	if r.Field != "id" || !reflect.DeepEqual(fields, []string{"tenants[10].id", "id", "", ""}) || r.Detail != "tenants[10].id: a\nid: b\nc\nd" {
		t.Errorf("field %q, fields %q, detail %q", r.Field, fields, r.Detail)
	}
	if other := errors.New("other"); beneath("tenants[1]", other) != other || beneath("", nil) != nil {
		t.Error("errors that are none of a config are changed")
	}
}
