package journal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"sync"
	"time"
)

const (
	// heartbeat is the pause after which a comment tells proxies and clients
	// that the stream is alive.
	heartbeat = 15 * time.Second
	// writeTime is how long a client may take to accept what is written.
	writeTime = 30 * time.Second
	// eventName is the type of the events that carry an entry.
	eventName = "entry"
	// maxEvent is the most bytes of one event that are read.
	maxEvent = 1 << 20
)

// WriteEvents answers with the entries as server-sent events (WHATWG HTML,
// 9.2), each at once: the entry's ID as id, "entry" as event, and its JSON as
// data. Every 15 seconds a comment is sent. It returns when seq or the request
// ends, or when the client takes nothing for 30 seconds.
//
// A client that comes again sends the header Last-Event-ID: as Filter.After of
// the Follow that makes seq, it goes on where it was. To read it is for the
// caller.
func WriteEvents(w http.ResponseWriter, r *http.Request, seq iter.Seq[Entry]) {
	s := &stream{w: w, control: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	if err := s.control.Flush(); errors.Is(err, http.ErrNotSupported) {
		http.Error(w, "this connection cannot stream", http.StatusInternalServerError)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	var beats sync.WaitGroup
	beats.Go(func() { s.beat(ctx) })
	defer beats.Wait()
	defer cancel()
	for e := range seq {
		if ctx.Err() != nil || s.write(event(e)) != nil {
			return
		}
	}
}

// event is the text of an entry's event. An entry without a JSON form, of the
// year 10000 or so, becomes a comment.
func event(e Entry) []byte {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Appendf(nil, ": entry %d cannot be written\n\n", e.ID)
	}
	return fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", e.ID, eventName, data)
}

// stream is a response to which entries and heartbeats are written.
type stream struct {
	control *http.ResponseController

	mu sync.Mutex
	w  io.Writer
}

// beat writes heartbeats until ctx ends.
func (s *stream) beat(ctx context.Context) {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if s.write([]byte(": heartbeat\n\n")) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// write writes a piece of the stream and sends it off.
func (s *stream) write(text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A deadline for each write in place of the server's for the whole answer:
	// the stream has no end, but a client that reads nothing must have one.
	// Where the connection knows no deadlines, there is none.
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write(text); err != nil {
		return err
	}
	return s.control.Flush()
}

// ReadEvents reads the entries of a stream that WriteEvents wrote, as long as it
// lasts. Comments and events of other types are passed over. A stream that
// breaks, or has an event that is no entry, ends with an *Error, which wraps
// that of r; one that ends between two events ends without.
func ReadEvents(r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, maxEvent)
		lines.Split(splitLines())
		var e reading
		for lines.Scan() {
			entry, whole, err := e.line(lines.Bytes())
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if whole && !yield(entry, nil) {
				return
			}
		}
		if err := e.end(lines.Err()); err != nil {
			yield(Entry{}, err)
		}
	}
}

// reading is the event that is being read.
type reading struct {
	begun bool // a line of the stream was read
	name  string
	data  []byte
	has   bool // a data line was read
}

// line reads a line, and returns the entry when the line ends its event.
func (e *reading) line(line []byte) (entry Entry, whole bool, err error) {
	if !e.begun {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
		e.begun = true
	}
	if len(line) == 0 {
		return e.dispatch()
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) { // an empty name is a comment's
	case "event":
		e.name = string(value)
	case "data":
		if e.has {
			e.data = append(e.data, '\n')
		}
		e.data, e.has = append(e.data, value...), true
		if len(e.data) > maxEvent {
			err = &Error{message: fmt.Sprintf("an event of the stream has over %d bytes", maxEvent), cause: bufio.ErrTooLong}
		}
	}
	return Entry{}, false, err
}

// dispatch ends an event.
func (e *reading) dispatch() (entry Entry, whole bool, err error) {
	if e.has && e.name == eventName {
		if err = json.Unmarshal(e.data, &entry); err != nil {
			err = &Error{message: fmt.Sprintf("an event of the stream is no entry: %v", err), cause: err}
		}
		whole = err == nil
	}
	*e = reading{begun: true, data: e.data[:0]}
	return entry, whole, err
}

// end says what is wrong with a stream that ended so.
func (e *reading) end(err error) error {
	if err == nil && e.has {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		return nil
	}
	return &Error{message: fmt.Sprintf("the stream broke: %v", err), cause: err}
}

// splitLines splits at \r\n, \n and \r. The \n after a \r is passed over when
// it comes: to wait for it would hold back the line before.
func splitLines() bufio.SplitFunc {
	afterCR := false
	return func(data []byte, atEOF bool) (int, []byte, error) {
		begin := 0
		if afterCR && len(data) > 0 && data[0] == '\n' {
			begin = 1
		}
		rest := data[begin:]
		if i := bytes.IndexAny(rest, "\r\n"); i >= 0 {
			afterCR = rest[i] == '\r'
			return begin + i + 1, rest[:i], nil
		}
		if atEOF && len(rest) > 0 {
			return len(data), rest, nil
		}
		return 0, nil, nil
	}
}
