package main

import (
	"context"
	"fmt"
	"net"
	"time"
)

// idle are the connections that log in and do nothing.
type idle struct {
	Wanted      int     `json:"wanted"`
	Connections int     `json:"connections"`
	Seconds     float64 `json:"seconds"`         // until the last was logged in
	Short       string  `json:"short,omitempty"` // why they are fewer than wanted
	Memory      *memory `json:"memory,omitempty"`
	failure     *failure
}

// sparedFiles are for what the process has open besides.
const sparedFiles = 64

// stayIdle opens the connections, looks at the server's memory before and
// after, and closes them. Nil means that nobody asked.
func (s *kafkaSettings) stayIdle(ctx context.Context) (*idle, error) {
	if s.idle == 0 {
		return nil, nil
	}
	i := &idle{Wanted: s.idle}
	n := s.allowed(i)
	var err error
	if i.Memory, err = residentBefore(s.pid); err != nil {
		return nil, err
	}
	began := time.Now()
	conns := s.hold(ctx, i, n)
	i.Connections, i.Seconds = len(conns), time.Since(began).Seconds()
	err = i.Memory.after()
	for _, conn := range conns {
		_ = conn.Close()
	}
	return i, err
}

// allowed is how many connections there may be for the limit of open files.
func (s *kafkaSettings) allowed(i *idle) int {
	files := s.files
	if files == nil {
		files = openFiles
	}
	limit := files()
	n := min(i.Wanted, max(limit-sparedFiles, 0))
	if n < i.Wanted {
		i.Short = fmt.Sprintf("this process may have %d files open (ulimit -n)", limit)
	}
	return n
}

// hold logs in n times, one after another, until the first failure: a server
// that has had enough would let each of the rest wait in vain.
func (s *kafkaSettings) hold(ctx context.Context, i *idle, n int) []net.Conn {
	var conns []net.Conn
	for len(conns) < n && ctx.Err() == nil {
		conn, f := s.broker.logIn(ctx)
		if f != nil {
			i.failure, i.Short = f, f.kind+": "+f.sample
			break
		}
		conns = append(conns, conn)
	}
	return conns
}

// each is what one connection takes, in kB. There is at least one.
func (i *idle) each() float64 {
	return float64(i.Memory.After-i.Memory.Before) / 1e3 / float64(i.Connections)
}
