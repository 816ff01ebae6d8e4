package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// remove is the key that takes an element out of a list.
const remove = "$remove"

// identity is the key by which the elements of a list are told apart; empty for
// a list that is replaced as a whole.
func identity(list string) string {
	switch list {
	case "tenants", "clusters", "identityProviders", "identityPools":
		return "id"
	case "applications", "servicePrincipals":
		return "appId"
	case "passwordCredentials", "keyCredentials":
		return "keyId"
	case "appRoles":
		return "value"
	case "federatedIdentityCredentials":
		return "name"
	case "appRoleAssignments":
		return "resource"
	case "requiredResourceAccess":
		return "resourceAppId"
	}
	return ""
}

// merger lays one YAML tree over another. Nodes of the overlay keep their place
// in its file; those of the Acme tenant have none.
type merger struct {
	mistakes []*Error
}

func (m *merger) fail(at *yaml.Node, field, format string, args ...any) {
	m.mistakes = append(m.mistakes, &Error{Line: at.Line, Column: at.Column, Field: field, Message: fmt.Sprintf(format, args...)})
}

// merge returns base with over laid over it, and changes neither. path is where
// both are, such as tenants.applications; name is the last key of it.
func (m *merger) merge(base, over *yaml.Node, path string) *yaml.Node {
	over = resolved(over)
	key := identity(path[strings.LastIndexByte(path, '.')+1:])
	switch {
	case base == nil:
		return clone(over)
	case base.Kind == yaml.MappingNode && over.Kind == yaml.MappingNode:
		return m.mapping(base, over, path)
	case base.Kind == yaml.SequenceNode && over.Kind == yaml.SequenceNode && identified(over, key):
		return m.sequence(base, over, path, key)
	}
	return clone(over)
}

func (m *merger) mapping(base, over *yaml.Node, path string) *yaml.Node {
	out := clone(base)
	out.Line, out.Column = over.Line, over.Column
	for i := 0; i+1 < len(over.Content); i += 2 {
		key, value := over.Content[i], resolved(over.Content[i+1])
		at := join(path, key.Value)
		j := index(out, key.Value)
		switch gone := isNull(value) && !free(path); {
		case gone && j < 0:
			m.fail(key, at, "null takes a key away, and there is no %q here", key.Value)
		case gone:
			out.Content = slices.Delete(out.Content, j, j+2)
		case j < 0:
			out.Content = append(out.Content, clone(key), clone(value))
		default:
			out.Content[j] = clone(key)
			out.Content[j+1] = m.merge(out.Content[j+1], value, at)
		}
	}
	return out
}

// sequence merges two lists by the identity of their elements.
func (m *merger) sequence(base, over *yaml.Node, path, key string) *yaml.Node {
	out := clone(base)
	for _, item := range over.Content {
		item = resolved(item)
		id := item.Content[index(item, key)+1].Value
		same := func(n *yaml.Node) bool {
			i := index(n, key)
			return i >= 0 && n.Content[i+1].Value == id
		}
		j := slices.IndexFunc(out.Content, same)
		switch gone := removes(item); {
		case gone && j < 0:
			m.fail(item, path, "%s takes an element away, and there is none with the %s %q here", remove, key, id)
		case gone:
			out.Content = slices.Delete(out.Content, j, j+1)
		case j < 0:
			out.Content = append(out.Content, clone(item))
		default:
			out.Content[j] = m.merge(out.Content[j], item, path+"."+strconv.Itoa(j))
		}
	}
	return out
}

// identified says whether every element of a list can be told by a key.
func identified(list *yaml.Node, key string) bool {
	lacks := func(n *yaml.Node) bool {
		n = resolved(n)
		i := index(n, key)
		return i < 0 || n.Content[i+1].Kind != yaml.ScalarNode
	}
	return key != "" && len(list.Content) > 0 && !slices.ContainsFunc(list.Content, lacks)
}

// free says whether a mapping holds what the wire holds, where null is a value.
func free(path string) bool {
	return path == "form" || strings.HasSuffix(path, "forge.claims") || strings.HasSuffix(path, "forge.header")
}

func removes(n *yaml.Node) bool {
	i := index(n, remove)
	return i >= 0 && n.Content[i+1].Value == "true"
}

// index is where a key of a mapping is in its Content, or -1.
func index(n *yaml.Node, key string) int {
	if n.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return i
		}
	}
	return -1
}

func isNull(n *yaml.Node) bool { return n.ShortTag() == "!!null" }

func resolved(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// clone is a deep copy without anchors, aliases and comments. It ends, since
// whoever calls it has had the file decoded within bounds before.
func clone(n *yaml.Node) *yaml.Node {
	n = resolved(n)
	out := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value, Line: n.Line, Column: n.Column}
	for _, child := range n.Content {
		out.Content = append(out.Content, clone(child))
	}
	return out
}

// unplaced takes the places of nodes away, which are of another file.
func unplaced(n *yaml.Node) *yaml.Node {
	n.Line, n.Column = 0, 0
	for _, child := range n.Content {
		unplaced(child)
	}
	return n
}

// place finds where a field of a merged tree comes from: the innermost node on
// its way that is of the overlay's file. ok is false when none is.
func place(root *yaml.Node, field string) (line, column int, ok bool) {
	steps := strings.FieldsFunc(field, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	for n := root; n != nil; steps = steps[1:] {
		if n.Line > 0 {
			line, column, ok = n.Line, n.Column, true
		}
		if len(steps) == 0 {
			break
		}
		n = child(n, steps[0])
	}
	return line, column, ok
}

func child(n *yaml.Node, step string) *yaml.Node {
	if i := index(n, step); i >= 0 {
		if value := n.Content[i+1]; value.Kind != yaml.ScalarNode && value.Line > 0 || n.Content[i].Line == 0 {
			return value
		}
		key := *n.Content[i+1] // a scalar's place is that of its key
		key.Line, key.Column = n.Content[i].Line, n.Content[i].Column
		return &key
	}
	if i, err := strconv.Atoi(step); err == nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
		return n.Content[i]
	}
	return nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
