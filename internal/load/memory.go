package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// memory is the resident memory of the server, in bytes.
type memory struct {
	PID    int   `json:"pid"`
	Before int64 `json:"beforeBytes"`
	After  int64 `json:"afterBytes"`
}

// residentBefore is nil for the PID 0: nobody asked.
func residentBefore(pid int) (*memory, error) {
	if pid == 0 {
		return nil, nil
	}
	resident, err := residentMemory(pid)
	return &memory{PID: pid, Before: resident}, err
}

func (m *memory) after() (err error) {
	if m != nil {
		m.After, err = residentMemory(m.PID)
	}
	return err
}

func (m *memory) String() string {
	return fmt.Sprintf("PID %d: %.1f MB before, %.1f MB after", m.PID, megabytes(m.Before), megabytes(m.After))
}

// residentMemory reads VmRSS (proc_pid_status(5)), which is in KiB.
func residentMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("-rss: no process %d: %v", pid, err)
	}
	for line := range bytes.Lines(status) {
		fields := bytes.Fields(line)
		if len(fields) != 3 || string(fields[0]) != "VmRSS:" {
			continue
		}
		kib, err := strconv.ParseInt(string(fields[1]), 10, 64)
		return kib * 1024, err
	}
	return 0, fmt.Errorf("-rss: process %d has no VmRSS: it has ended, or is the kernel's", pid)
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }
