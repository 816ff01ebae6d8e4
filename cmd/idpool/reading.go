package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/idpool/idpool/internal/denied"
)

// notRead says why a file or folder cannot be used, and in a container what is
// likely wrong with its mount.
func notRead(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist", name)
	case errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%s is a folder, want a file (a container engine makes a folder where the file to mount is not there)", name)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: permission denied%s", name, denied.Detail(name))
	}
	var of *fs.PathError // which repeats the name
	var renaming *os.LinkError
	switch {
	case errors.As(err, &of):
		err = of.Err
	case errors.As(err, &renaming):
		err = renaming.Err
	}
	return fmt.Errorf("%s: %v", name, err)
}
