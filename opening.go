package idpool

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/idpool/idpool/journal"
)

// openings are the connections of a listener whose TLS handshake has begun and, as
// far as anybody knows, not ended. A connection is in it by the client's address,
// which nobody else has as long as it is open.
type openings struct {
	mu sync.Mutex
	by map[string]*opening
}

// opening is one of them.
type opening struct {
	conn  net.Conn
	began time.Time
	// entry is the journal's about the fault that touches the handshake, if one
	// does, and noted says that it is in the journal already.
	entry journal.Entry
	noted bool
	// wrong says that no handshake could do well: what fails is the fault's doing.
	wrong bool
}

// fault is the id of the fault that touches a handshake; empty for none, or for a
// handshake that nobody knows of.
func (o *opening) fault() string {
	if o == nil {
		return ""
	}
	return o.entry.Fault
}

// begin adds a connection.
func (o *openings) begin(conn net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.by == nil {
		o.by = map[string]*opening{}
	}
	o.by[conn.RemoteAddr().String()] = &opening{conn: conn, began: time.Now()}
}

// touch notes what a fault does to the handshake of a connection. It is called
// before the handshake goes on.
func (o *openings) touch(conn net.Conn, how func(*opening)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if at := o.by[conn.RemoteAddr().String()]; at != nil && at.conn == conn {
		how(at)
	}
}

// end takes out the connection of an address, whose handshake has ended. Nil means
// that it never began.
func (o *openings) end(address string) *opening {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.by[address]
	delete(o.by, address)
	return at
}

// leave takes out a connection if its address has not got another one meanwhile.
func (o *openings) leave(conn net.Conn) *opening {
	o.mu.Lock()
	defer o.mu.Unlock()
	address := conn.RemoteAddr().String()
	at := o.by[address]
	if at == nil || at.conn != conn {
		return nil
	}
	delete(o.by, address)
	return at
}

// changed is an http.Server's ConnState: what has a request, or is closed without
// a word about its handshake, has ended that well.
func (g *greeting) changed(conn net.Conn, state http.ConnState) {
	if secure, ok := conn.(*tls.Conn); ok && state != http.StateNew {
		g.succeeded(g.open.leave(secure.NetConn()))
	}
}

// succeeded notes a handshake that a fault has touched and that did well: a wrong
// certificate that was taken should worry somebody.
func (g *greeting) succeeded(o *opening) {
	if o.fault() == "" || o.noted {
		return
	}
	e := o.entry
	if o.wrong {
		e.Detail += ": the client takes it"
	}
	e.Duration = time.Since(o.began)
	g.stack.note(e)
}

// failed notes a handshake that failed.
func (g *greeting) failed(o *opening, client, reason string) {
	switch {
	case o.fault() == "":
		g.stack.noteHandshake(g.listener, client, reason)
	case !o.noted:
		e := o.entry
		e.Outcome, e.Detail, e.Duration = journal.OutcomeFailed, e.Detail+": "+loggable(reason), time.Since(o.began)
		g.stack.note(e)
	}
}

// ended is a broker's Handshaken.
func (g *greeting) ended(client string, err error) (fault string) {
	o := g.open.end(client)
	switch {
	case err == nil:
		g.succeeded(o)
	case o.fault() != "" || !errors.Is(err, net.ErrClosed): // which the broker has done
		g.failed(o, client, err.Error())
	}
	return o.fault()
}
