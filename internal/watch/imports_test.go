package watch_test

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

// Whoever watches a file knows nothing of what is in it.
func TestImports(t *testing.T) { imports.Check(t, ".") }
