package main

import (
	"io/fs"
	"os"
	"path"
)

// surroundings are where this process runs. The zero value asks the machine.
type surroundings struct {
	files    fs.FS                       // from the root folder on
	pid      int                         // of this process
	variable func(string) (string, bool) // of the environment
}

// real is the surroundings with what is not given taken from the machine.
func (s surroundings) real() surroundings {
	if s.files == nil {
		s.files = os.DirFS("/")
	}
	if s.pid == 0 {
		s.pid = os.Getpid()
	}
	if s.variable == nil {
		s.variable = os.LookupEnv
	}
	return s
}

// host says why this process may be that of a host, for which Azure's names would
// be everybody's there; empty for a container with a network of its own.
//
// A name that leads to an address of one's own proves no container: a hosts file or
// the DNS of a network can say that of any machine.
func (s surroundings) host() string {
	s = s.real()
	if !s.contained() {
		return "this is no container"
	}
	interfaces, err := fs.ReadDir(s.files, "sys/class/net")
	if err != nil || len(interfaces) == 0 {
		return "the network interfaces are not to be seen in /sys/class/net"
	}
	for _, one := range interfaces {
		if reason := s.ofHost(one.Name()); reason != "" {
			return "this container is in the network of its host, which has " + reason
		}
	}
	return ""
}

// contained says whether anything tells of a container: the process that began it
// (no host begins with idpool), the files that Docker and Podman put there, or
// what Kubernetes sets in every one.
func (s surroundings) contained() bool {
	if s.pid == 1 {
		return true
	}
	for _, name := range []string{".dockerenv", "run/.containerenv"} {
		if s.has(name) {
			return true
		}
	}
	_, pod := s.variable("KUBERNETES_SERVICE_HOST")
	return pod
}

// ofHost says what an interface is that no container has in a network of its own:
// a device, real or of a virtual machine, or the bridge that containers are
// connected to. Theirs are ends of virtual cables (veth, macvlan, ipvlan, tap).
func (s surroundings) ofHost(name string) string {
	switch at := path.Join("sys/class/net", name); {
	case s.has(path.Join(at, "device")):
		return "the device " + name
	case s.has(path.Join(at, "bridge")):
		return "the bridge " + name
	}
	return ""
}

func (s surroundings) has(name string) bool {
	_, err := fs.Stat(s.files, name)
	return err == nil
}
