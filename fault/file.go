package fault

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/idpool/idpool/internal/strictyaml"
)

// FileError is a mistake in a file of faults, with its place.
type FileError = strictyaml.Error

// FileErrors are all the mistakes of a file, in its order.
type FileErrors []*FileError

// Error has a line for each mistake, and more for a condition.
func (e FileErrors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Parse reads faults from YAML or JSON: a list, or a list under the key faults.
// name is what errors call the file. Its error is a FileErrors with every
// mistake that the text has by itself; whether a tenant exists, only a [Set]
// knows. A text without any fault is a mistake too.
func Parse(name string, data []byte) ([]Fault, error) {
	return parse(name, data, func(*Fault) mistakes { return nil })
}

// Load reads faults from a file as [Parse] does.
func Load(path string) ([]Fault, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("fault: %v", err)
	}
	return Parse(path, data)
}

// Read adds the faults of a text that [Parse] can read: all of them, or none
// when there is any mistake, in which case the error is a FileErrors. It returns
// them with their ids.
func (s *Set) Read(name string, data []byte) ([]Fault, error) {
	faults, err := parse(name, data, s.checkHere)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range faults {
		if mistake := s.room(faults[i].ID, len(faults)); mistake != nil {
			return nil, FileErrors{{File: name, Field: join(fmt.Sprintf("[%d]", i), mistake.Field), Message: mistake.Text()}}
		}
	}
	for i, f := range faults {
		compiled, _ := f.check() // it has been compiled before
		faults[i] = s.arm(f, compiled).fault
	}
	return faults, nil
}

// parse reads and checks.
func parse(name string, data []byte, more func(*Fault) mistakes) ([]Fault, error) {
	r := &reader{name: name, lines: strings.Split(string(data), "\n")}
	faults, prefix := r.decode(data)
	if r.document == nil {
		return nil, FileErrors(r.found)
	}
	if len(faults) == 0 && len(r.found) == 0 {
		// Most likely the wrong file, or one whose faults are all comments.
		return nil, FileErrors{{File: name, Message: "there is no fault in it"}}
	}
	unread := slices.Clone(r.found)
	ids := map[string]bool{} // in lower case, as Add compares them
	for i := range faults {
		at := fmt.Sprintf("%s[%d]", prefix, i)
		_, m := faults[i].check()
		for _, mistake := range append(m, more(&faults[i])...) {
			r.add(at, mistake, unread)
		}
		id := strings.ToLower(faults[i].ID)
		if id != "" && ids[id] {
			r.add(at, &Error{Field: "id", Message: fmt.Sprintf("%q occurs twice", faults[i].ID)}, nil)
		}
		ids[id] = true
	}
	if len(r.found) > 0 {
		slices.SortStableFunc(r.found, func(a, b *FileError) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, FileErrors(r.found)
	}
	return faults, nil
}

// reader collects the mistakes of a file.
type reader struct {
	name     string
	lines    []string
	document *strictyaml.Document
	found    []*FileError
}

// decode reads the list, whose place in the file is prefix.
func (r *reader) decode(data []byte) (faults []Fault, prefix string) {
	var shape any
	strictyaml.Decode(r.name, data, &shape) // its mistakes come again below
	if _, isList := shape.([]any); isList {
		into := reflect.New(reflect.SliceOf(fileType()))
		r.document, r.found = strictyaml.Decode(r.name, data, into.Interface())
		return fromFile(into.Elem()), ""
	}
	into := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "Faults", Type: reflect.SliceOf(fileType()), Tag: `json:"faults"`},
	}))
	r.document, r.found = strictyaml.Decode(r.name, data, into.Interface())
	return fromFile(into.Elem().Field(0)), "faults"
}

// add places a mistake, unless it follows from one of those that could not be
// read.
func (r *reader) add(at string, mistake *Error, unread []*FileError) {
	field := join(at, mistake.Field)
	for _, u := range unread {
		if strings.HasPrefix(field, u.Field) || mistake.Field == "" && strings.HasPrefix(u.Field, field) {
			return
		}
	}
	e := r.document.At(field, mistake.Text())
	if e.File == "" {
		e.File = r.name
	}
	if line, column, ok := r.document.Scalar(field); ok && mistake.Line == 1 && r.stands(mistake.source, line, column) {
		e.Line, e.Column = line, column+mistake.Column-1
	}
	r.found = append(r.found, e)
}

// stands says whether a text stands in the file as it is, without escapes.
func (r *reader) stands(text string, line, column int) bool {
	if line < 1 || line > len(r.lines) {
		return false
	}
	runes := []rune(r.lines[line-1])
	return column <= len(runes) && strings.HasPrefix(string(runes[column-1:]), text)
}

func join(at, field string) string {
	if field == "" {
		return at
	}
	return at + "." + field
}

// probability is a number that a file's reader does not know by itself.
type probability float64

// UnmarshalText reads a number.
func (p *probability) UnmarshalText(text []byte) error {
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsNaN(n) {
		return errors.New("want a number from 0 to 1, such as 0.25, got " + strconv.Quote(string(text)))
	}
	*p = probability(n)
	return nil
}

// fileType is Fault with a probability that can be read. It is made of Fault, so
// that a new field is known to files by itself.
func fileType() reflect.Type {
	fields := reflect.VisibleFields(reflect.TypeFor[Fault]())
	for i := range fields {
		if fields[i].Type == reflect.TypeFor[*float64]() {
			fields[i].Type = reflect.TypeFor[*probability]()
		}
		fields[i].Offset, fields[i].Index = 0, nil
	}
	return reflect.StructOf(fields)
}

// fromFile are the faults of a list of fileType.
func fromFile(list reflect.Value) []Fault {
	faults := make([]Fault, list.Len())
	for i := range faults {
		from, to := list.Index(i), reflect.ValueOf(&faults[i]).Elem()
		for n := range to.NumField() {
			to.Field(n).Set(from.Field(n).Convert(to.Field(n).Type()))
		}
	}
	return faults
}
