// Package clients holds no code: it is where idpool is tried with other
// people's clients, unmodified. Its tests run MSAL and azidentity for Go and
// go-oidc in this process, and Microsoft's libraries for Node, Python and Java
// as programs of their own, all against a running stack and over real TLS.
//
// The libraries of the other languages are pinned below testdata and installed
// by install.sh into idpool-clients in the user's cache folder, or into
// $IDPOOL_CLIENTS. What is not installed is skipped by name; $IDPOOL_REQUIRE,
// a list such as node,python,java, makes that a failure.
package clients
