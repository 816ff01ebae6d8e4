package explain_test

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

// Causes come from a Decision and from what pools are.
func TestImports(t *testing.T) {
	imports.Check(t, ".", "internal/nearest", "pool", "validator")
}
