package openapitest_test

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

// The checker knows the document only, and nothing of who wrote it.
func TestImports(t *testing.T) { imports.Check(t, ".") }
