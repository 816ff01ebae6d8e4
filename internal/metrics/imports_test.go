package metrics

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

// Metrics know the journal, and the words of those whose checks and causes they
// count.
func TestImports(t *testing.T) {
	imports.Check(t, ".", "explain", "journal", "validator")
}
