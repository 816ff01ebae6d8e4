package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxFrame is far above what a broker answers here.
const maxFrame = 4 << 20

// errGarbled is an answer that is none of Kafka's.
var errGarbled = errors.New("the answer is not Kafka's")

// wire speaks Kafka's protocol over a connection, one request at a time: a
// client library would try again by itself and take a challenge for an error
// of its own.
type wire struct {
	conn        net.Conn
	clientID    string
	correlation int32
}

// exchange sends a request and reads its response. The request's version must
// be one whose response has no tags in its header.
func (w *wire) exchange(request kmsg.Request) (kmsg.Response, error) {
	w.correlation++
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID(w.clientID)).AppendRequest(nil, request, w.correlation)
	// A broker may answer, and close, before it has read all: what it said is
	// still there.
	_, sent := w.conn.Write(frame)
	var header [8]byte // size, correlation id
	if _, err := io.ReadFull(w.conn, header[:]); err != nil {
		if sent != nil {
			return nil, sent
		}
		return nil, err
	}
	size, id := binary.BigEndian.Uint32(header[:]), int32(binary.BigEndian.Uint32(header[4:]))
	if size < 4 || size > maxFrame || id != w.correlation {
		return nil, fmt.Errorf("%w: a response of %d bytes to request %d, want 4 to %d bytes to request %d", errGarbled, size, id, maxFrame, w.correlation)
	}
	body := make([]byte, size-4)
	if _, err := io.ReadFull(w.conn, body); err != nil {
		return nil, err
	}
	response := request.ResponseKind()
	if err := response.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("%w: %v", errGarbled, err)
	}
	return response, nil
}
