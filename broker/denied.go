package broker

import (
	"bytes"
	"reflect"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// mostScanned is how large a response may be, in bytes, that is looked through
// for denials: those that deny something are small, those with records are not.
const mostScanned = 4 << 10

// denialCodes are the errors that say what no ACL allows.
var denialCodes = map[int16]string{29: "topic", 30: "group", 31: "cluster", 53: "transactional-id"}

// denial is one thing that a response denies.
type denial struct {
	code     int16
	resource string // such as topic=orders; the type alone where the response names none
}

// mayDeny says whether a response has one of the codes anywhere, so that most
// are never decoded.
func mayDeny(frame []byte) bool {
	for code := range denialCodes {
		if bytes.Contains(frame, []byte{0, byte(code)}) {
			return true
		}
	}
	return false
}

// denials finds what a response of the embedded cluster denies.
func denials(h header, frame []byte) []denial {
	if len(frame) > mostScanned || !mayDeny(frame) {
		return nil
	}
	response := kmsg.ResponseForKey(h.key)
	if response == nil {
		return nil
	}
	response.SetVersion(h.version)
	if parseResponse(response, frame[8:]) != nil {
		return nil
	}
	var found []denial
	walkErrors(reflect.ValueOf(response).Elem(), "", func(code int16, name string) {
		kind, ok := denialCodes[code]
		if !ok || len(found) >= mostDenied {
			return
		}
		if name != "" && code != 31 {
			kind += "=" + name
		}
		found = append(found, denial{code, kind})
	})
	return found
}

// walkErrors visits every error code of a response with the name of what it is
// about: that of the struct it is in, or of one around it.
func walkErrors(v reflect.Value, name string, visit func(code int16, name string)) {
	switch v.Kind() {
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				walkErrors(v.Index(i), name, visit)
			}
		}
	case reflect.Struct:
		if own := nameOf(v); own != "" {
			name = own
		}
		if code := v.FieldByName("ErrorCode"); code.IsValid() && code.Kind() == reflect.Int16 {
			visit(int16(code.Int()), name)
		}
		for i := range v.NumField() {
			walkErrors(v.Field(i), name, visit)
		}
	}
}

// nameOf is what a struct of a response is about.
func nameOf(v reflect.Value) string {
	for _, field := range []string{"Topic", "Group", "TransactionalID", "ResourceName", "Key"} {
		f := v.FieldByName(field)
		if f.IsValid() && f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		if f.IsValid() && f.Kind() == reflect.String && f.String() != "" {
			return f.String()
		}
	}
	return ""
}

// Denial is something that a client was denied which is logged in.
type Denial struct {
	// Client is its address, HOST:PORT, and Software what it calls itself; empty
	// for one that does not say.
	Client, Software string
	// Decision and Cluster are those of its login.
	Decision validator.Decision
	Cluster  string
	// Operation is what no role binding allows, such as Write. Of an embedded
	// cluster, which says no more, it is the request, such as Produce.
	Operation string
	// Resource is what it was to be done to, such as topic=orders; the type alone
	// where nothing is named.
	Resource string
	// Error is what the client is told, such as TOPIC_AUTHORIZATION_FAILED.
	Error string
}

// causeDenied is what package explain calls the cause.
const causeDenied = "no-role-binding"

// deny notes an operation that no role binding allows.
func (s *session) deny(o pool.Operation) {
	d := s.denial(o.Name, o.Resource, unauthorized(o.Resource).Name)
	s.deniedLine(d, "operation", d.Operation)
	s.tellDenied(d)
}

// denied notes what an embedded cluster has denied.
func (s *session) denied(request int16, found denial) {
	name := ""
	if err := kerr.TypedErrorForCode(found.code); err != nil {
		name = err.Message
	}
	d := s.denial(kmsg.NameForKey(request), found.resource, name)
	s.deniedLine(d, "request", d.Operation, "error", d.Error)
	s.tellDenied(d)
}

func (s *session) denial(operation, resource, name string) Denial {
	return Denial{Client: s.conn.RemoteAddr().String(), Software: s.software(), Decision: s.login.decision, Cluster: s.login.cluster,
		Operation: operation, Resource: s.server.loggable(resource), Error: name}
}

// tellDenied tells who wants to know.
func (s *session) tellDenied(d Denial) {
	tell := s.login.denied
	if tell == nil {
		tell = s.server.config.Denied
	}
	if tell != nil {
		tell(d)
	}
}
