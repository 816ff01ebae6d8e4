//go:build unix

package ca

import (
	"io/fs"
	"os"
	"syscall"
)

// byGroup says whether a file is another user's, so that this process has it by
// its group: the files of a Kubernetes Secret belong to root, and to the group
// that the pod is given.
func byGroup(info fs.FileInfo) bool {
	of, known := info.Sys().(*syscall.Stat_t)
	return known && int64(of.Uid) != int64(os.Geteuid())
}
