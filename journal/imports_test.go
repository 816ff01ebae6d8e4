package journal_test

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

// The journal stands below everything that writes to it.
func TestImports(t *testing.T) {
	imports.Check(t, ".", "internal/nearest")
}
