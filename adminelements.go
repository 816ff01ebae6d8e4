package idpool

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	strictjson "github.com/go-json-experiment/json"

	"github.com/idpool/idpool/internal/nearest"
	"github.com/idpool/idpool/internal/openapi"
)

// mergePatch is the media type of RFC 7396.
const mergePatch = "application/merge-patch+json"

// elements is a list of the Config. The admin API shows and changes it one
// element at a time, so that a test changes what it is about and nothing else.
type elements[T any] struct {
	tag          string
	path         string            // of the list: /v1/tenants
	params       map[string]string // of the paths, by name
	param        string            // that names an element: tenant
	noun, nouns  string            // in words: tenant, tenants
	name, plural string            // in the ids of operations: Tenant, Tenants
	// within finds the list in a Config, and where that is as errors write it:
	// tenants[0].applications. It writes to nothing.
	within func(*call, *Config) (*[]T, string, error)
	// id is the member that tells elements apart, and idName what JSON calls it.
	id     func(*T) *string
	idName string
	// is says whether a word of a path means an element.
	is func(one *T, word string) bool
	// list is the answer that has some of them.
	list func([]T) any
}

// place is where an element is in a Config, or would be.
type place[T any] struct {
	list  *[]T
	field string // of the list
	index int    // negative when there is no such element
}

// endpoints are those of the list and of one element.
func (e elements[T]) endpoints() []endpoint {
	var one T
	at := e.path + "/{" + e.param + "}"
	above := maps.Clone(e.params)
	delete(above, e.param)
	var listProblems []int
	if len(above) > 0 {
		listProblems = []int{http.StatusNotFound}
	}
	missing := []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusInternalServerError}
	changes := append(missing[:1:1], append([]int{http.StatusInternalServerError}, bodyProblems...)...)
	shown := answers(http.StatusOK, "The "+e.noun+".", one)
	put := append(answers(http.StatusCreated, "It is new.", one), answers(http.StatusOK, "It has replaced the one that was there.", one)...)
	return []endpoint{
		{Operation: openapi.Operation{Method: "GET", Path: e.path, ID: "list" + e.plural, Tag: e.tag, PathParams: above,
			Summary: "The " + e.nouns, Responses: answers(http.StatusOK, "The "+e.nouns+".", e.list(nil)), Problems: listProblems},
			do: e.all},
		{Operation: openapi.Operation{Method: "GET", Path: at, ID: "show" + e.name, Tag: e.tag, PathParams: e.params,
			Summary: "One " + e.noun, Responses: shown, Problems: missing[:1]},
			do: e.show},
		{Operation: openapi.Operation{Method: "PUT", Path: at, ID: "put" + e.name, Tag: e.tag, PathParams: e.params,
			Summary:     "Make or replace one " + e.noun,
			Description: "It counts from the next request on. `" + e.idName + "` may be left out, because the path has it.",
			Request:     one, Responses: put, Problems: changes},
			do: e.put},
		{Operation: openapi.Operation{Method: "PATCH", Path: at, ID: "patch" + e.name, Tag: e.tag, PathParams: e.params,
			Summary: "Change members of one " + e.noun, Description: "A merge patch (RFC 7396): null takes a member away, a list replaces the list.",
			Request: one, RequestType: mergePatch, Responses: shown, Problems: changes},
			do: e.patch},
		{Operation: openapi.Operation{Method: "DELETE", Path: at, ID: "delete" + e.name, Tag: e.tag, PathParams: e.params,
			Summary: "Remove one " + e.noun, Responses: nothing("It is gone."), Problems: missing},
			do: e.remove},
	}
}

// place finds the element of the path.
func (e elements[T]) place(c *call, config *Config) (place[T], error) {
	list, field, err := e.within(c, config)
	if err != nil {
		return place[T]{}, err
	}
	word := c.own(e.param)
	return place[T]{list, field, slices.IndexFunc(*list, func(one T) bool { return e.is(&one, word) })}, nil
}

// found is the element of the path, or the answer that there is none.
func (e elements[T]) found(c *call, config *Config) (*T, string, error) {
	p, err := e.place(c, config)
	if err != nil {
		return nil, "", err
	}
	if p.index < 0 {
		return nil, "", e.missing(c, *p.list)
	}
	return &(*p.list)[p.index], p.at(), nil
}

// at is the place as errors write it.
func (p place[T]) at() string { return fmt.Sprintf("%s[%d]", p.field, p.index) }

// missing says that there is no such element, and which was meant.
func (e elements[T]) missing(c *call, list []T) error {
	word, known := c.path(e.param), make([]string, len(list))
	for i := range list {
		known[i] = *e.id(&list[i])
	}
	r := refused(http.StatusNotFound, "there is no %s %q", e.noun, loggable(word))
	if near := nearest.To(word, known); near != "" {
		r.Detail += fmt.Sprintf(": did you mean %q?", near)
	}
	r.Field = e.param
	return r
}

func (e elements[T]) all(c *call) (reply, error) {
	config := c.current().config
	list, _, err := e.within(c, &config)
	if err != nil {
		return reply{}, err
	}
	return ok(e.list(append([]T{}, *list...)))
}

func (e elements[T]) show(c *call) (reply, error) {
	config := c.current().config
	one, _, err := e.found(c, &config)
	if err != nil {
		return reply{}, err
	}
	return ok(*one)
}

