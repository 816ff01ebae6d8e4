//go:build unix

package ca

import (
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// byGroup says whether this process has a file by its group alone: the files of a
// Kubernetes Secret belong to root, and to the group that the pod is given.
func byGroup(info fs.FileInfo) bool {
	of, known := info.Sys().(*syscall.Stat_t)
	groups, err := os.Getgroups()
	return known && err == nil && groupReads(int(of.Uid), int(of.Gid), os.Geteuid(), append(groups, os.Getegid()))
}

// groupReads says so for a file's owner and group, and a process's. Root has any
// file, whatever its group.
func groupReads(owner, group, user int, groups []int) bool {
	return user != 0 && owner != user && slices.Contains(groups, group)
}
