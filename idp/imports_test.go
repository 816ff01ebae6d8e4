package idp_test

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

// The identity provider knows nothing of those who read its tokens.
func TestImports(t *testing.T) {
	imports.Check(t, ".", "internal/mask", "internal/nearest")
}
