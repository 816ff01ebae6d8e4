package journal

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/idpool/idpool/internal/nearest"
)

// Filter says which entries are meant. An empty field means any; texts are
// compared without regard to case. The zero Filter means all entries.
type Filter struct {
	Endpoint string `json:"endpoint,omitempty"`
	Tenant   string `json:"tenant,omitempty"`
	ClientID string `json:"clientId,omitempty"`
	Outcome  string `json:"outcome,omitempty"`
	// Fault is the id of an injected fault.
	Fault string `json:"fault,omitempty"`
	// After leaves out the entries up to this ID.
	After uint64 `json:"after,omitempty"`
}

// Match says whether the entry is meant.
func (f Filter) Match(e Entry) bool { return f.match(&e) }

// match is Match without the copy.
func (f *Filter) match(e *Entry) bool {
	return e.ID > f.After && same(f.Endpoint, e.Endpoint) && same(f.Tenant, e.Tenant) &&
		same(f.ClientID, e.ClientID) && same(f.Outcome, e.Outcome) && same(f.Fault, e.Fault)
}

func same(want, got string) bool { return want == "" || want == got || strings.EqualFold(want, got) }

// String is the filter as its error messages and a person's search have it,
// such as "endpoint=token outcome=refused"; empty for all entries.
func (f Filter) String() string {
	var parts []string
	for _, t := range f.terms() {
		if t.want != "" {
			parts = append(parts, t.name+"="+word(t.want))
		}
	}
	if f.After != 0 {
		parts = append(parts, "after="+strconv.FormatUint(f.After, 10))
	}
	return strings.Join(parts, " ")
}

// Check says what is wrong with the filter: an endpoint or an outcome that does
// not exist, for which a test would wait in vain. The error is an *Error.
func (f Filter) Check() error {
	if err := known("endpoint", f.Endpoint, Endpoints()); err != nil {
		return err
	}
	return known("outcome", f.Outcome, Outcomes())
}

func known(field, got string, words []string) error {
	if got == "" || slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, got) }) {
		return nil
	}
	return unknown(field, fmt.Sprintf("%s %.60q", field, got), got, words)
}

// term is one text of a filter: its name in a query, and where entries have it.
type term struct {
	name, want string
	of         func(*Entry) string
}

func (f *Filter) terms() []term {
	return []term{
		{"endpoint", f.Endpoint, func(e *Entry) string { return e.Endpoint }},
		{"tenant", f.Tenant, func(e *Entry) string { return e.Tenant }},
		{"client_id", f.ClientID, func(e *Entry) string { return e.ClientID }},
		{"outcome", f.Outcome, func(e *Entry) string { return e.Outcome }},
		{"fault", f.Fault, func(e *Entry) string { return e.Fault }},
	}
}

// differences says in what an entry is not as the filter wants it.
func (f *Filter) differences(e *Entry) []string {
	var all []string
	for _, t := range f.terms() {
		if got := t.of(e); !same(t.want, got) {
			all = append(all, fmt.Sprintf("%s is %s, want %s", t.name, word(got), word(t.want)))
		}
	}
	if e.ID <= f.After {
		all = append(all, fmt.Sprintf("id is %d, want more than %d", e.ID, f.After))
	}
	return all
}

// farthest is the most that distance returns.
const farthest = 7

// distance is how far an entry is from what the filter wants: the number of
// differences, of which the endpoint counts twice, since another kind of
// request is seldom the one that was meant. Zero is a match.
func (f *Filter) distance(e *Entry) int {
	n := 0
	if !same(f.Endpoint, e.Endpoint) {
		n += 2
	}
	for _, equal := range [...]bool{e.ID > f.After, same(f.Tenant, e.Tenant), same(f.ClientID, e.ClientID),
		same(f.Outcome, e.Outcome), same(f.Fault, e.Fault)} {
		if !equal {
			n++
		}
	}
	return n
}

// ParseFilter reads the parameters of a query: endpoint, tenant, client_id,
// outcome, fault and after. Any other, one without a value and one that comes
// twice are refused with an *Error that names it, as is an unknown endpoint or
// outcome. Whoever has more parameters takes them out before.
func ParseFilter(query url.Values) (Filter, error) {
	var f Filter
	texts := map[string]*string{"endpoint": &f.Endpoint, "tenant": &f.Tenant, "client_id": &f.ClientID,
		"outcome": &f.Outcome, "fault": &f.Fault}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		target, isText := texts[name]
		if !isText && name != "after" {
			return Filter{}, unknown(name, fmt.Sprintf("query parameter %.60q", name), name,
				[]string{"endpoint", "tenant", "client_id", "outcome", "fault", "after"})
		}
		value, err := only(name, query[name])
		if err != nil {
			return Filter{}, err
		}
		if isText {
			*target = value
		} else if f.After, err = parseID(name, value); err != nil {
			return Filter{}, err
		}
	}
	if err := f.Check(); err != nil {
		return Filter{}, err
	}
	return f, nil
}

// only is the one value of a parameter.
func only(name string, values []string) (string, error) {
	if len(values) > 1 {
		return "", &Error{Field: name, Got: fmt.Sprintf("%d values", len(values)), Want: "one value",
			message: fmt.Sprintf("%s comes %d times, want it once", name, len(values))}
	}
	if value := cmp.Or(values...); value != "" {
		return value, nil
	}
	// An empty shell variable must not mean "any".
	return "", &Error{Field: name, Want: "a value", message: name + " is empty, leave it out to mean any"}
}

func parseID(name, value string) (uint64, error) {
	id, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return 0, &Error{Field: name, Got: value, Want: "the id of an entry",
			message: fmt.Sprintf("%s is %.60q, want the id of an entry, a whole number", name, value)}
	}
	return id, nil
}

// unknown is the error of a word that is none of those known.
func unknown(field, what, got string, words []string) *Error {
	e := &Error{Field: field, Got: got, Want: strings.Join(words, ", ")}
	e.message = what + " is unknown, want one of " + e.Want
	if near := nearest.To(got, words); near != "" {
		e.message += fmt.Sprintf(": did you mean %q?", near)
	}
	return e
}
