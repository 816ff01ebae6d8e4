package idpool

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/strictyaml"
	"github.com/idpool/idpool/pool"
)

// ConfigError is a mistake in a Config, with its place in the file.
type ConfigError = strictyaml.Error

// ConfigErrors are all the mistakes of a Config, in the file's order.
type ConfigErrors []*ConfigError

// maxMistakes is how many mistakes are listed; a file that has more is broken in
// one place that matters.
const maxMistakes = 200

// Error has a line for each mistake, and more for a filter.
func (e ConfigErrors) Error() string {
	var lines []string
	for _, one := range e[:min(len(e), maxMistakes)] {
		lines = append(lines, one.Error())
	}
	if len(e) > maxMistakes {
		lines = append(lines, fmt.Sprintf("and %d more", len(e)-maxMistakes))
	}
	return strings.Join(lines, "\n")
}

// Parse reads a Config from text; name is what errors call the file. Its error
// is a ConfigErrors with every mistake that the text has.
func Parse(name string, data []byte) (Config, error) {
	c := Config{source: name}
	document, mistakes := strictyaml.Decode(name, data, &c)
	if document == nil {
		return Config{}, ConfigErrors(mistakes)
	}
	_, err := c.parts()
	unread := slices.Clone(mistakes)
	for _, m := range c.locate(document, err) {
		if !follows(m, unread) {
			mistakes = append(mistakes, m)
		}
	}
	if len(mistakes) == 0 {
		return c, nil
	}
	slices.SortStableFunc(mistakes, func(a, b *ConfigError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return Config{}, ConfigErrors(mistakes)
}

// follows says whether a mistake is there only because a value at its place
// could not be read, which has been said already.
func follows(m *ConfigError, unread []*ConfigError) bool {
	return slices.ContainsFunc(unread, func(u *ConfigError) bool {
		rest, inside := strings.CutPrefix(u.Field, m.Field)
		return inside && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// Check finds every mistake that can be found without listening. Its error is
// a ConfigErrors without lines, for a Config made in Go.
func (c Config) Check() error {
	_, err := c.parts()
	if mistakes := c.locate(nil, err); len(mistakes) > 0 {
		return ConfigErrors(mistakes)
	}
	return nil
}

// locate turns joined errors into ConfigErrors with places.
func (c Config) locate(document *strictyaml.Document, err error) []*ConfigError {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*ConfigError
		for _, one := range joined.Unwrap() {
			out = append(out, c.locate(document, one)...)
		}
		return out
	}
	field, message := "", err.Error()
	var ofIDP *idp.ConfigError
	var ours *fieldError
	switch {
	case errors.As(err, &ours):
		field, message = ours.field, ours.message()
	case errors.As(err, &ofIDP):
		field, message = ofIDP.Field, ofIDP.Message
	}
	located := document.At(field, message)
	if located.File == "" {
		located.File = cmp.Or(c.source, "config")
	}
	var filter *pool.FilterError
	if errors.As(err, &filter) {
		pointInto(document, located, filter)
	}
	return []*ConfigError{located}
}

// pointInto moves the place of a filter's mistake to the column in the file,
// where the filter stands on one line there.
func pointInto(document *strictyaml.Document, at *ConfigError, filter *pool.FilterError) {
	line, column, ok := document.Scalar(at.Field)
	if ok && filter.Line == 1 && !strings.ContainsAny(filter.Filter, "\n\\\"") {
		at.Line, at.Column = line, column+filter.Column-1
	}
}

// fieldError is a mistake at a field of the Config.
type fieldError struct {
	field string
	err   error
}

// Error names the field.
func (e *fieldError) Error() string { return "idpool: " + e.field + ": " + e.message() }

// Unwrap gives a filter's mistake to those who can point into it.
func (e *fieldError) Unwrap() error { return e.err }

func (e *fieldError) message() string { return strings.TrimPrefix(e.err.Error(), "pool: ") }
