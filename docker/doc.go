// Package docker runs idpool in a container, for tests that use
// testcontainers-go: an identity provider that mints tokens as Azure AD does,
// and a Kafka cluster that takes them as Confluent Cloud does, beside whatever
// other containers the test has.
//
// Begin with [Run], whose [Container] says where everything listens. Tokens have
// the URL as issuer by which the test sees the container, also those that
// are asked for in a network ([WithNetworkAlias]). The image is that of
// the environment variable IDPOOL_IMAGE, or is built from the source of the
// idpool module that the test's module requires.
//
// A test in Go that needs no container is better off with package idpooltest,
// which is ready in milliseconds and prints what happened.
package docker
