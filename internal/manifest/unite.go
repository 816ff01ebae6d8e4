package manifest

import (
	"reflect"
	"strings"
)

// unite fills what is missing in known from other, an export of the same thing.
// It returns the name of a field that both have with different values, or
// empty when they agree. known points to a struct with json tags, other is one.
func unite(known, other any) string {
	return uniteValue(reflect.ValueOf(known).Elem(), reflect.ValueOf(other), "")
}

func uniteValue(known, other reflect.Value, field string) string {
	switch {
	case other.IsZero(), equal(known, other):
		return ""
	case known.IsZero():
		known.Set(other)
		return ""
	case known.Kind() == reflect.Slice && known.Type().Elem().Kind() == reflect.Struct && known.Len() == other.Len():
		for i := range known.Len() {
			if at := uniteValue(known.Index(i), other.Index(i), field); at != "" {
				return at
			}
		}
		return ""
	case known.Kind() == reflect.Struct && known.Type().PkgPath() != "time":
		return uniteFields(known, other, field)
	}
	return field
}

func uniteFields(known, other reflect.Value, field string) string {
	for i := range known.NumField() {
		name := jsonName(known.Type().Field(i))
		if field != "" {
			name = field + "." + name
		}
		if at := uniteValue(known.Field(i), other.Field(i), name); at != "" {
			return at
		}
	}
	return ""
}

// equal compares as Azure does: ids without regard to case.
func equal(a, b reflect.Value) bool {
	if a.Kind() == reflect.String && isGUID(a.String()) {
		return strings.EqualFold(a.String(), b.String())
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// jsonName is how a field is called in the config.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
