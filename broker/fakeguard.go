package broker

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// kfake panics, which ends the process, on requests that a client can send: a
// produce of version 13 and later, whose topics have ids in place of names, to
// two topics that are not there; and a JoinGroup that names a protocol twice or,
// in a group that has had members, none. It makes as many partitions as it is
// asked for, up to two thousand million.
const (
	mostProduce         = 12
	mostPartitions      = 4096 // those of a whole cluster of Confluent Cloud's
	keyJoinGroup        = 11
	keyCreatePartitions = 37
)

// nextForFake is next but for what kfake must not see, which is answered. A
// request that had to be read for that is held, with its size.
func (s *session) nextForFake() (f forwarded, held []byte, err error) {
	for {
		f, err = s.next(s.server.lifetime)
		if err != nil || f.key != keyCreateTopics && f.key != keyCreatePartitions && f.key != keyJoinGroup {
			return f, nil, err
		}
		if held, err = s.guard(f); err != nil || held != nil {
			return f, held, err
		}
	}
}

// guard reads a request, and gives it back as kfake may see it, or answers it
// and gives nothing.
func (s *session) guard(f forwarded) ([]byte, error) {
	r, err := s.read(f)
	if err != nil {
		return nil, err
	}
	answer := unbearable(r.body)
	if answer == nil {
		oneCopy(r.body)
		return appendRequest(nil, r.header, r.clientID, r.body), nil
	}
	answer.SetVersion(f.version)
	return nil, s.answer(f, answer)
}

// unbearable is the answer to a request that kfake must not see, or nil.
func unbearable(asked kmsg.Request) kmsg.Response {
	tooMany := kmsg.StringPtr(fmt.Sprintf("a request may ask for %d partitions at most", mostPartitions))
	switch r := asked.(type) {
	case *kmsg.JoinGroupRequest:
		if !distinct(r.Protocols) {
			response := kmsg.NewPtrJoinGroupResponse()
			response.ErrorCode = kerr.InconsistentGroupProtocol.Code
			return response
		}
	case *kmsg.CreateTopicsRequest:
		if n := partitions(r.Topics, func(t kmsg.CreateTopicsRequestTopic) int32 { return t.NumPartitions }); n <= mostPartitions {
			return nil
		}
		response := kmsg.NewPtrCreateTopicsResponse()
		for _, t := range r.Topics {
			refused := kmsg.NewCreateTopicsResponseTopic()
			refused.Topic, refused.ErrorCode, refused.ErrorMessage = t.Topic, kerr.PolicyViolation.Code, tooMany
			response.Topics = append(response.Topics, refused)
		}
		return response
	case *kmsg.CreatePartitionsRequest:
		if n := partitions(r.Topics, func(t kmsg.CreatePartitionsRequestTopic) int32 { return t.Count }); n <= mostPartitions {
			return nil
		}
		response := kmsg.NewPtrCreatePartitionsResponse()
		for _, t := range r.Topics {
			refused := kmsg.NewCreatePartitionsResponseTopic()
			refused.Topic, refused.ErrorCode, refused.ErrorMessage = t.Topic, kerr.PolicyViolation.Code, tooMany
			response.Topics = append(response.Topics, refused)
		}
		return response
	}
	return nil
}

// partitions is how many a request asks for.
func partitions[T any](topics []T, of func(T) int32) (n int) {
	for _, t := range topics {
		n += max(0, int(of(t)))
	}
	return n
}

// distinct says whether there are protocols, each once.
func distinct(protocols []kmsg.JoinGroupRequestProtocol) bool {
	names := map[string]bool{}
	for _, p := range protocols {
		names[p.Name] = true
	}
	return len(names) > 0 && len(names) == len(protocols)
}

// oneCopy lets topics be asked for with the three copies that Confluent Cloud
// keeps: here there is one broker, and one copy.
func oneCopy(asked kmsg.Request) {
	r, ok := asked.(*kmsg.CreateTopicsRequest)
	if !ok {
		return
	}
	for i := range r.Topics {
		if t := &r.Topics[i]; t.ReplicationFactor > 1 && t.ReplicationFactor <= mostCopies {
			t.ReplicationFactor = 1
		}
	}
}

// mostCopies is Confluent Cloud's replication factor.
const mostCopies = 3
