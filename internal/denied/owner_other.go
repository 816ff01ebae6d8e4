//go:build !unix

package denied

import "io/fs"

// processUser is empty: there are no ids that would say anything.
func processUser() string { return "" }

// fileUser is empty as well.
func fileUser(fs.FileInfo) string { return "" }
