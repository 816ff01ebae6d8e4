// Package citest runs the blocks of docs/ci.md as the CI systems would that they
// are for, with real containers: a page of snippets that nobody runs is wrong
// within a year. It has tests only.
package citest