func (e elements[T]) put(c *call) (reply, error) {
	var in T
	if err := c.read(&in); err != nil {
		return reply{}, err
	}
	return e.set(c, func(place[T]) (T, error) { return in, nil })
}

func (e elements[T]) patch(c *call) (reply, error) {
	patch, err := c.readPatch()
	if err != nil {
		return reply{}, err
	}
	return e.set(c, func(p place[T]) (T, error) {
		if p.index < 0 {
			var none T
			return none, e.missing(c, *p.list)
		}
		return merged((*p.list)[p.index], patch)
	})
}

// set puts an element in its place, or behind the others.
func (e elements[T]) set(c *call, revised func(place[T]) (T, error)) (reply, error) {
	answer, at, index := reply{status: http.StatusOK}, "", 0
	stored, err := c.changed(c.r.Context(), func(config *Config) error {
		p, err := e.place(c, config)
		if err != nil {
			return err
		}
		after, err := revised(p)
		if err == nil {
			err = e.agree(c, p, &after)
		}
		if err != nil {
			return err
		}
		if p.index < 0 {
			answer.status, p.index = http.StatusCreated, len(*p.list)
			*p.list = append(*p.list, after)
		} else {
			(*p.list)[p.index] = after
		}
		at, index = p.at(), p.index
		return nil
	})
	if err != nil {
		return reply{}, beneath(at, err)
	}
	list, _, err := e.within(c, &stored)
	if err == nil { // what it is like in the scope
		answer.body = (*list)[index]
	}
	return answer, err
}

// agree refuses an element whose id is not that of the path, and gives it that
// of the path when it has none.
func (e elements[T]) agree(c *call, p place[T], after *T) error {
	id, word := e.id(after), c.own(e.param)
	if c.id != "" && *id != "" {
		*id = c.ownName(e.param, *id)
	}
	agreed := func() bool { return e.is(after, word) }
	if p.index >= 0 {
		now := &(*p.list)[p.index]
		*id = cmp.Or(*id, *e.id(now))
		agreed = func() bool { return e.is(now, *id) }
	}
	*id = cmp.Or(*id, word)
	if agreed() {
		return nil
	}
	return &refusal{http.StatusUnprocessableEntity, problem{Field: e.idName,
		Detail: fmt.Sprintf("%s: the body says %q and the path %q: leave it out of the body", e.idName, loggable(*id), loggable(word))}}
}

func (e elements[T]) remove(c *call) (reply, error) {
	err := c.Change(c.r.Context(), func(config *Config) error {
		p, err := e.place(c, config)
		if err != nil {
			return err
		}
		if p.index < 0 {
			return e.missing(c, *p.list)
		}
		*p.list = slices.Delete(*p.list, p.index, p.index+1)
		return nil
	})
	if err != nil {
		return reply{}, beneath("", err)
	}
	return gone()
}

// beneath is the error of a changed Config for who has sent a part of it: the
// fields within that part are relative to it, others keep their whole path.
func beneath(part string, err error) error {
	var mistakes ConfigErrors
	if !errors.As(err, &mistakes) {
		return err
	}
	var p problem
	var lines []string
	for _, m := range mistakes[:min(len(mistakes), maxMistakes)] {
		field := m.Field
		if rest, inside := strings.CutPrefix(field, part); inside && part != "" && (rest == "" || strings.ContainsAny(rest[:1], ".[")) {
			field = strings.TrimPrefix(rest, ".")
			p.Field = cmp.Or(p.Field, field)
		}
		p.Errors = append(p.Errors, mistake{Field: field, Message: m.Message})
		lines = append(lines, strings.TrimPrefix(field+": "+m.Message, ": "))
	}
	p.Field, p.Detail = cmp.Or(p.Field, p.Errors[0].Field), strings.Join(lines, "\n")
	return &refusal{http.StatusUnprocessableEntity, p}
}

// readPatch reads a merge patch of an object.
func (c *call) readPatch() (map[string]any, error) {
	body, status, err := readBody(c.w, c.r, mergePatch)
	if err != nil {
		return nil, &refusal{status, problem{Detail: err.Error()}}
	}
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return nil, refused(http.StatusBadRequest, "the body is not as expected: want a JSON object")
	}
	patch := map[string]any{}
	if status, field, err := decodeJSON(body, &patch); err != nil {
		return nil, &refusal{status, problem{Detail: err.Error(), Field: field}}
	}
	return patch, nil
}

// merged is a value after a merge patch.
func merged[T any](now T, patch map[string]any) (after T, err error) {
	text, err := json.Marshal(now)
	if err != nil {
		return after, err
	}
	var target any
	if err := strictjson.Unmarshal(text, &target, exactNumbers); err != nil {
		return after, err
	}
	if text, err = json.Marshal(mergedValue(target, patch)); err != nil {
		return after, err
	}
	if status, field, err := decodeJSON(text, &after); err != nil {
		return after, &refusal{status, problem{Detail: err.Error(), Field: field}}
	}
	return after, nil
}

// mergedValue is MergePatch of RFC 7396, section 2.
func mergedValue(target, patch any) any {
	members, isObject := patch.(map[string]any)
	if !isObject {
		return patch
	}
	out, _ := target.(map[string]any)
	out = maps.Clone(out)
	if out == nil {
		out = map[string]any{}
	}
	for name, value := range members {
		if value == nil {
			delete(out, name)
			continue
		}
		out[name] = mergedValue(out[name], value)
	}
	return out
}
