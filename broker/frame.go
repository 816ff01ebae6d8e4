package broker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The limits of frames, in bytes without the size before them.
const (
	// maxLoginFrame is Kafka's sasl.server.max.receive.size.
	maxLoginFrame = 524288
	// maxFrame is Kafka's socket.request.max.bytes.
	maxFrame = 100 << 20
	// minFrame is that of a request: key, version and correlation id.
	minFrame = 8
)

// The API keys that the front knows.
const (
	keyProduce          = 0
	keySaslHandshake    = 17
	keyCreateTopics     = 19
	keyAPIVersions      = 18
	keySaslAuthenticate = 36
)

// header is what every request begins with.
type header struct {
	key, version  int16
	correlationID int32
}

func parseHeader(b []byte) header {
	return header{
		key: int16(binary.BigEndian.Uint16(b)), version: int16(binary.BigEndian.Uint16(b[2:])),
		correlationID: int32(binary.BigEndian.Uint32(b[4:])),
	}
}

// request is a request that has been read as a whole.
type request struct {
	header
	clientID *string
	body     kmsg.Request
}

// errMalformed is a request that is not of its version's form.
var errMalformed = errors.New("the request is malformed")

// parseRequest decodes a frame. Its error is errMalformed, or says that kmsg
// does not know the key or the version.
func parseRequest(frame []byte) (request, error) {
	if len(frame) < minFrame {
		return request{}, errMalformed
	}
	r := request{header: parseHeader(frame), body: kmsg.RequestForKey(int16(binary.BigEndian.Uint16(frame)))}
	if r.body == nil || r.version < 0 || r.version > highest(r.body) {
		return r, fmt.Errorf("unknown API key %d, version %d", r.key, r.version)
	}
	r.body.SetVersion(r.version)
	in := kbin.Reader{Src: frame[minFrame:]}
	r.clientID = in.NullableString()
	if r.body.IsFlexible() {
		skipTags(&in)
	}
	if in.Complete() != nil || readBody(r.body, in.Src) != nil {
		return r, errMalformed
	}
	return r, nil
}

// highest is the highest version that can be read.
func highest(body kmsg.Request) int16 {
	if most, ok := own[body.Key()]; ok {
		return most
	}
	return body.MaxVersion()
}

// readBody decodes a body. What strangers may send is decoded here: kmsg takes
// minutes over tags whose number is a lie.
func readBody(body kmsg.Request, b []byte) error {
	in := kbin.Reader{Src: b}
	switch r := body.(type) {
	case *kmsg.ApiVersionsRequest:
		if r.IsFlexible() {
			r.ClientSoftwareName, r.ClientSoftwareVersion = in.CompactString(), in.CompactString()
			skipTags(&in)
		}
	case *kmsg.SASLHandshakeRequest:
		r.Mechanism = in.String()
	case *kmsg.SASLAuthenticateRequest:
		if r.IsFlexible() {
			r.SASLAuthBytes = in.CompactBytes()
			skipTags(&in)
		} else {
			r.SASLAuthBytes = in.Bytes()
		}
	default:
		return body.ReadFrom(b)
	}
	return in.Complete()
}

// skipTags is kmsg.SkipTags that ends where the bytes do.
func skipTags(in *kbin.Reader) {
	for n := in.Uvarint(); n > 0 && in.Ok(); n-- {
		in.Uvarint() // the tag
		in.Span(int(in.Uvarint()))
	}
}

// appendRequest encodes a request with the size before it.
func appendRequest(dst []byte, h header, clientID *string, body kmsg.Request) []byte {
	var options []kmsg.RequestFormatterOpt
	if clientID != nil {
		options = append(options, kmsg.FormatterClientID(*clientID))
	}
	return kmsg.NewRequestFormatter(options...).AppendRequest(dst, body, h.correlationID)
}

// appendResponse encodes a response with the size before it.
func appendResponse(dst []byte, correlationID int32, body kmsg.Response) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlationID))
	if body.IsFlexible() && body.Key() != keyAPIVersions {
		dst = append(dst, 0) // no tags; ApiVersions has none even when flexible (KIP-511)
	}
	dst = body.AppendTo(dst)
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// parseResponse decodes the body of a response, which is all of the frame but
// the correlation id.
func parseResponse(body kmsg.Response, frame []byte) error {
	in := kbin.Reader{Src: frame}
	if body.IsFlexible() && body.Key() != keyAPIVersions {
		kmsg.SkipTags(&in)
	}
	if in.Complete() != nil || body.ReadFrom(in.Src) != nil {
		return errors.New("the response is malformed")
	}
	return nil
}

// readFrame reads a frame that is kept whole, without its size.
func readFrame(in *bufio.Reader, least, most int) ([]byte, error) {
	frame, err := readSized(in, least, most)
	if err != nil {
		return nil, err
	}
	return frame[4:], nil
}

// readSized reads a frame with its size. Memory grows with what arrives, not
// with what the size promises.
func readSized(in *bufio.Reader, least, most int) ([]byte, error) {
	size, err := readSize(in, least, most)
	if err != nil {
		return nil, err
	}
	frame := bytes.NewBuffer(binary.BigEndian.AppendUint32(make([]byte, 0, 4+min(size, 1024)), uint32(size)))
	_, err = io.CopyN(frame, in, int64(size))
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return frame.Bytes(), err
}

// readSize reads the size of a frame, without the four bytes that it takes.
func readSize(in *bufio.Reader, least, most int) (int, error) {
	b, err := in.Peek(4)
	if err != nil {
		return 0, err
	}
	size := int64(int32(binary.BigEndian.Uint32(b)))
	if size < int64(least) || size > int64(most) {
		return 0, fmt.Errorf("a frame of %d bytes, want %d to %d", size, least, most)
	}
	_, err = in.Discard(4)
	return int(size), err
}

// ask sends a request to a broker and reads its response, on a connection that
// nobody else uses.
func ask(conn io.ReadWriter, body kmsg.Request) (kmsg.Response, error) {
	h := header{key: body.Key(), version: body.GetVersion(), correlationID: 1}
	if _, err := conn.Write(appendRequest(nil, h, &frontClientID, body)); err != nil {
		return nil, err
	}
	var size [8]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	n := int64(int32(binary.BigEndian.Uint32(size[:]))) - 4
	if n < 0 || n > maxFrame || binary.BigEndian.Uint32(size[4:]) != 1 {
		return nil, errors.New("the answer is no response of Kafka's")
	}
	frame, err := io.ReadAll(io.LimitReader(conn, n))
	if err != nil || int64(len(frame)) < n {
		return nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	response := body.ResponseKind()
	response.SetVersion(body.GetVersion())
	return response, parseResponse(response, frame)
}

// frontClientID is what the front calls itself at the cluster behind it.
var frontClientID = "idpool"
