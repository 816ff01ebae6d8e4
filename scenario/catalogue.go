package scenario

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/idpool/idpool/internal/nearest"
)

//go:embed catalogue/*.yaml
var files embed.FS

// All are the scenarios of the catalogue by id. Its error, a *LoadError, is
// for somebody who has just changed a file: those that are shipped load.
func All() ([]*Scenario, error) { return all() }

var all = sync.OnceValues(func() ([]*Scenario, error) {
	var out []*Scenario
	var errs []error
	for _, id := range IDs() {
		s, err := read(id)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, s)
	}
	return out, errors.Join(errs...)
})

// IDs are the ids of the catalogue, in order.
func IDs() []string {
	names, err := fs.Glob(files, "catalogue/*.yaml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for i, name := range names {
		names[i] = strings.TrimSuffix(strings.TrimPrefix(name, "catalogue/"), ".yaml")
	}
	slices.Sort(names)
	return names
}

// Find is the scenario with an id. Its error names the id that was most likely
// meant.
func Find(id string) (*Scenario, error) {
	if slices.Contains(IDs(), id) {
		return read(id)
	}
	hint := `"idpool scenario list" lists them`
	if near := nearest.To(id, IDs()); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return nil, fmt.Errorf("scenario: there is no %q: %s", id, hint)
}

func read(id string) (*Scenario, error) {
	name := "catalogue/" + id + ".yaml"
	data, err := files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("scenario: %v", err)
	}
	return Load(name, data)
}
