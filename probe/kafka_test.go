package probe_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/probe"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// fake is a broker that answers as its fields say.
type fake struct {
	handshake    int16                          // error
	authenticate *kmsg.SASLAuthenticateResponse // nil closes the connection
	metadata     bool                           // whether it is answered
	raw          []byte                         // sent to the login in place of a response
	message      string                         // of the last login
}

// start listens until the test ends.
func (f *fake) start(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.serve(conn)
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// serve answers the requests of a connection.
func (f *fake) serve(conn net.Conn) {
	for {
		var header [12]byte // size, key, version, correlation id
		if _, err := io.ReadFull(conn, header[:]); err != nil {
			return
		}
		key, version := int16(binary.BigEndian.Uint16(header[4:])), int16(binary.BigEndian.Uint16(header[6:]))
		rest := make([]byte, binary.BigEndian.Uint32(header[:])-8)
		if _, err := io.ReadFull(conn, rest); err != nil {
			return
		}
		body := rest[2+int(binary.BigEndian.Uint16(rest)):] // after the client id
		response := f.answer(key, version, body)
		if response == nil {
			_, _ = conn.Write(f.raw)
			return
		}
		response.SetVersion(version)
		frame := response.AppendTo(append([]byte{0, 0, 0, 0}, header[8:12]...))
		binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
		if _, err := conn.Write(frame); err != nil {
			return
		}
	}
}

// answer is the response to a request, or nil.
func (f *fake) answer(key, version int16, body []byte) kmsg.Response {
	switch kmsg.Key(key) {
	case kmsg.ApiVersions:
		r, k := kmsg.NewPtrApiVersionsResponse(), kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MaxVersion = kmsg.Metadata.Int16(), 13
		r.ApiKeys = append(r.ApiKeys, k)
		return r
	case kmsg.SASLHandshake:
		r := kmsg.NewPtrSASLHandshakeResponse()
		r.ErrorCode, r.SupportedMechanisms = f.handshake, []string{"PLAIN", "GSSAPI"}
		return r
	case kmsg.SASLAuthenticate:
		request := kmsg.NewPtrSASLAuthenticateRequest()
		request.SetVersion(version)
		if err := request.ReadFrom(body); err != nil {
			panic(err)
		}
		f.message = string(request.SASLAuthBytes)
		if f.authenticate != nil {
			return f.authenticate
		}
	case kmsg.Metadata:
		if f.metadata {
			return kmsg.NewPtrMetadataResponse()
		}
	}
	return nil
}

// response is the answer to a login.
func response(code int16, message, bytes string, lifetime time.Duration) *kmsg.SASLAuthenticateResponse {
	r := kmsg.NewPtrSASLAuthenticateResponse()
	r.ErrorCode, r.SASLAuthBytes, r.SessionLifetimeMillis = code, []byte(bytes), lifetime.Milliseconds()
	if message != "" {
		r.ErrorMessage = &message
	}
	return r
}

func TestKafkaAnswers(t *testing.T) {
	const challenge = `{"status":"invalid_token"}`
	for _, tc := range []struct {
		name string
		fake fake
		want probe.Answer
	}{
		{"logged in", fake{authenticate: response(0, "", "", 0), metadata: true}, probe.Answer{Verdict: probe.Accepted, Said: "logged in"}},
		{"for an hour", fake{authenticate: response(0, "", "", time.Hour), metadata: true}, probe.Answer{Verdict: probe.Accepted, Said: "logged in for 1h0m0s"}},
		{"a challenge, with error 0", fake{authenticate: response(0, "", challenge, 0), metadata: true}, probe.Answer{Verdict: probe.Refused, Said: challenge}},
		{"an error", fake{authenticate: response(58, "go away", "", 0)},
			probe.Answer{Verdict: probe.Refused, Said: "error 58 SASL_AUTHENTICATION_FAILED: go away"}},
		{"an error without words", fake{authenticate: response(58, "", "", 0)}, probe.Answer{Verdict: probe.Refused, Said: "error 58 SASL_AUTHENTICATION_FAILED"}},
		{"closed", fake{}, probe.Answer{Verdict: probe.Refused, Said: "connection closed", Note: "the broker gave no reason, which is taken for a refusal"}},
		{"closed when it is used", fake{authenticate: response(0, "", "", 0)},
			probe.Answer{Verdict: probe.Refused, Said: "logged in, then connection closed", Note: "at the first request, as brokers do when a session has expired"}},
		{"no JSON", fake{authenticate: response(0, "", "welcome", 0), metadata: true},
			probe.Answer{Verdict: probe.Unclear, Said: "welcome", Note: "the broker's answer is no JSON"}},
		{"another answer", fake{raw: []byte("\x00\x00\x00\x05\x00\x00\x00\x09\x00")},
			probe.Answer{Verdict: probe.Unclear, Said: "the answer is not Kafka's: a response of 5 bytes to request 9, want 4 to 4194304 bytes to request 3"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := probe.Kafka{Bootstrap: tc.fake.start(t), Extensions: map[string]string{"logicalCluster": "lkc-1", "identityPoolId": "pool-1"}}
			got, err := k.Try(t.Context(), "a.b.c")
			if err != nil || got != tc.want {
				t.Errorf("%+v, %v, want %+v", got, err, tc.want)
			}
			if want := "n,,\x01auth=Bearer a.b.c\x01identityPoolId=pool-1\x01logicalCluster=lkc-1\x01\x01"; tc.fake.message != want {
				t.Errorf("sent %q, want %q", tc.fake.message, want)
			}
		})
	}
}

// TestNoKafkaToAsk: what is no listener for tokens is an error, and never a
// refusal.
func TestNoKafkaToAsk(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = quiet()
	secure.StartTLS()
	t.Cleanup(secure.Close)
	open, other, failing := fake{handshake: kerr.IllegalSaslState.Code}, fake{handshake: kerr.UnsupportedSaslMechanism.Code}, fake{handshake: -1}
	for _, tc := range []struct {
		name, want string
		target     probe.Kafka
	}{
		{"a listener with TLS", "or one that wants TLS", probe.Kafka{Bootstrap: secure.Listener.Addr().String()}},
		{"one without TLS", "tls: ", probe.Kafka{Bootstrap: web.Listener.Addr().String(), TLS: &tls.Config{InsecureSkipVerify: true}}},
		{"an unknown authority", "certificate", probe.Kafka{Bootstrap: secure.Listener.Addr().String(), TLS: new(tls.Config)}},
		{"no login", "everybody is let in, without a token", probe.Kafka{Bootstrap: open.start(t)}},
		{"other mechanisms", `its mechanisms are ["PLAIN" "GSSAPI"]`, probe.Kafka{Bootstrap: other.start(t)}},
		{"a failure", "SaslHandshake: UNKNOWN_SERVER_ERROR", probe.Kafka{Bootstrap: failing.start(t)}},
		{"no address", "missing port", probe.Kafka{Bootstrap: "localhost"}},
	} {
		a, err := tc.target.Try(t.Context(), "a.b.c")
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %+v, %v, want an error with %q", tc.name, a, err, tc.want)
		}
	}
}

// TestSilentBroker: a broker that says nothing has refused nobody.
func TestSilentBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	r := probe.Run(t.Context(), probe.Kafka{Bootstrap: l.Addr().String()}, matrix(), probe.Config{Timeout: 500 * time.Millisecond})
	for _, want := range []string{"the valid token was not let in: no answer within 500ms (", "no Kafka listener, or one that wants TLS"} {
		if r.Conclusion != probe.Unproved || !strings.Contains(r.Problem, want) {
			t.Errorf("%s: %q, want %q in it", r.Conclusion, r.Problem, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a, err := (probe.Kafka{Bootstrap: l.Addr().String()}).Try(ctx, "a.b.c"); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %+v, %v", a, err)
	}
}
