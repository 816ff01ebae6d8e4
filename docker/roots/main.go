// Command roots writes the certificate authorities that Mozilla trusts for
// servers, as the file in PEM that Linux programs look for at
// /etc/ssl/certs/ca-certificates.crt. The image has no distribution to take it from.
//
// They come with the version of golang.org/x/crypto/x509roots/fallback that go.mod
// names, so that the same commit writes the same file.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	err := write(out, bundle.Roots())
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "roots:", err)
		os.Exit(1)
	}
}

// write writes roots in the order of their subjects, each after a comment with it.
//
// Roots with a constraint are left out, as curl's bundle does: Mozilla believes
// them for certificates up to a date only, which PEM cannot say.
func write(w io.Writer, roots iter.Seq[bundle.Root]) error {
	var certificates []*x509.Certificate
	for root := range roots {
		if root.Constraint != nil {
			continue
		}
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			return fmt.Errorf("root %d of Mozilla's that have no constraint: %v", len(certificates)+1, err)
		}
		certificates = append(certificates, certificate)
	}
	slices.SortFunc(certificates, func(a, b *x509.Certificate) int {
		return cmp.Or(cmp.Compare(a.Subject.String(), b.Subject.String()), bytes.Compare(a.Raw, b.Raw))
	})
	for _, certificate := range certificates {
		if _, err := fmt.Fprintf(w, "# %s\n", certificate.Subject); err != nil {
			return err
		}
		if err := pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}); err != nil {
			return err
		}
	}
	return nil
}
