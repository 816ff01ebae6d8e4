//go:build unix

package denied

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// processUser is who this process runs as.
func processUser() string { return fmt.Sprintf("user %d, group %d", os.Geteuid(), os.Getegid()) }

// fileUser is who a file belongs to.
func fileUser(info fs.FileInfo) string {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("user %d, group %d", stat.Uid, stat.Gid)
	}
	return ""
}
