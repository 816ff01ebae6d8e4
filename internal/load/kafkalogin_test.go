package main

import (
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// scripted is a broker that counts its connections.
type scripted struct {
	address string
	seen    atomic.Int64
}

// script answers the requests of the n-th connection, from 1, one at a time,
// while answer says so.
func script(t *testing.T, answer func(n int64, conn net.Conn) bool) *scripted {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	b := &scripted{address: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			n := b.seen.Add(1)
			go func() {
				defer conn.Close()
				for answer(n, conn) {
				}
			}()
		}
	}()
	return b
}

// readFrame is a request without its size; nil at the end.
func readFrame(conn net.Conn) []byte {
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(conn, frame); err != nil {
		return nil
	}
	return frame
}

// reply is false when there was no request, or nobody hears the response.
func reply(conn net.Conn, frame []byte, response kmsg.Response) bool {
	if frame == nil {
		return false
	}
	body := response.AppendTo(append([]byte(nil), frame[4:8]...)) // the correlation id
	_, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	return err == nil
}

// respond answers a request with what is to be said to a SaslAuthenticate.
func respond(conn net.Conn, say func(*kmsg.SASLAuthenticateResponse, []byte)) bool {
	frame := readFrame(conn)
	if frame == nil {
		return false
	}
	if binary.BigEndian.Uint16(frame) == 17 {
		return reply(conn, frame, &kmsg.SASLHandshakeResponse{Version: 1, SupportedMechanisms: []string{mechanism}})
	}
	r := &kmsg.SASLAuthenticateResponse{Version: 1}
	say(r, frame)
	return reply(conn, frame, r)
}

func admits(conn net.Conn) bool {
	return respond(conn, func(*kmsg.SASLAuthenticateResponse, []byte) {})
}

// One login looks whether the broker takes the token, and then there are those
// that are asked for and no more.
func TestKafkaCount(t *testing.T) {
	b := script(t, func(_ int64, conn net.Conn) bool { return admits(conn) })
	code, r := driveKafka(t, at(serve(t, azure(t)), b.address, "-count", "25", "-idle", "7")...)
	if code != 0 || r.Logins != 25 || r.Idle.Connections != 7 || b.seen.Load() != 1+25+7 || r.Traffic != nil {
		t.Errorf("exit code %d, %d logins, %d idle, %d connections, want 0, 25, 7, 33", code, r.Logins, r.Idle.Connections, b.seen.Load())
	}
}

