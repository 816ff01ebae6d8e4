package manifest

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/strictyaml"
)

// heading begins the file that an import writes.
const heading = `Made by "idpool config import". Look for FILL IN. Confluent's side is not in
Azure's exports: add clusters and identityProviders as "idpool config init" shows.`

// file is the part of a config that an import makes.
type file struct {
	Tenants []idp.Tenant `json:"tenants"`
}

// write makes the text, and tells each place its line.
func (r *Result) write() error {
	w := &writer{comments: map[string]string{}, wanted: map[string]bool{}}
	for _, f := range r.FillIn {
		w.want(f)
	}
	root := w.node("", reflect.ValueOf(file{r.Tenants}))
	var b bytes.Buffer
	b.WriteString("# " + strings.ReplaceAll(heading, "\n", "\n# ") + "\n")
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return fmt.Errorf("manifest: %v", err)
	}
	r.text = b.Bytes()
	document, mistakes := strictyaml.Decode("import", r.text, &file{})
	if len(mistakes) > 0 {
		return fmt.Errorf("manifest: the text cannot be read again: %v", mistakes[0])
	}
	for i, f := range r.FillIn {
		if f.Field != "" {
			r.FillIn[i].Line = document.At(f.Field, "").Line
		}
	}
	return nil
}

// writer makes YAML of the structs in the order of their fields, with the keys
// that a comment asks for even when they are empty.
type writer struct {
	comments map[string]string
	wanted   map[string]bool // the fields of comments and whatever is around them
}

func (w *writer) want(f FillIn) {
	if f.comment == "" {
		return
	}
	mark := "optional: "
	if f.Required {
		mark = "FILL IN: "
	}
	w.comments[f.Field] = mark + strings.Join(strings.Fields(f.comment), " ")
	for i, r := range f.Field {
		if r == '.' || r == '[' {
			w.wanted[f.Field[:i]] = true
		}
	}
	w.wanted[f.Field] = true
}

func (w *writer) node(field string, v reflect.Value) *yaml.Node {
	n := w.value(field, v)
	if c := w.comments[field]; c != "" {
		n.LineComment = c
	}
	return n
}

func (w *writer) value(field string, v reflect.Value) *yaml.Node {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
		}
		v = v.Elem()
	}
	switch t, isTime := v.Interface().(time.Time); {
	case isTime:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!timestamp", Value: t.Format(time.RFC3339Nano)}
	case v.Kind() == reflect.Struct:
		return w.mapping(field, v)
	case v.Kind() == reflect.Slice:
		return w.sequence(field, v)
	}
	return w.scalar(v)
}

// scalar leaves the quoting to the library, except for text that it would
// spread over several lines.
func (w *writer) scalar(v reflect.Value) *yaml.Node {
	n := &yaml.Node{}
	if v.Kind() == reflect.String && strings.ContainsFunc(v.String(), func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff
	}) {
		n.SetString(v.String())
		n.Style = yaml.DoubleQuotedStyle
		return n
	}
	if err := n.Encode(v.Interface()); err != nil {
		n.SetString(fmt.Sprint(v)) // cannot happen: the config has text, numbers and booleans
	}
	return n
}

func (w *writer) mapping(field string, v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := jsonName(f)
		below := name
		if field != "" {
			below = field + "." + name
		}
		left := strings.Contains(f.Tag.Get("json"), ",omit") && v.Field(i).IsZero()
		if name == "" || name == "-" || left && !w.wanted[below] {
			continue
		}
		key := &yaml.Node{Kind: yaml.ScalarNode, Value: name}
		n.Content = append(n.Content, key, w.node(below, v.Field(i)))
	}
	w.flow(field, n)
	return n
}

func (w *writer) sequence(field string, v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range v.Len() {
		n.Content = append(n.Content, w.node(at(field, i), v.Index(i)))
	}
	if len(n.Content) == 0 || n.Content[0].Kind == yaml.ScalarNode {
		w.flow(field, n)
	}
	return n
}

// lineWidth is how long a mapping or a list on one line may be.
const lineWidth = 100

// flow puts what is short, and has no comment inside, on one line.
func (w *writer) flow(field string, n *yaml.Node) {
	if w.wanted[field] && len(n.Content) > 0 {
		return
	}
	if width(n) <= lineWidth && depth(n) <= 2 {
		n.Style = yaml.FlowStyle
	}
}

func width(n *yaml.Node) int {
	total := 2 + len(n.Value)
	for _, c := range n.Content {
		total += width(c)
	}
	return total
}

func depth(n *yaml.Node) int {
	deepest := 0
	for _, c := range n.Content {
		deepest = max(deepest, depth(c))
	}
	return deepest + min(1, len(n.Content))
}
