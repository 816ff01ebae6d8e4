package idpool

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/denied"
)

// maxPEMFile is the size above which a file of certificates is not read.
const maxPEMFile = 1 << 20

// file is the path of a file that the Config names: relative to the Config's
// own file, or to the working folder for a Config made in Go.
func (c Config) file(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(c.source), name)
}

// readPEMFile reads a file that the Config names.
func (c Config) readPEMFile(name string) ([]byte, error) {
	path := c.file(name)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %q", path)
	}
	unreadable := func(err error) error {
		detail := ""
		if errors.Is(err, fs.ErrPermission) {
			detail = denied.Detail(path)
		}
		return fmt.Errorf("%q cannot be read: %v%s", path, cause(err), detail)
	}
	if err == nil && !info.Mode().IsRegular() { // to open a pipe would wait for its writer
		return nil, fmt.Errorf("%q is no file but a folder, a device or the like", path)
	}
	if err != nil {
		return nil, unreadable(err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPEMFile+1))
	if err != nil {
		return nil, unreadable(err)
	}
	if len(data) > maxPEMFile {
		return nil, fmt.Errorf("%q has more than 1 MB, want a PEM file of certificates", path)
	}
	return data, nil
}

// cause is an error of the operating system without the path.
func cause(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// certificatesOnly takes the certificates out of a PEM file. A private key that
// stands beside them, as many tools write it, goes no further.
func certificatesOnly(data []byte) string {
	var b strings.Builder
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			b.Write(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
		}
	}
	return b.String()
}

// keyFiles are the certificates that keyCredentials name by file.
type keyFiles struct {
	config Config
	read   map[string]keyFile // by name as in the Config: aliases may repeat one
	fields map[string]bool    // the places of the credentials that name one
}

type keyFile struct {
	certificates string
	err          error
}

// tenants returns the Config's tenants with the certificates in place of the
// names of their files. The Config's own stay as they are: what has no file is
// shared, the rest is copied. The result is never nil.
func (x *checker) tenants(files *keyFiles) []idp.Tenant {
	tenants := append([]idp.Tenant{}, x.config.Tenants...) // slices.Concat would give nil for none
	for i := range tenants {
		tenants[i].Applications = x.applications(fmt.Sprintf("tenants[%d].applications", i), files, tenants[i].Applications)
	}
	return tenants
}

// applications are those of a tenant, a copy if a certificate is in a file.
func (x *checker) applications(field string, files *keyFiles, applications []idp.Application) []idp.Application {
	copied := false
	for i, a := range applications {
		if !slices.ContainsFunc(a.KeyCredentials, func(k idp.KeyCredential) bool { return k.File != "" }) {
			continue
		}
		if !copied {
			applications, copied = slices.Clone(applications), true
		}
		applications[i].KeyCredentials = x.keyCredentials(fmt.Sprintf("%s[%d].keyCredentials", field, i), files, a.KeyCredentials)
	}
	return applications
}

func (x *checker) keyCredentials(field string, files *keyFiles, credentials []idp.KeyCredential) []idp.KeyCredential {
	out := slices.Clone(credentials)
	for i := range out {
		name := out[i].File
		if name == "" {
			continue
		}
		at := fmt.Sprintf("%s[%d]", field, i)
		files.fields[at] = true
		out[i].File = ""
		if out[i].Key != "" {
			x.fail(at+".file", "give either key or file, not both")
			out[i].Key = "" // so that nothing more is said of it
			continue
		}
		file := files.certificates(name)
		if file.err != nil {
			x.errs = append(x.errs, &fieldError{at + ".file", file.err})
		}
		out[i].Key = file.certificates
	}
	return out
}

func (f *keyFiles) certificates(name string) keyFile {
	if file, ok := f.read[name]; ok {
		return file
	}
	var file keyFile
	data, err := f.config.readPEMFile(name)
	if err == nil {
		file.certificates = certificatesOnly(data)
		if file.certificates == "" {
			err = fmt.Errorf("%q has no CERTIFICATE block, want the certificate in PEM", f.config.file(name))
		}
	}
	file.err = err
	f.read[name] = file
	return file
}

// place moves the identity provider's complaints about a key to the file that
// it is from.
func (f *keyFiles) place(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, one := range joined.Unwrap() {
			out = append(out, f.place(one))
		}
		return errors.Join(out...)
	}
	var of *idp.ConfigError
	if errors.As(err, &of) && f.fields[strings.TrimSuffix(of.Field, ".key")] {
		return &idp.ConfigError{Field: strings.TrimSuffix(of.Field, ".key") + ".file", Message: of.Message}
	}
	return err
}
