package main

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

// An application that is tried with idpool knows nothing of it.
func TestImports(t *testing.T) {
	imports.Check(t, ".")
}
