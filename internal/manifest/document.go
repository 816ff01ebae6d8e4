package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds on what a file can cost. The largest real export, of a directory with
// thousands of applications, stays below each.
const (
	maxBytes  = 16 << 20
	maxDepth  = 64
	maxValues = 2_000_000
)

// documents reads the JSON values of a file, which may stand one after another
// as when the outputs of several commands are written into one file.
func documents(f File) ([]any, *Error) {
	if c, ok := f.Content.(io.Closer); ok {
		defer c.Close()
	}
	raw, err := io.ReadAll(io.LimitReader(f.Content, maxBytes+1))
	if err != nil {
		return nil, &Error{File: f.Name, Message: fmt.Sprintf("cannot be read: %v", err)}
	}
	if len(raw) > maxBytes {
		return nil, &Error{File: f.Name, Message: "is larger than 16 MB, which no export of app registrations is"}
	}
	text, problem := decodeText(raw)
	if problem == "" {
		problem = notJSON(text)
	}
	if problem != "" {
		return nil, &Error{File: f.Name, Message: problem}
	}
	p := &parser{decoder: jsontext.NewDecoder(bytes.NewReader(text))}
	var out []any
	for {
		v, err := p.value(0)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, &Error{File: f.Name, Message: p.problem(text, err)}
		}
		out = append(out, v)
	}
}

// decodeText makes UTF-8 of the encodings that exports are saved in, which a
// byte order mark tells apart.
func decodeText(raw []byte) (text []byte, problem string) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(raw, []byte{0xEF, 0xBB, 0xBF}):
		raw = raw[3:]
	case bytes.HasPrefix(raw, []byte{0xFF, 0xFE}):
		order = binary.LittleEndian
	case bytes.HasPrefix(raw, []byte{0xFE, 0xFF}):
		order = binary.BigEndian
	}
	if order != nil {
		if len(raw)%2 != 0 {
			return nil, "is cut off: UTF-16 with half a character at the end"
		}
		units := make([]uint16, 0, len(raw)/2-1)
		for i := 2; i < len(raw); i += 2 {
			units = append(units, order.Uint16(raw[i:]))
		}
		return []byte(string(utf16.Decode(units))), ""
	}
	if !utf8.Valid(raw) {
		return nil, "is neither UTF-8 nor UTF-16: save it as UTF-8"
	}
	return raw, ""
}

// configYAML matches a config of idpool: a section at the beginning of a line,
// where JSON has a quote. Comments may come before it.
var configYAML = regexp.MustCompile(`(?m)^(?:tenants|clusters|identityProviders|listeners|organization)[ \t]*:`)

// notJSON recognises what is given by mistake instead of an export. Anything
// else is left to the parser.
func notJSON(text []byte) string {
	trimmed := bytes.TrimSpace(text)
	begins := func(s string) bool { return bytes.HasPrefix(trimmed, []byte(s)) }
	switch {
	case len(trimmed) == 0:
		return "is empty: look whether the command that should have written it failed"
	case begins("eyJ"):
		return "is a token, not an export: want the JSON of an app registration"
	case begins("-----BEGIN"):
		return "is a PEM file, not an export: certificates are filled in afterwards"
	case begins("<"):
		return "is a page of HTML or XML, not JSON"
	case configYAML.Match(trimmed):
		return "is a config of idpool already: want the JSON of an app registration"
	}
	return ""
}

// parser makes values of JSON, within the bounds.
type parser struct {
	decoder *jsontext.Decoder
	values  int
}

var (
	errDepth  = fmt.Errorf("is nested deeper than %d levels, which no export is", maxDepth)
	errValues = fmt.Errorf("holds more than %d values, which no export does", maxValues)
)

// value reads one value: map[string]any, []any, string, float64, bool or nil.
// It is io.EOF only where no value begins.
func (p *parser) value(depth int) (any, error) {
	if p.values++; p.values > maxValues {
		return nil, errValues
	}
	if depth > maxDepth {
		return nil, errDepth
	}
	token, err := p.decoder.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{':
		return p.object(depth)
	case '[':
		return p.list(depth)
	case '"':
		return token.String(), nil
	case '0':
		return token.Float()
	case 't', 'f':
		return token.Bool(), nil
	}
	return nil, nil
}

func (p *parser) object(depth int) (any, error) {
	fields := map[string]any{}
	for p.decoder.PeekKind() != '}' {
		name, err := p.decoder.ReadToken()
		if err != nil {
			return nil, unended(err)
		}
		key := name.String()
		if fields[key], err = p.value(depth + 1); err != nil {
			return nil, unended(err)
		}
	}
	_, err := p.decoder.ReadToken()
	return fields, unended(err)
}

func (p *parser) list(depth int) (any, error) {
	list := []any{}
	for p.decoder.PeekKind() != ']' {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, unended(err)
		}
		list = append(list, v)
	}
	_, err := p.decoder.ReadToken()
	return list, unended(err)
}

// unended keeps an end inside of a value from looking like the end of the file.
func unended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// problem says in a sentence, with the line, why the text could not be read.
func (p *parser) problem(text []byte, err error) string {
	switch {
	case errors.Is(err, errDepth), errors.Is(err, errValues):
		return err.Error()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("not JSON: it ends in the middle, on line %d", 1+bytes.Count(text, []byte("\n")))
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Sprintf("not JSON: line %d: an object has the same name twice", p.line(text, err))
	}
	line := p.line(text, err)
	if said := printed(text, line); said != "" {
		return fmt.Sprintf("not JSON: line %d: %s", line, said)
	}
	why := err.Error()
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		why = syntax.Err.Error()
	}
	return fmt.Sprintf("not JSON: line %d: %s", line, strings.TrimPrefix(why, "jsontext: "))
}

// printed is a line, counted from 1, that az has written for a person, with what
// to do about it; empty for any other. Other lines are not shown, because they
// may hold a secret.
func printed(text []byte, line int) string {
	lines := bytes.SplitN(text, []byte("\n"), line+1)
	said := strings.TrimSpace(string(lines[line-1]))
	failed := strings.HasPrefix(said, "ERROR")
	if !failed && !strings.HasPrefix(said, "WARNING") {
		return ""
	}
	if strings.Contains(said, "eyJ") { // as every token begins
		said, _, _ = strings.Cut(said, ":")
	}
	if failed {
		return fmt.Sprintf("the command that wrote it failed with %s: run it again until it prints JSON", quoted(said))
	}
	return fmt.Sprintf("the command also printed %s: write only the standard output of the command into the file (> FILE, without 2>&1)", quoted(said))
}

func (p *parser) line(text []byte, err error) int {
	at := p.decoder.InputOffset()
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		at = syntax.ByteOffset
	}
	return 1 + bytes.Count(text[:min(int(at), len(text))], []byte("\n"))
}
