package broker

import (
	"bytes"
	"reflect"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
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

// log writes the line of a denial.
func (d denial) log(s *session, request int16) {
	name := ""
	if err := kerr.TypedErrorForCode(d.code); err != nil {
		name = err.Message
	}
	s.deniedLine("request", kmsg.NameForKey(request), "error", name, "resource", loggable(d.resource))
}
