package probe_test

import (
	"net"
	"testing"

	"github.com/idpool/idpool/probe"
)

// FuzzBroker: whatever a broker sends, the probe reads it or says that it is no
// answer, and takes for a login nothing but one.
func FuzzBroker(f *testing.F) {
	const (
		versions  = "\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"
		handshake = "\x00\x00\x00\x0a\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00"
		login     = "\x00\x00\x00\x14\x00\x00\x00\x03\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	)
	for _, seed := range []string{"", "HTTP/1.1 400 Bad Request\r\n\r\n", versions, versions + handshake, versions + handshake + login,
		versions + handshake + login[:12] + "\x00\x01{", "\xff\xff\xff\xff\x00\x00\x00\x01"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write(sent)
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = conn.Read(make([]byte, 1<<10)) // until the probe has asked, and may be more
			_ = conn.Close()
		}()
		a, err := probe.Kafka{Bootstrap: l.Addr().String()}.Try(t.Context(), "a.b.c")
		_ = l.Close()
		<-done
		if err == nil && a.Verdict == probe.Accepted && len(sent) < len(versions)+len(handshake)+len(login) {
			t.Errorf("%q was taken for a login: %+v", sent, a)
		}
	})
}
