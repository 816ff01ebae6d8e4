package probe_test

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

// The probe asks targets over the network and knows nothing of idpool's own.
func TestImports(t *testing.T) {
	imports.Check(t, ".", "forge", "idp")
}
