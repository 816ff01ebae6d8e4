package openapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
)

// object is a JSON object that keeps the order of its members, which a map
// would lose: properties stand as in the struct, paths as in the table.
type object []member

type member struct {
	name  string
	value any
}

// add appends a member.
func (o *object) add(name string, value any) { *o = append(*o, member{name, value}) }

// addSome appends a member unless it is empty.
func (o *object) addSome(name string, value any) {
	v := reflect.ValueOf(value)
	if v.IsValid() && !v.IsZero() && (v.Kind() != reflect.Slice || v.Len() > 0) {
		o.add(name, value)
	}
}

// index is where the member of that name is, or -1.
func (o object) index(name string) int {
	return slices.IndexFunc(o, func(m member) bool { return m.name == name })
}

// find returns the value of the member of that name, or nil.
func (o object) find(name string) any {
	if i := o.index(name); i >= 0 {
		return o[i].value
	}
	return nil
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := encode(m.name)
		if err != nil {
			return nil, err
		}
		value, err := encode(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode is json.Marshal that leaves <, > and & as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return b.Bytes(), err
}
