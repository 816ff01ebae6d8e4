package scenario

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/internal/nearest"
	"github.com/idpool/idpool/internal/strictyaml"
	"github.com/idpool/idpool/validator"
)

// LoadError are all the mistakes of a file, in its order.
type LoadError []*Error

// Error has a line for each: FILE:LINE:COLUMN: FIELD: MESSAGE.
func (e LoadError) Error() string {
	var lines []string
	for _, one := range e {
		lines = append(lines, one.Error())
	}
	return strings.Join(lines, "\n")
}

// half is one of the two sides of a scenario, ready to run.
type half struct {
	config  idpool.Config
	request Request
	yaml    []byte // the whole config
	refused error  // why the config is none, when the scenario expects that
}

// Load reads a scenario. name is what errors call the file, and its last part
// is the scenario's id with .yaml behind. Its error is a LoadError.
func Load(name string, data []byte) (*Scenario, error) {
	l := &loader{name: name}
	var mistakes []*Error
	l.document, mistakes = strictyaml.Decode(name, data, &l.file)
	if len(mistakes) > 0 {
		return nil, LoadError(mistakes)
	}
	l.root = root(data)
	l.describe()
	l.expect()
	l.causes()
	s := &Scenario{
		ID: l.file.ID, Title: l.file.Title, Rows: l.file.Rows, Story: l.file.Story,
		Expect: l.file.Broken.Expect, Causes: l.file.Broken.Causes,
		Broken: l.overlay("broken"), Healed: l.overlay("healed"),
	}
	base := tree{unplaced(clone(root(idpool.AcmeYAML))), unplaced(root([]byte(defaultRequest)))}
	broken := l.lay(base, "broken")
	s.broken = l.half(broken, "broken")
	s.healed = l.half(l.lay(broken, "healed"), "healed")
	if len(l.mistakes) > 0 {
		slices.SortStableFunc(l.mistakes, func(a, b *Error) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		// What is wrong with the broken half is still wrong with the healed one.
		return nil, LoadError(slices.CompactFunc(l.mistakes, func(a, b *Error) bool {
			return a.Line == b.Line && a.Column == b.Column && a.Message == b.Message
		}))
	}
	return s, nil
}

// loader reads one file.
type loader struct {
	name     string
	file     document
	document *strictyaml.Document
	root     *yaml.Node
	mistakes []*Error
}

func (l *loader) fail(field, format string, args ...any) {
	l.mistakes = append(l.mistakes, l.document.At(field, fmt.Sprintf(format, args...)))
}

// describe checks what is for people.
func (l *loader) describe() {
	if want := strings.TrimSuffix(path.Base(strings.ReplaceAll(l.name, `\`, "/")), ".yaml"); l.file.ID != want {
		l.fail("id", "%q is not the name of the file, want %q", l.file.ID, want)
	}
	if l.file.Title == "" {
		l.fail("title", "is missing, want a sentence that a customer would recognise")
	}
	if lines := strings.Count(strings.TrimSpace(l.file.Story), "\n") + 1; lines != 3 || strings.TrimSpace(l.file.Story) == "" {
		l.fail("story", "has %d lines, want three: who did what, what was forgotten, what they saw", min(lines, len(l.file.Story)))
	}
	if len(l.file.Broken.Config)+len(l.file.Broken.Request) == 0 {
		l.fail("broken", "breaks nothing: give config or request")
	}
	if len(l.file.Healed.Config)+len(l.file.Healed.Request) == 0 {
		l.fail("healed", "heals nothing: give config or request")
	}
}

// expect checks that the file says what must happen, and can.
func (l *loader) expect() {
	e := l.file.Broken.Expect
	if e.AADSTS == 0 && e.Check == "" && e.Client == "" && e.Config == "" && !e.Allowed {
		l.fail("broken.expect", "expects nothing: give aadsts, check, client, config or allowed")
	}
	if e.AADSTS < 0 {
		l.fail("broken.expect.aadsts", "%d is no number of Azure's, want one such as 7000215", e.AADSTS)
	}
	if e.Check != "" {
		l.known("broken.expect.check", "check", e.Check, checks())
	}
	if e.Allowed && e.AADSTS+len(e.Check) > 0 {
		l.fail("broken.expect.allowed", "a client that is allowed in meets no aadsts and no failed check")
	}
	if e.Allowed && len(e.Lint) == 0 {
		l.fail("broken.expect", "a client that is allowed in is no misconfiguration without lint: give the ids of the warnings")
	}
	for i, id := range e.Lint {
		l.known(fmt.Sprintf("broken.expect.lint[%d]", i), "warning", id, explain.LintIDs())
	}
}

// causes checks that every id is one that can be explained.
func (l *loader) causes() {
	if len(l.file.Broken.Causes) == 0 {
		l.fail("broken.causes", "is missing, want the ids of the causes that must be explained, the first of them first")
	}
	known := slices.Concat(explain.IDs(), explain.LintIDs())
	for i, id := range l.file.Broken.Causes {
		l.known(fmt.Sprintf("broken.causes[%d]", i), "cause", id, known)
	}
}

// known checks that a word is one of some.
func (l *loader) known(field, what, word string, all []string) {
	if slices.Contains(all, word) {
		return
	}
	hint := "want one of " + strings.Join(all, ", ")
	if near := nearest.To(word, all); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	l.fail(field, "there is no %s %q, %s", what, word, hint)
}

// checks are those of a Decision.
func checks() []string {
	return []string{
		validator.CheckFormat, validator.CheckAlgorithm, validator.CheckProvider, validator.CheckKey, validator.CheckSignature,
		validator.CheckExpiry, validator.CheckNotBefore, validator.CheckCluster, validator.CheckPool, validator.CheckFilter,
		validator.CheckIdentity, validator.CheckAuthorization,
	}
}

// tree are the config and the request of a half as YAML.
type tree struct{ config, request *yaml.Node }

// lay lays a half of the file over a tree.
func (l *loader) lay(base tree, side string) tree {
	return tree{l.layOne(base.config, side, "config"), l.layOne(base.request, side, "request")}
}

func (l *loader) layOne(base *yaml.Node, side, part string) *yaml.Node {
	over := at(l.root, side, part)
	if over == nil || isNull(over) {
		return base
	}
	m := &merger{}
	merged := m.merge(base, over, "")
	for _, e := range m.mistakes {
		e.File, e.Field = l.name, side+"."+part+"."+e.Field
		l.mistakes = append(l.mistakes, e)
	}
	return merged
}

// half decodes a tree as strictly as a config of one's own.
func (l *loader) half(t tree, side string) half {
	var h half
	text, err := encode(t.config)
	if err == nil {
		h.yaml = text
		h.config, err = idpool.Parse(l.name, text)
	}
	var mistakes idpool.ConfigErrors
	if side == "broken" && l.file.Broken.Expect.Config != "" {
		if h.refused = err; err == nil {
			l.fail("broken.expect.config", "the config is not refused")
		}
	} else if errors.As(err, &mistakes) {
		l.relocate(mistakes, t.config, side+".config")
	} else if err != nil {
		l.fail(side+".config", "%v", err)
	}
	l.request(t.request, side+".request", &h.request)
	return h
}

func (l *loader) request(n *yaml.Node, field string, into *Request) {
	text, err := encode(n)
	if err != nil {
		l.fail(field, "%v", err)
		return
	}
	_, mistakes := strictyaml.Decode(l.name, text, into)
	l.relocate(append(mistakes, into.check()...), n, field)
}

// relocate turns mistakes of a merged tree into ones of the file.
func (l *loader) relocate(mistakes []*Error, n *yaml.Node, field string) {
	for _, e := range mistakes {
		moved := l.document.At(field, e.Message)
		if line, column, ok := place(n, e.Field); ok {
			moved.Line, moved.Column = line, column
		}
		if e.Field != "" {
			moved.Field += "." + e.Field
		}
		l.mistakes = append(l.mistakes, moved)
	}
}

// overlay is a half of the file as text.
func (l *loader) overlay(side string) Overlay {
	text := func(part string) string {
		n := at(l.root, side, part)
		if n == nil || isNull(n) {
			return ""
		}
		out, err := encode(n)
		if err != nil {
			l.fail(side+"."+part, "%v", err)
		}
		return string(out)
	}
	return Overlay{Config: text("config"), Request: text("request")}
}

// root is the tree of a text that is known to be one YAML document.
func root(text []byte) *yaml.Node {
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil || len(n.Content) == 0 {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	}
	return n.Content[0]
}

// at is the node that a path of keys leads to, or nil.
func at(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		i := index(n, key)
		if i < 0 {
			return nil
		}
		n = resolved(n.Content[i+1])
	}
	return n
}

func encode(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(n); err != nil {
		return nil, err
	}
	return b.Bytes(), encoder.Close()
}
