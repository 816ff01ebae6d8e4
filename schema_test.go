package idpool

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/internal/printed"
)

var update = flag.Bool("update", false, "rewrite the files that tests compare")

// golden compares a file with what the program prints, or rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date: run go test . -update and read the difference", name)
	}
}

// TestFieldDocs keeps fielddocs.json equal to the doc comments of the sources.
func TestFieldDocs(t *testing.T) {
	found := map[string]string{}
	for _, file := range []string{"config.go", "kafkaconfig.go", "idp/application.go", "idp/directory.go", "pool/pool.go", "pool/role.go"} {
		collectFieldDocs(t, file, found)
	}
	data, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "fielddocs.json", append(data, '\n'))
}

func collectFieldDocs(t *testing.T, file string, into map[string]string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range parsed.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			typeSpec, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			if s, ok := typeSpec.Type.(*ast.StructType); ok {
				fieldsOf(parsed.Name.Name+"."+typeSpec.Name.Name, s, into)
			}
		}
	}
}

// fieldsOf takes the comments of fields that are keys of the file. A field
// without a comment of its own shares that of the one above it.
func fieldsOf(name string, s *ast.StructType, into map[string]string) {
	doc := ""
	for _, f := range s.Fields.List {
		if f.Doc != nil {
			doc = strings.Join(strings.Fields(f.Doc.Text()), " ")
		}
		if f.Tag == nil || !strings.Contains(f.Tag.Value, "json:") || strings.Contains(f.Tag.Value, `json:"-"`) {
			continue
		}
		for _, id := range f.Names {
			into[name+"."+id.Name] = doc
		}
	}
}

// TestSchemaDescribesEveryKey fails for a key that nobody explained.
func TestSchemaDescribesEveryKey(t *testing.T) {
	keys := 0
	walkSchema(Schema(), "", func(path string, s *JSONSchema) {
		keys++
		if s.Description == "" {
			t.Errorf("%s has no description", path)
		}
	})
	if keys < 50 {
		t.Errorf("the schema has %d keys, want the whole config", keys)
	}
	for id := range requiredKeys {
		if docs()[id] == "" {
			t.Errorf("requiredKeys names %s, which does not exist", id)
		}
	}
	for id := range allowedValues {
		if docs()[id] == "" {
			t.Errorf("allowedValues names %s, which does not exist", id)
		}
	}
}

func walkSchema(s *JSONSchema, path string, visit func(path string, s *JSONSchema)) {
	if s.Items != nil {
		walkSchema(s.Items, path+"[]", visit)
		return
	}
	for _, p := range s.Properties {
		at := strings.TrimPrefix(path+"."+p.Name, ".")
		visit(at, p.Schema)
		walkSchema(p.Schema, at, visit)
	}
}

// TestConfigReference keeps the table in docs/config.md equal to the schema.
func TestConfigReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("| key | type | what it is |\n| --- | --- | --- |\n")
	walkSchema(Schema(), "", func(path string, s *JSONSchema) {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", path, typeName(s), strings.ReplaceAll(s.Description, "|", "\\|"))
	})
	printed.Section{File: "docs/config.md", Name: "keys", Update: *update}.Is(t, b.String())
}

func typeName(s *JSONSchema) string {
	switch {
	case len(s.Enum) > 0:
		return "`" + strings.Join(slices.Sorted(slices.Values(s.Enum)), "`, `") + "`"
	case s.Type == "array" && s.Items.Type == "object":
		return "list"
	case s.Type == "object" && s.AdditionalProperties != false:
		if values, ok := s.AdditionalProperties.(*JSONSchema); ok && values.Type == "object" {
			var keys []string
			for _, p := range values.Properties {
				keys = append(keys, "`"+p.Name+"`")
			}
			return "names, each with " + strings.Join(keys, ", ")
		}
		return "names and any JSON values"
	case s.Type == "array":
		return "list of " + s.Items.Type
	case s.Format != "":
		return s.Format
	}
	return s.Type
}
