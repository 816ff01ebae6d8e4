package broker

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// filled is a request of a version that names things "mine" and "theirs"
// wherever it names several, and "mine" where it names one.
func filled(t testing.TB, key, version int16) kmsg.Request {
	t.Helper()
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	fill(reflect.ValueOf(req).Elem(), "mine", 0)
	switch r := req.(type) {
	case *kmsg.ProduceRequest:
		r.Acks = 1
	case *kmsg.FetchRequest:
		r.ReplicaID, r.SessionEpoch, r.ForgottenTopics = -1, sessionNone, nil
	case *kmsg.ConsumerGroupHeartbeatRequest:
		r.SubscribedTopicRegex = nil
	case *kmsg.DescribeTopicPartitionsRequest:
		r.Cursor = nil
	}
	return viaWire(t, req, kmsg.RequestForKey(key))
}

// fill completes a message by reflection: strings with a name, lists with two
// of each, the second of them "theirs", resources with the type of a topic.
func fill(v reflect.Value, name string, index int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(name)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name, index)
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			switch {
			case f.Name == "Version" || f.Name == "UnknownTags":
			case f.Name == "ResourceType":
				v.Field(i).SetInt(int64(kmsg.ConfigResourceTypeTopic))
			case f.Name == "Partition":
				v.Field(i).SetInt(int64(index))
			default:
				fill(v.Field(i), name, index)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i, n := range []string{"mine", "theirs"} {
			fill(v.Index(i), n, i)
		}
		if v.Type().Elem().Kind() == reflect.Int32 {
			v.Index(1).SetInt(1)
		}
	}
}

// A message is a request or a response.
type message interface {
	SetVersion(int16)
	GetVersion() int16
	AppendTo([]byte) []byte
	ReadFrom([]byte) error
}

// viaWire encodes a message and decodes it into an empty one of its type, which
// must be written as the same bytes again.
func viaWire[M message](t testing.TB, m, into M) M {
	t.Helper()
	into.SetVersion(m.GetVersion())
	wire := m.AppendTo(nil)
	if err := into.ReadFrom(wire); err != nil {
		t.Fatalf("%T version %d cannot be decoded: %v", m, m.GetVersion(), err)
	}
	if again := into.AppendTo(nil); !bytes.Equal(again, wire) {
		t.Fatalf("%T version %d: encoded %x, decoded and encoded %x", m, m.GetVersion(), wire, again)
	}
	return into
}

// echo is what a cluster answers that allows everything: a row for each thing
// that the request names, without an error.
func echo(req kmsg.Request) kmsg.Response {
	resp := req.ResponseKind()
	echoInto(reflect.ValueOf(req).Elem(), reflect.ValueOf(resp).Elem())
	return resp
}

func echoInto(from, to reflect.Value) {
	if from.Kind() != reflect.Struct {
		for _, name := range []string{"Topic", "Group", "Key", "TransactionalID", "Partition"} {
			if f := to.FieldByName(name); f.IsValid() {
				assign(f, from)
				return
			}
		}
		return
	}
	for i := range to.NumField() {
		name := to.Type().Field(i).Name
		f := from.FieldByName(name)
		if !f.IsValid() || f.Kind() == reflect.Slice && f.Len() == 0 {
			renamed := map[string]string{"Topics": "TopicNames", "Coordinators": "CoordinatorKeys", "TransactionStates": "TransactionalIDs", "Results": "Creations"}
			f = from.FieldByName(renamed[name])
		}
		if !f.IsValid() || name == "Version" || name == "UnknownTags" {
			continue
		}
		assign(to.Field(i), f)
	}
}

func assign(to, from reflect.Value) {
	switch {
	case to.Kind() == reflect.Slice && from.Kind() == reflect.Slice && to.Type().Elem().Kind() == reflect.Struct:
		to.Set(reflect.MakeSlice(to.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			echoInto(from.Index(i), to.Index(i))
		}
	case from.Type() == to.Type():
		to.Set(from)
	case to.Kind() == reflect.Pointer && to.Type().Elem() == from.Type():
		to.Set(reflect.New(from.Type()))
		to.Elem().Set(from)
	}
}

// verdict is the error codes of a response by what they are about, such as
// "mine=0 theirs=29"; a response without an error of its own says nothing of
// itself.
func verdict(resp kmsg.Response) string {
	seen := map[string]bool{}
	walk(reflect.ValueOf(resp).Elem(), "", func(row reflect.Value, name string) {
		if code := row.FieldByName("ErrorCode"); code.IsValid() && (name != "" || code.Int() != 0) {
			seen[fmt.Sprintf("%s=%d", name, code.Int())] = true
		}
	})
	return strings.Join(slices.Sorted(maps.Keys(seen)), " ")
}

// names are what a response's rows are about.
func names(resp kmsg.Response) string {
	seen := map[string]bool{}
	walk(reflect.ValueOf(resp).Elem(), "", func(_ reflect.Value, name string) { seen[name] = true })
	delete(seen, "")
	return strings.Join(slices.Sorted(maps.Keys(seen)), " ")
}

// walk visits each structure of a message with the name of what it is about,
// which may be that of the structure that it is in.
func walk(v reflect.Value, name string, visit func(row reflect.Value, name string)) {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), name, visit)
		}
	case reflect.Struct:
		for _, f := range []string{"Topic", "Group", "Key", "TransactionalID", "ResourceName"} {
			if n := reflect.Indirect(v.FieldByName(f)); n.IsValid() && n.Kind() == reflect.String {
				name = n.String()
			}
		}
		visit(v, name)
		for i := range v.NumField() {
			walk(v.Field(i), name, visit)
		}
	}
}

// passed is what the client is answered about a request, by a cluster that
// allows everything; all of it goes over the wire.
func passed(t testing.TB, req kmsg.Request, a admission, cluster func(kmsg.Request) kmsg.Response) kmsg.Response {
	t.Helper()
	if a.reply != nil {
		return viaWire(t, a.reply, req.ResponseKind())
	}
	forwarded := viaWire(t, req, kmsg.RequestForKey(req.Key()))
	resp := cluster(forwarded)
	resp = viaWire(t, resp, req.ResponseKind())
	if a.amend != nil {
		a.amend(resp)
	}
	return viaWire(t, resp, req.ResponseKind())
}

// full is a cluster whose responses hold mine and theirs wherever they hold
// several, whatever is asked.
func full(req kmsg.Request) kmsg.Response {
	resp := req.ResponseKind()
	fill(reflect.ValueOf(resp).Elem(), "mine", 0)
	return resp
}
