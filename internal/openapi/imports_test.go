package openapi_test

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

// The document is made from whatever types it is given.
func TestImports(t *testing.T) { imports.Check(t, ".") }