func TestKafkaFailures(t *testing.T) {
	message := func(code int16, text string) func(net.Conn) bool {
		return func(conn net.Conn) bool {
			return respond(conn, func(r *kmsg.SASLAuthenticateResponse, _ []byte) { r.ErrorCode, r.ErrorMessage = code, &text })
		}
	}
	raw := func(text string) func(net.Conn) bool {
		return func(conn net.Conn) bool {
			readFrame(conn)
			_, _ = conn.Write([]byte(text))
			return false
		}
	}
	for _, row := range []struct {
		reason string
		answer func(net.Conn) bool
		kind   string
		sample string
	}{
		{"an error", message(58, "no such\n pool"), "SaslAuthenticate: error 58 SASL_AUTHENTICATION_FAILED", "no such pool"},
		{"an error that nobody knows", message(12345, ""), "SaslAuthenticate: error 12345 UNKNOWN_SERVER_ERROR", ""},
		{"a broker that echoes the token", func(conn net.Conn) bool {
			return respond(conn, func(r *kmsg.SASLAuthenticateResponse, frame []byte) {
				echo := string(frame)
				r.ErrorCode, r.ErrorMessage = 58, &echo
			})
		}, "SaslAuthenticate: error 58 SASL_AUTHENTICATION_FAILED", "auth=Bearer (secret)"},
		{"a challenge", func(conn net.Conn) bool {
			return respond(conn, func(r *kmsg.SASLAuthenticateResponse, _ []byte) {
				r.SASLAuthBytes = []byte(`{"status":"invalid_token"}`)
			})
		}, "SaslAuthenticate: challenge", `{"status":"invalid_token"}`},
		{"another mechanism", func(conn net.Conn) bool {
			return reply(conn, readFrame(conn), &kmsg.SASLHandshakeResponse{Version: 1, ErrorCode: 33, SupportedMechanisms: []string{"PLAIN"}})
		}, "SaslHandshake: error 33 UNSUPPORTED_SASL_MECHANISM", `it takes ["PLAIN"]`},
		{"a connection that closes", raw(""), "connection closed before the end of the answer", "EOF"},
		{"a response that is cut", raw("\x00\x00\x00\x10\x00\x00\x00\x01\x00"), "connection closed before the end of the answer", "unexpected EOF"},
		{"no Kafka", raw("HTTP/1.1 400 Bad Request\r\n\r\n"), "no Kafka answer", "a response of 1213486160 bytes"},
		{"another request's response", raw("\x00\x00\x00\x06\x00\x00\x00\x07\x00\x00"), "no Kafka answer", "to request 7"},
		{"a response that is no handshake's", raw("\x00\x00\x00\x05\x00\x00\x00\x01\x00"), "no Kafka answer", "enough data"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			b := script(t, func(n int64, conn net.Conn) bool {
				if n == 1 {
					return admits(conn)
				}
				return row.answer(conn)
			})
			code, r := driveKafka(t, at(serve(t, azure(t)), b.address, "-count", "6")...)
			if code != 1 || r.Logins != 0 || r.Errors.Count != 6 || len(r.Errors.Kinds) != 1 {
				t.Fatalf("exit code %d, %d logins, errors %+v, want 1, 0, 6 of one kind", code, r.Logins, r.Errors)
			}
			f := r.Errors.Kinds[0]
			if f.Kind != row.kind || len(f.Samples) == 0 || !strings.Contains(f.Samples[0], row.sample) {
				t.Errorf("%q, samples %q, want %q with %q", f.Kind, f.Samples, row.kind, row.sample)
			}
		})
	}
}

// A server that has had enough is not asked for the rest of the connections.
func TestIdleEndsAtTheFirstFailure(t *testing.T) {
	b := script(t, func(n int64, conn net.Conn) bool { return n != 5 && admits(conn) })
	code, r := driveKafka(t, at(serve(t, azure(t)), b.address, "-idle", "50", "-count", "10")...)
	if code != 1 || r.Idle.Connections != 3 || r.Logins != 10 || r.Errors.Count != 1 || b.seen.Load() != 1+4+10 {
		t.Errorf("exit code %d, %d idle, %d logins, %d errors of %d connections, want 1, 3, 10, 1, 15", code, r.Idle.Connections, r.Logins, r.Errors.Count, b.seen.Load())
	}
	if !strings.HasPrefix(r.Idle.Short, "connection ") {
		t.Errorf("the report does not say why: %q", r.Idle.Short)
	}
}

// The idle connections are all open when the last one has logged in, and all
// are closed before the logins are measured.
func TestIdleConnectionsStayOpen(t *testing.T) {
	var open, most atomic.Int64
	b := script(t, func(_ int64, conn net.Conn) bool {
		most.Store(max(most.Load(), open.Add(1)))
		defer open.Add(-1)
		for admits(conn) {
		}
		return false
	})
	if code, r := driveKafka(t, at(serve(t, azure(t)), b.address, "-idle", "12", "-count", "1")...); code != 0 || most.Load() < 12 {
		t.Errorf("exit code %d, %d open at once, want 0, 12: %+v", code, most.Load(), r.Idle)
	}
	for end := time.Now().Add(patience); open.Load() > 0; {
		if time.Now().After(end) {
			t.Fatalf("%d connections are still open", open.Load())
		}
		runtime.Gosched()
	}
}
