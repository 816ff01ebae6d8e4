package strictyaml

import (
	"math"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// isAny says whether a type takes any value: any, map[string]any, and so on.
func isAny(t reflect.Type) bool {
	return t.Kind() == reflect.Interface && t.NumMethod() == 0
}

// free reads any value into the types that a JSON value has in Go: string,
// bool, nil, map[string]any, []any, and for numbers int64 where one fits, which
// loses no digit, and else float64. A time stays text.
func (x *decoder) free(field string, node *yaml.Node, depth int) any {
	node = resolved(node)
	if !x.spend(node, field, 1, depth) {
		return nil
	}
	switch node.Kind {
	case yaml.MappingNode:
		return x.freeMapping(field, node, depth)
	case yaml.SequenceNode:
		return x.freeSequence(field, node, depth)
	}
	switch node.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(node.Value, "true")
	case "!!int":
		return x.freeInt(field, node)
	case "!!float":
		return x.freeFloat(field, node)
	case "!!str", "!!timestamp":
		return node.Value
	}
	x.fail(node, field, "want a value that JSON has, got one of YAML's type %s", node.ShortTag())
	return nil
}

func (x *decoder) freeMapping(field string, node *yaml.Node, depth int) map[string]any {
	m := make(map[string]any, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := resolved(node.Content[i])
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			x.fail(key, field, "want text as a key, got %s", describeNode(key))
			continue
		}
		at := join(field, key.Value)
		if _, twice := m[key.Value]; twice {
			x.fail(key, at, "given twice")
			continue
		}
		m[key.Value] = x.free(at, node.Content[i+1], depth+1)
	}
	return m
}

func (x *decoder) freeSequence(field string, node *yaml.Node, depth int) []any {
	if !x.spend(node, field, len(node.Content), depth) {
		return nil
	}
	list := make([]any, len(node.Content))
	for i, item := range node.Content {
		list[i] = x.free(field+"["+strconv.Itoa(i)+"]", item, depth+1)
	}
	return list
}

// freeInt keeps every digit or refuses: a JSON number of more than 64 bits
// would be rounded by whoever reads it.
func (x *decoder) freeInt(field string, node *yaml.Node) any {
	n, err := strconv.ParseInt(node.Value, 0, 64)
	if err != nil {
		x.fail(node, field, "want a whole number of at most 64 bits, got %s", describeNode(node))
		return nil
	}
	return n
}

func (x *decoder) freeFloat(field string, node *yaml.Node) any {
	f, err := strconv.ParseFloat(strings.ReplaceAll(node.Value, "_", ""), 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		x.fail(node, field, "want a number that JSON has, got %s", describeNode(node))
		return nil
	}
	return f
}
