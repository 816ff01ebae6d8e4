// Package kubernetes has no code, only tests: they judge the manifests in this
// folder, and run the command with the settings that the manifests give it.
// README.md says how the manifests are used.
//
// It is a module of its own, so that what reads Kubernetes' objects is a
// dependency of nothing else.
package kubernetes
