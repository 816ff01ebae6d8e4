// Package composetest tests docker/compose.yaml: what it says, by the library
// that docker compose reads it with, and what it does, by docker compose itself
// where a Docker daemon answers.
//
// It is a module of its own, so that neither is a dependency of anybody: the
// docker compose of its go.mod runs whatever the machine has installed.
package composetest
