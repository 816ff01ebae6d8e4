package openapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// check refuses a table from which no true document can be made.
func check(info Info, operations []Operation) error {
	if info.Title == "" || info.Version == "" {
		return fmt.Errorf("openapi: Info has the title %q and the version %q, want both", info.Title, info.Version)
	}
	ids, places := map[string]bool{}, map[string]bool{}
	for _, op := range operations {
		place := op.Method + " " + pathTemplate(op.Path)
		err := checkOperation(info, op)
		switch {
		case err != nil:
		case ids[op.ID]:
			err = fmt.Errorf("the ID %q is taken", op.ID)
		case places[place]:
			err = fmt.Errorf("it stands twice in the table")
		}
		if err != nil {
			return fmt.Errorf("openapi: %s: %w", place, err)
		}
		ids[op.ID], places[place] = true, true
	}
	return nil
}

func checkOperation(info Info, op Operation) error {
	known := func(t Tag) bool { return t.Name == op.Tag }
	switch {
	case op.ID == "":
		return fmt.Errorf("it has no ID")
	case !slices.Contains([]string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"}, op.Method):
		return fmt.Errorf("unknown method %q", op.Method)
	case !strings.HasPrefix(op.Path, "/") || strings.Contains(op.Path, "*"):
		return fmt.Errorf("path %q, want /NAME/{parameter}", op.Path)
	case op.Request != nil && (op.Method == http.MethodGet || op.Method == http.MethodHead):
		return fmt.Errorf("a body of %s has no meaning", op.Method)
	case len(info.Tags) > 0 && op.Tag != "" && !slices.ContainsFunc(info.Tags, known):
		return fmt.Errorf("unknown tag %q", op.Tag)
	case len(op.Problems) > 0 && info.Problem == nil:
		return fmt.Errorf("it has problems, and Info no Problem")
	}
	if err := checkParameters(op); err != nil {
		return err
	}
	return checkResponses(op)
}

func checkParameters(op Operation) error {
	names := pathParameters(op.Path)
	for _, name := range names {
		if op.PathParams[name] == "" {
			return fmt.Errorf("path parameter %q is not described", name)
		}
	}
	for name := range op.PathParams {
		if !slices.Contains(names, name) {
			return fmt.Errorf("path parameter %q is described and not in the path", name)
		}
	}
	if err := checkNamed("query parameter", op.Query); err != nil {
		return err
	}
	return checkNamed("header", op.Headers)
}

func checkNamed(what string, all []Parameter) error {
	seen := map[string]bool{}
	for _, q := range all {
		_, ok := parameterTypes()[q.Type]
		switch {
		case q.Name == "" || seen[q.Name]:
			return fmt.Errorf("%s %q is there twice or has no name", what, q.Name)
		case !ok:
			return fmt.Errorf("%s %q has the unknown type %q", what, q.Name, q.Type)
		}
		seen[q.Name] = true
	}
	return nil
}

func checkResponses(op Operation) error {
	var statuses []int
	for _, r := range op.Responses {
		statuses = append(statuses, r.Status)
	}
	if len(statuses) == 0 {
		return fmt.Errorf("it has no responses")
	}
	statuses = append(statuses, op.Problems...)
	slices.Sort(statuses)
	for i, status := range statuses {
		if status < 100 || status > 599 || i > 0 && status == statuses[i-1] {
			return fmt.Errorf("status %d is no status or there twice", status)
		}
	}
	return nil
}

// pathTemplate is chi's pattern as OpenAPI writes it: without the regular
// expression of a parameter.
func pathTemplate(pattern string) string {
	var b strings.Builder
	for i, part := range strings.Split(pattern, "{") {
		if i > 0 {
			inside, after, _ := strings.Cut(part, "}")
			name, _, _ := strings.Cut(inside, ":")
			part = "{" + name + "}" + after
		}
		b.WriteString(part)
	}
	return b.String()
}

// pathParameters are the names in braces, in their order.
func pathParameters(pattern string) []string {
	var names []string
	for i, part := range strings.Split(pathTemplate(pattern), "{") {
		if name, _, ok := strings.Cut(part, "}"); i > 0 && ok {
			names = append(names, name)
		}
	}
	return names
}
