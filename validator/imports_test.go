package validator_test

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

// The validator knows pools, and nothing else of ours: it meets the identity
// provider over HTTP only.
func TestImports(t *testing.T) {
	imports.Check(t, ".", "internal/nearest", "pool")
}
