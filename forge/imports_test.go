package forge_test

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

// Whoever verifies tokens is told apart from who breaks them: neither validator
// nor pool is known here, and the test asks them.
func TestImports(t *testing.T) {
	imports.Check(t, ".", "idp", "internal/nearest")
}
