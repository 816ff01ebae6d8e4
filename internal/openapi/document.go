package openapi

import (
	"cmp"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// writer makes the parts of the document that list operations.
type writer struct{ *generator }

const (
	mediaJSON    = "application/json"
	mediaPatch   = "application/merge-patch+json"
	mediaProblem = "application/problem+json"
	mediaEvents  = "text/event-stream"
)

func infoObject(info Info) object {
	var o object
	o.add("title", info.Title)
	o.add("version", info.Version)
	o.addSome("description", info.Description)
	if info.License != "" {
		o.add("license", object{{"name", info.License}, {"identifier", info.License}})
	}
	return o
}

func servers(info Info) []object {
	if info.ServerURL == "" {
		return nil
	}
	return []object{{{"url", info.ServerURL}}}
}

// security asks for a token or for nothing, which is how the document says
// that the server decides.
func security(info Info) []object {
	if !info.Security {
		return nil
	}
	return []object{{{securityScheme, []string{}}}, {}}
}

const securityScheme = "adminToken"

// paths are the operations, grouped by path in the order of the table.
func (w *writer) paths(operations []Operation) object {
	var paths object
	for _, op := range operations {
		template := pathTemplate(op.Path)
		i := paths.index(template)
		if i < 0 {
			i = len(paths)
			paths.add(template, object{})
		}
		item := paths[i].value.(object)
		item.add(strings.ToLower(op.Method), w.operation(op))
		paths[i].value = item
	}
	return paths
}

func (w *writer) operation(op Operation) object {
	w.where = op.Method + " " + op.Path
	var o object
	o.add("operationId", op.ID)
	if op.Tag != "" {
		o.add("tags", []string{op.Tag})
	}
	o.addSome("summary", op.Summary)
	o.addSome("description", op.Description)
	o.addSome("parameters", parameters(op))
	if op.Request != nil {
		o.add("requestBody", w.requestBody(op))
	}
	o.add("responses", w.responses(op))
	return o
}

func parameters(op Operation) []object {
	var list []object
	for _, name := range pathParameters(op.Path) {
		list = append(list, object{
			{"name", name}, {"in", "path"}, {"required", true},
			{"description", op.PathParams[name]}, {"schema", object{{"type", "string"}}},
		})
	}
	for _, q := range op.Query {
		list = append(list, q.object("query"))
	}
	for _, h := range op.Headers {
		list = append(list, h.object("header"))
	}
	return list
}

// object describes a parameter of a place.
func (q Parameter) object(in string) object {
	p := object{{"name", q.Name}, {"in", in}}
	p.addSome("required", q.Required)
	p.addSome("description", q.Description)
	schema := parameterTypes()[q.Type]
	schema.addSome("enum", q.Enum)
	p.add("schema", schema)
	return p
}

// parameterTypes are the schemas of Parameter.Type.
func parameterTypes() map[string]object {
	return map[string]object{
		"":          {{"type", "string"}},
		"string":    {{"type", "string"}},
		"integer":   {{"type", "integer"}},
		"boolean":   {{"type", "boolean"}},
		"duration":  durationSchema(),
		"date-time": {{"type", "string"}, {"format", "date-time"}},
	}
}

func (w *writer) requestBody(op Operation) object {
	media := cmp.Or(op.RequestType, mediaJSON)
	t := reflect.TypeOf(op.Request)
	schema := w.schema(t)
	if media == mediaPatch {
		schema = w.patch(t)
	}
	return object{{"required", true}, {"content", object{{media, object{{"schema", schema}}}}}}
}

// responses lists the answers by status. Those with Info.Problem are shared by
// all operations.
func (w *writer) responses(op Operation) object {
	byStatus := map[int]object{}
	for _, r := range op.Responses {
		byStatus[r.Status] = w.response(r)
	}
	for _, status := range op.Problems {
		byStatus[status] = object{{"$ref", "#/components/responses/" + problemName(status)}}
	}
	var o object
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		o.add(strconv.Itoa(status), byStatus[status])
	}
	return o
}

func (w *writer) response(r Response) object {
	o := object{{"description", cmp.Or(r.Description, http.StatusText(r.Status))}}
	if r.Body == nil && r.ContentType == "" {
		return o
	}
	media := object{{"schema", object{{"type", "string"}}}}
	switch {
	case r.Body == nil:
	case r.ContentType == mediaEvents:
		// 3.1 has no word for the events of a stream; 3.2 calls it itemSchema.
		media.add("x-itemSchema", w.schema(reflect.TypeOf(r.Body)))
	default:
		media = object{{"schema", w.schema(reflect.TypeOf(r.Body))}}
	}
	o.add("content", object{{cmp.Or(r.ContentType, mediaJSON), media}})
	return o
}

// problemName is the name of the shared response of a status: NotFound.
func problemName(status int) string {
	letters := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}
	return strings.Map(letters, cmp.Or(http.StatusText(status), "Status"+strconv.Itoa(status)))
}

// componentsObject is what the operations share. It comes last, when all types are
// known.
func (w *writer) componentsObject(operations []Operation) object {
	var responses object
	statuses := map[int]bool{}
	for _, op := range operations {
		for _, status := range op.Problems {
			statuses[status] = true
		}
	}
	for _, status := range slices.Sorted(maps.Keys(statuses)) {
		schema := w.schema(reflect.TypeOf(w.Info.Problem))
		responses.add(problemName(status), object{
			{"description", http.StatusText(status)},
			{"content", object{{mediaProblem, object{{"schema", schema}}}}},
		})
	}
	var o object
	o.addSome("schemas", w.sortedSchemas())
	o.addSome("responses", responses)
	if w.Info.Security {
		o.add("securitySchemes", object{{securityScheme, object{
			{"type", "http"}, {"scheme", "bearer"},
			{"description", "The token that the server was started with. A server without one, on loopback only, asks for none."},
		}}})
	}
	return o
}
