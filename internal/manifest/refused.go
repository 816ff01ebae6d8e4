package manifest

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/idpool/idpool/idp"
)

// leaveOutRefused asks idp about the tenants and leaves out what it refuses,
// since Azure allows more than idp does: a role without a value, a certificate
// with an elliptic curve. It says of each what and why. The tenants are changed
// in place.
func leaveOutRefused(tenants []idp.Tenant) ([]FillIn, error) {
	var notes []FillIn
	for {
		_, err := idp.New(idp.Config{Tenants: tenants})
		if err == nil {
			return notes, nil
		}
		removals, err := removalsOf(tenants, err)
		if err != nil {
			return nil, err
		}
		// From the back, so that the places of the others stay as they are.
		slices.SortFunc(removals, func(a, b removal) int { return b.compare(a) })
		removals = slices.CompactFunc(removals, func(a, b removal) bool { return a.compare(b) == 0 })
		for _, r := range slices.Backward(removals) {
			notes = append(notes, r.note(tenants))
		}
		for _, r := range removals {
			r.apply(tenants)
		}
	}
}

// removal is a place whose value is left out.
type removal struct {
	list  string // of the list, or of the struct that has the field
	index int    // in the list; -1 for a field
	field string
	why   string
	// around says that the mistake lies somewhere in the element, at a place
	// that the config does not have.
	around bool
}

func (r removal) compare(o removal) int {
	if c := strings.Compare(r.list, o.list); c != 0 {
		return c
	}
	if r.index != o.index {
		return r.index - o.index
	}
	return strings.Compare(r.field, o.field)
}

// removalsOf finds for each of idp's mistakes the smallest thing that can be
// left out.
func removalsOf(tenants []idp.Tenant, err error) ([]removal, error) {
	mistakes := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		mistakes = joined.Unwrap()
	}
	var out []removal
	for _, one := range mistakes {
		var mistake *idp.ConfigError
		if !errors.As(one, &mistake) {
			return nil, &Error{Message: one.Error()}
		}
		r, ok := smallest(tenants, mistake)
		if !ok {
			return nil, &Error{Field: mistake.Field, Message: mistake.Message}
		}
		out = append(out, r)
	}
	if exact := slices.DeleteFunc(slices.Clone(out), func(r removal) bool { return r.around }); len(exact) > 0 {
		return exact, nil // which may settle the others: the next round tells
	}
	return out, nil
}

// element matches the lists whose elements can be left out one by one. A role
// without one of its allowedMemberTypes would be another role, so that list is
// not among them.
var element = regexp.MustCompile(`^(.*\.(?:appRoles|identifierUris|passwordCredentials|keyCredentials|federatedIdentityCredentials|requiredResourceAccess|` +
	`resourceAccess|appRoleAssignments|roles|accessToken|domains|servicePrincipals))\[(\d+)\]`)

// scalar matches a field that can be left empty.
var scalar = regexp.MustCompile(`^(tenants\[\d+\]\.applications\[\d+\](?:\.\w+)?)\.(signInAudience|requestedAccessTokenVersion|servicePrincipal)$`)

func smallest(tenants []idp.Tenant, mistake *idp.ConfigError) (removal, bool) {
	if m := element.FindStringSubmatch(mistake.Field); m != nil {
		i, err := strconv.Atoi(m[2])
		list := valueAt(tenants, m[1])
		if err == nil && list.IsValid() && i < list.Len() {
			return removal{list: m[1], index: i, why: mistake.Message}, true
		}
		// idp names the App ID URIs of a foreign application at its service
		// principal, where the config has none.
		if outer := element.FindStringSubmatch(m[1]); outer != nil {
			r, ok := smallest(tenants, &idp.ConfigError{Field: m[1], Message: mistake.Message})
			r.around = true
			return r, ok
		}
	}
	if m := scalar.FindStringSubmatch(mistake.Field); m != nil {
		v := valueAt(tenants, mistake.Field)
		return removal{list: m[1], index: -1, field: m[2], why: mistake.Message}, v.IsValid() && !v.IsZero()
	}
	return removal{}, false
}

// note says what is left out, while it is still there.
func (r removal) note(tenants []idp.Tenant) FillIn {
	if r.index < 0 {
		return FillIn{Field: r.list + "." + r.field, Message: fmt.Sprintf("left out, since idpool cannot have it: %s", r.why)}
	}
	name := nameOf(valueAt(tenants, r.list).Index(r.index))
	return FillIn{Field: r.list, Message: fmt.Sprintf("%s left out, since idpool cannot have it: %s", name, r.why)}
}

// nameOf is what a person knows an entry by.
func nameOf(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return quoted(v.String())
	}
	for _, field := range []string{"DisplayName", "Name", "Subject", "ID", "KeyID", "AppID", "ResourceAppID", "Resource"} {
		if f := v.FieldByName(field); f.IsValid() && f.String() != "" {
			return quoted(f.String())
		}
	}
	return "one"
}

func (r removal) apply(tenants []idp.Tenant) {
	if r.index < 0 {
		valueAt(tenants, r.list+"."+r.field).SetZero()
		return
	}
	list := valueAt(tenants, r.list)
	// A new list: the old one is shared with what was read.
	shorter := reflect.MakeSlice(list.Type(), 0, list.Len())
	for i := range list.Len() {
		if i != r.index {
			shorter = reflect.Append(shorter, list.Index(i))
		}
	}
	if shorter.Len() == 0 {
		shorter = reflect.Zero(list.Type()) // not an empty list in the text
	}
	list.Set(shorter)
}

// valueAt follows a field such as tenants[0].applications[1].appRoles by the
// json tags. It is the zero Value where there is none.
func valueAt(tenants []idp.Tenant, field string) reflect.Value {
	v := reflect.ValueOf(struct {
		Tenants []idp.Tenant `json:"tenants"`
	}{tenants})
	for _, step := range strings.FieldsFunc(field, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		if v = child(v, step); !v.IsValid() {
			return v
		}
	}
	return v
}

func child(v reflect.Value, step string) reflect.Value {
	switch v.Kind() {
	case reflect.Slice:
		if i, err := strconv.Atoi(step); err == nil && i < v.Len() {
			return v.Index(i)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if jsonName(v.Type().Field(i)) == step {
				return v.Field(i)
			}
		}
	}
	return reflect.Value{}
}

// at is an element of a list, as fields name it.
func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
