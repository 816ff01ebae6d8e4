// Package docker runs idpool in a container for Go tests that use testcontainers-go.
package docker

import (
	_ "github.com/testcontainers/testcontainers-go"
	_ "golang.org/x/crypto/x509roots/fallback/bundle"

	_ "github.com/idpool/idpool"
)
