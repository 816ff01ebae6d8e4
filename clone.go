package idpool

import "reflect"

// clone is a deep copy of what a file can say of a Config. What only Go can say
// (functions, interfaces, keys) is shared, as are unexported fields.
func clone[T any](v T) T { return rewritten(v, func(s string) string { return s }) }

// rewritten is such a copy with every string changed, those of filters, claims
// and URLs included. Keys of maps stay.
func rewritten[T any](v T, rewrite func(string) string) T {
	return copier{rewrite}.copy(reflect.ValueOf(&v).Elem()).Interface().(T)
}

type copier struct{ rewrite func(string) string }

func (c copier) copy(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		out := reflect.New(v.Type()).Elem()
		out.SetString(c.rewrite(v.String()))
		return out
	case reflect.Struct:
		return c.copyStruct(v)
	case reflect.Slice:
		return c.copySlice(v)
	case reflect.Map:
		return c.copyMap(v)
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(c.copy(v.Elem()))
		return out
	case reflect.Interface: // the value of a claim
		if v.IsNil() {
			return v
		}
		return c.copy(v.Elem())
	}
	return v
}

// copyStruct copies a struct whole first, with what is unexported.
func (c copier) copyStruct(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
			out.Field(i).Set(c.copy(v.Field(i)))
		}
	}
	return out
}

func (c copier) copySlice(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	for i := range v.Len() {
		out.Index(i).Set(c.copy(v.Index(i)))
	}
	return out
}

func (c copier) copyMap(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	out := reflect.MakeMapWithSize(v.Type(), v.Len())
	for key, value := range v.Seq2() {
		out.SetMapIndex(key, c.copy(value))
	}
	return out
}
