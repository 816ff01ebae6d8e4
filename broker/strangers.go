package broker

import (
	"container/list"
	"net"
	"sync"
)

// largeLoginFrame is the size above which a frame of a client that is not
// logged in counts against the budget of all.
const (
	largeLoginFrame = 16 << 10
	strangersBudget = 64 << 20
)

// strangers are the connections that are not logged in. There may be so many,
// with so much memory; those who come later are served at the expense of those
// who have waited longest.
type strangers struct {
	most     int
	mu       sync.Mutex
	conns    list.List // of net.Conn, the oldest first
	reserved int
}

// enter notes a connection; the function that it returns takes it out again.
func (s *strangers) enter(conn net.Conn) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns.Len() >= s.most {
		oldest := s.conns.Front()
		s.conns.Remove(oldest)
		_ = oldest.Value.(net.Conn).Close()
	}
	at := s.conns.PushBack(conn)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.conns.Remove(at)
	}
}

func (s *strangers) reserve(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reserved+n > strangersBudget {
		return false
	}
	s.reserved += n
	return true
}

func (s *strangers) release(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reserved -= n
}
