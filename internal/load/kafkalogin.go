package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const mechanism = "OAUTHBEARER"

// broker is a Kafka listener on this machine, and how to log in to it.
type broker struct {
	address       string // HOST:PORT
	token         string
	cluster, pool string // the extensions; empty are not sent
	mask          *strings.Replacer
}

// parseBootstrap reads HOST:PORT and refuses one beyond loopback.
func parseBootstrap(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if number, notNumber := strconv.ParseUint(port, 10, 16); err != nil || notNumber != nil || number == 0 {
		return "", errors.New("the BOOTSTRAP is no HOST:PORT, want one such as " + acmeBroker + " (flags go before it)")
	}
	if !loopback(host) {
		return "", notThisMachine(host)
	}
	return address, nil
}

// extensions are what Confluent Cloud's clients send beside the token.
func (b broker) extensions() map[string]string {
	all := map[string]string{}
	for key, value := range map[string]string{"logicalCluster": b.cluster, "identityPoolId": b.pool} {
		if value != "" {
			all[key] = value
		}
	}
	return all
}

// message is the client's first one (RFC 7628 3.1, KIP-342).
func (b broker) message() []byte {
	m := []byte("n,,\x01auth=Bearer " + b.token + "\x01")
	for key, value := range b.extensions() {
		m = append(m, key+"="+value+"\x01"...)
	}
	return append(m, '\x01')
}

// dialLoopback opens a connection that leaves nothing behind: it ends with a
// reset, as tens of thousands that wait in TIME_WAIT would use up the ports.
func dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Control: onlyLoopback, Timeout: patience}
	conn, err := d.DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return conn, err
}

// comeAndGo connects, logs in and hangs up.
func (b broker) comeAndGo(ctx context.Context) *failure {
	conn, f := b.logIn(ctx)
	if f == nil {
		_ = conn.Close()
	}
	return f
}

// logIn connects and logs in, by hand: a client library's own work would be
// measured, on the cores of the server.
func (b broker) logIn(ctx context.Context) (net.Conn, *failure) {
	conn, err := dialLoopback(ctx, "tcp", b.address)
	if err != nil {
		return nil, transportFailure("Kafka", err)
	}
	// An interrupt ends the request that waits for its answer.
	release := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer release()
	if f := b.introduce(conn); f != nil {
		_ = conn.Close()
		return nil, f
	}
	return conn, nil
}

func (b broker) introduce(conn net.Conn) *failure {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return transportFailure("Kafka", err)
	}
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, mechanism
	response, err := exchangeKafka(conn, handshake)
	if err != nil {
		return transportFailure("Kafka", err)
	}
	if r := response.(*kmsg.SASLHandshakeResponse); r.ErrorCode != 0 {
		return b.refusal("SaslHandshake", r.ErrorCode, fmt.Sprintf("it takes %q", r.SupportedMechanisms))
	}
	authenticate := kmsg.NewPtrSASLAuthenticateRequest()
	authenticate.Version, authenticate.SASLAuthBytes = 1, b.message()
	if response, err = exchangeKafka(conn, authenticate); err != nil {
		return transportFailure("Kafka", err)
	}
	return b.verdict(response.(*kmsg.SASLAuthenticateResponse))
}

// verdict tells a login from a refusal, of which a challenge is one: it comes
// with error 0 (RFC 7628 3.2.2).
func (b broker) verdict(r *kmsg.SASLAuthenticateResponse) *failure {
	switch {
	case r.ErrorCode != 0:
		text := ""
		if r.ErrorMessage != nil {
			text = *r.ErrorMessage
		}
		return b.refusal("SaslAuthenticate", r.ErrorCode, text)
	case len(r.SASLAuthBytes) > 0:
		return &failure{kind: "SaslAuthenticate: challenge", sample: clean(string(r.SASLAuthBytes), b.mask)}
	}
	return nil
}

func (b broker) refusal(request string, code int16, text string) *failure {
	return &failure{kind: fmt.Sprintf("%s: error %d %s", request, code, kerr.TypedErrorForCode(code).Message), sample: clean(text, b.mask)}
}

// exchangeKafka sends a request and reads its response, whose header is that
// without tags.
func exchangeKafka(conn net.Conn, request kmsg.Request) (kmsg.Response, error) {
	const correlation = 1
	if _, err := conn.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("idpool-load")).AppendRequest(nil, request, correlation)); err != nil {
		return nil, err
	}
	var header [8]byte // size, correlation id
	if _, err := io.ReadFull(conn, header[:]); err != nil {
		return nil, err
	}
	size, id := binary.BigEndian.Uint32(header[:]), binary.BigEndian.Uint32(header[4:])
	if size < 4 || size > maxBody || id != correlation {
		return nil, fmt.Errorf("a response of %d bytes to request %d, want 4 to %d bytes to request %d", size, id, maxBody, correlation)
	}
	body := make([]byte, size-4)
	if _, err := io.ReadFull(conn, body); err != nil {
		return nil, err
	}
	response := request.ResponseKind()
	return response, response.ReadFrom(body)
}
