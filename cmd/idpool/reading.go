package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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
		return fmt.Errorf("%s: permission denied%s", name, permissions(name))
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

// permissions says whose a file is and who asks for it, which in a container is
// seldom the same; empty where the system has no such thing. Inside a folder that
// cannot be entered nothing is seen, and so it is about the folder.
func permissions(name string) string {
	process := processUser()
	if process == "" {
		return ""
	}
	info, err := os.Stat(name)
	what := "it"
	for err != nil && filepath.Dir(name) != name {
		name = filepath.Dir(name)
		what = name
		info, err = os.Stat(name)
	}
	if err != nil {
		return ": idpool runs as " + process
	}
	return strings.TrimSuffix(fmt.Sprintf(": idpool runs as %s, and %s has mode %s and is of %s", process, what, info.Mode(), fileUser(info)), " and is of ")
}
