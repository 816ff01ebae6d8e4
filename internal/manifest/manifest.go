// Package manifest turns what Azure exports about app registrations into
// tenants of an idpool config: manifests of the portal in both formats, the
// JSON of "az ad app" and "az ad sp", app role assignments and federated
// credentials as Microsoft Graph and the az command print them.
//
// Call [Import]. What an export cannot contain (secrets, keys) or did not (the
// tenant's id, assignments) is left empty and listed, with the command that
// gives it. It asks no server for anything, writes no file, and does not know
// the rest of the config: clusters, identity providers and pools.
package manifest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/idpool/idpool/idp"
)

// File is an export to read.
type File struct {
	// Name is what messages call it. Nothing is concluded from it.
	Name string
	// Content is its bytes: UTF-8 or, as PowerShell writes them, UTF-16. Import
	// reads one file after another and closes each that is an io.Closer.
	Content io.Reader
}

// Config says what the exports cannot. The zero Config takes everything from
// them.
type Config struct {
	// TenantID is the GUID of the directory that was exported. Empty means what
	// the service principals tell about it.
	TenantID string
	// TenantName is its display name. No export has it.
	TenantName string
	// Now tells which secrets have expired. Nil means time.Now.
	Now func() time.Time
}

// Result is what the exports came to.
type Result struct {
	// Tenants are the tenant that was exported and, after it, the home tenants
	// of applications that it merely uses. idp accepts them as they are.
	Tenants []idp.Tenant
	// FillIn are first the required places, then those that may be of interest;
	// each part in the order of the tenants, then what was left out or could not
	// be placed.
	FillIn []FillIn
	// Ignored are the fields of the exports that idpool has no use for, sorted,
	// such as application.web. Those without a value, or with the one that Azure
	// gives every application, are not named.
	Ignored []string

	text []byte
}

// FillIn is something that a config needs and the exports do not have.
type FillIn struct {
	// Field is where it belongs, such as
	// tenants[0].applications[0].passwordCredentials[0].secretText; empty for
	// what could not be placed.
	Field string `json:"field"`
	// Line is that of the field in the YAML, from 1; 0 without a field, when
	// something of the files has no place.
	Line int `json:"line,omitempty"`
	// Required says that what was exported does not work as in Azure without it.
	// What is not required may be left as it is.
	Required bool `json:"required"`
	// Message says what is missing and how to get it.
	Message string `json:"message"`

	comment string // what the YAML says at the field; empty for nothing
}

// Error is the one error of the package: a file or a value that cannot be
// imported.
type Error struct {
	// File is the export's name; empty when the files together are at fault.
	File string
	// Field is the place in it, such as value[2].appRoles[0].id.
	Field string
	// Message says what is there and what would be right.
	Message string
}

// Error is manifest: FILE: FIELD: MESSAGE, as far as these are known.
func (e *Error) Error() string {
	words := []string{"manifest", e.File, e.Field, e.Message}
	return strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), ": ")
}

// Import reads the files and merges them into one directory. Its error joins an
// [*Error] for each mistake; then there is no Result, however much was right.
func Import(c Config, files []File) (*Result, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.TenantID != "" && !isGUID(c.TenantID) {
		return nil, &Error{Message: fmt.Sprintf("%q is no tenant id, want a GUID: \"az account show --query tenantId\" prints it", c.TenantID)}
	}
	exports := make([]*export, 0, len(files))
	var errs []error
	for _, f := range files {
		e, err := read(f)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		exports = append(exports, e)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return c.result(exports)
}

// result merges what was read, leaves out what idp would refuse, lists what is
// missing and writes the text.
func (c Config) result(exports []*export) (*Result, error) {
	m := &merger{config: c}
	tenants, err := m.merge(exports)
	if err != nil {
		return nil, err
	}
	left, err := leaveOutRefused(tenants)
	if err != nil {
		return nil, err
	}
	r := &Result{Tenants: tenants, Ignored: ignored(exports)}
	r.FillIn = slices.Concat(missing{m}.of(tenants), left, m.notes)
	slices.SortStableFunc(r.FillIn, FillIn.compare)
	return r, r.write()
}

// compare puts what is required first.
func (f FillIn) compare(other FillIn) int {
	switch {
	case f.Required == other.Required:
		return 0
	case f.Required:
		return -1
	}
	return 1
}

// ignored are the fields that no file's reader asked for.
func ignored(exports []*export) []string {
	names := []string{}
	for _, e := range exports {
		for name := range e.ignored {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// YAML is the config that the tenants make, with a comment that begins with
// FILL IN at each place that needs a person.
func (r *Result) YAML() []byte { return slices.Clone(r.text) }

// isGUID accepts the one form that Azure prints: 8-4-4-4-12 hex digits.
func isGUID(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }
