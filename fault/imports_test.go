package fault_test

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

// Faults know the identity provider that they stand before, and nothing of
// those who read its tokens.
func TestImports(t *testing.T) {
	imports.Check(t, ".", "idp", "internal/nearest", "internal/recorded", "internal/strictyaml")
}
