package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
)

// Fetch sessions (KIP-227), in a request.
const (
	sessionNone      = -1 // a fetch outside any session, or the last of one
	sessionFirst     = 0  // begins a session
	sessionIDUnknown = 70 // FETCH_SESSION_ID_NOT_FOUND: the client begins again with a full fetch
)

// admitProduce needs Write on each topic, and on the transactional id if there
// is one. Kafka looks at the id only if a batch says that it is transactional.
func admitProduce(c *admitClient, req *kmsg.ProduceRequest) admission {
	s := admitShare[kmsg.ProduceRequestTopic, kmsg.ProduceResponseTopic, *kmsg.ProduceResponse]{
		named: &req.Topics,
		needs: func(t kmsg.ProduceRequestTopic) (string, string) { return "Write", onTopic(t.Topic) },
		row:   unproduced,
		rows:  func(resp *kmsg.ProduceResponse) *[]kmsg.ProduceResponseTopic { return &resp.Topics },
	}
	var a admission
	if why := refuseTxn(c, req.TransactionID); why != nil {
		a = s.refuseAll(req, why)
	} else {
		a = s.decide(c, req)
	}
	if req.Acks != 0 {
		return a
	}
	// Nothing is answered to acks=0. What is allowed is written, as in Kafka.
	return admission{drop: a.reply != nil, changed: a.changed}
}

func unproduced(t kmsg.ProduceRequestTopic, why *Refusal) kmsg.ProduceResponseTopic {
	row := kmsg.NewProduceResponseTopic()
	row.Topic = t.Topic
	row.Partitions = admitEach(t.Partitions, func(p kmsg.ProduceRequestTopicPartition) kmsg.ProduceResponseTopicPartition {
		r := kmsg.NewProduceResponseTopicPartition()
		r.Partition, r.ErrorCode, r.ErrorMessage, r.BaseOffset = p.Partition, why.Code, &why.Message, -1
		return r
	})
	return row
}

// admitFetch needs Read on each topic; a replica, which it knows by an id that
// is no consumer's (-1, or -2 for a tool of Kafka's), needs ClusterAction, for it
// also reads what is not committed.
//
// No fetch session is ever granted: the request is made one outside a session,
// and the response then holds no session id. In a session a client names only
// what changes, so that what it reads could not be decided about anew, neither
// when a role is taken away nor on each request of a denied topic, which Kafka
// answers every time.
func admitFetch(c *admitClient, req *kmsg.FetchRequest) admission {
	if req.SessionEpoch != sessionNone && req.SessionEpoch != sessionFirst {
		return admitReply(req, func(resp *kmsg.FetchResponse) { resp.ErrorCode = sessionIDUnknown })
	}
	s := admitShare[kmsg.FetchRequestTopic, kmsg.FetchResponseTopic, *kmsg.FetchResponse]{
		named: &req.Topics,
		needs: func(t kmsg.FetchRequestTopic) (string, string) { return "Read", onTopic(t.Topic) },
		row:   unfetched,
		rows:  func(resp *kmsg.FetchResponse) *[]kmsg.FetchResponseTopic { return &resp.Topics },
	}
	if (req.ReplicaID >= 0 || req.ReplicaID < -2) && c.refuse("ClusterAction", pool.OnCluster) != nil {
		return s.refuseAll(req, unauthorized(anyTopic)) // Kafka's error is the topic's
	}
	a := s.decide(c, req)
	if req.Version >= 7 && (req.SessionID != 0 || req.SessionEpoch != sessionNone || len(req.ForgottenTopics) > 0) {
		req.SessionID, req.SessionEpoch, req.ForgottenTopics = 0, sessionNone, nil
		a.changed = true
	}
	return a
}

func unfetched(t kmsg.FetchRequestTopic, why *Refusal) kmsg.FetchResponseTopic {
	row := kmsg.NewFetchResponseTopic()
	row.Topic = t.Topic
	row.Partitions = admitEach(t.Partitions, func(p kmsg.FetchRequestTopicPartition) kmsg.FetchResponseTopicPartition {
		r := kmsg.NewFetchResponseTopicPartition()
		r.Partition, r.ErrorCode, r.HighWatermark, r.PreferredReadReplica = p.Partition, why.Code, -1, -1
		// librdkafka takes null for a record set of a wrong size.
		r.RecordBatches = []byte{}
		return r
	})
	return row
}

// admitListOffsets needs Describe on each topic.
func admitListOffsets(c *admitClient, req *kmsg.ListOffsetsRequest) admission {
	return admitShare[kmsg.ListOffsetsRequestTopic, kmsg.ListOffsetsResponseTopic, *kmsg.ListOffsetsResponse]{
		named: &req.Topics,
		needs: func(t kmsg.ListOffsetsRequestTopic) (string, string) { return "Describe", onTopic(t.Topic) },
		row: func(t kmsg.ListOffsetsRequestTopic, why *Refusal) kmsg.ListOffsetsResponseTopic {
			row := kmsg.NewListOffsetsResponseTopic()
			row.Topic = t.Topic
			row.Partitions = admitEach(t.Partitions, func(p kmsg.ListOffsetsRequestTopicPartition) kmsg.ListOffsetsResponseTopicPartition {
				r := kmsg.NewListOffsetsResponseTopicPartition()
				r.Partition, r.ErrorCode = p.Partition, why.Code
				return r
			})
			return row
		},
		rows: func(resp *kmsg.ListOffsetsResponse) *[]kmsg.ListOffsetsResponseTopic { return &resp.Topics },
	}.decide(c, req)
}

// admitOffsetForLeaderEpoch needs Describe on each topic.
func admitOffsetForLeaderEpoch(c *admitClient, req *kmsg.OffsetForLeaderEpochRequest) admission {
	return admitShare[kmsg.OffsetForLeaderEpochRequestTopic, kmsg.OffsetForLeaderEpochResponseTopic, *kmsg.OffsetForLeaderEpochResponse]{
		named: &req.Topics,
		needs: func(t kmsg.OffsetForLeaderEpochRequestTopic) (string, string) { return "Describe", onTopic(t.Topic) },
		row: func(t kmsg.OffsetForLeaderEpochRequestTopic, why *Refusal) kmsg.OffsetForLeaderEpochResponseTopic {
			row := kmsg.NewOffsetForLeaderEpochResponseTopic()
			row.Topic = t.Topic
			row.Partitions = admitEach(t.Partitions, func(p kmsg.OffsetForLeaderEpochRequestTopicPartition) kmsg.OffsetForLeaderEpochResponseTopicPartition {
				r := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				r.Partition, r.ErrorCode = p.Partition, why.Code
				return r
			})
			return row
		},
		rows: func(resp *kmsg.OffsetForLeaderEpochResponse) *[]kmsg.OffsetForLeaderEpochResponseTopic {
			return &resp.Topics
		},
	}.decide(c, req)
}

// admitDeleteRecords needs Delete on each topic.
func admitDeleteRecords(c *admitClient, req *kmsg.DeleteRecordsRequest) admission {
	return admitShare[kmsg.DeleteRecordsRequestTopic, kmsg.DeleteRecordsResponseTopic, *kmsg.DeleteRecordsResponse]{
		named: &req.Topics,
		needs: func(t kmsg.DeleteRecordsRequestTopic) (string, string) { return "Delete", onTopic(t.Topic) },
		row: func(t kmsg.DeleteRecordsRequestTopic, why *Refusal) kmsg.DeleteRecordsResponseTopic {
			row := kmsg.NewDeleteRecordsResponseTopic()
			row.Topic = t.Topic
			row.Partitions = admitEach(t.Partitions, func(p kmsg.DeleteRecordsRequestTopicPartition) kmsg.DeleteRecordsResponseTopicPartition {
				r := kmsg.NewDeleteRecordsResponseTopicPartition()
				r.Partition, r.ErrorCode, r.LowWatermark = p.Partition, why.Code, -1
				return r
			})
			return row
		},
		rows: func(resp *kmsg.DeleteRecordsResponse) *[]kmsg.DeleteRecordsResponseTopic { return &resp.Topics },
	}.decide(c, req)
}

// admitDescribeProducers needs Read on each topic.
func admitDescribeProducers(c *admitClient, req *kmsg.DescribeProducersRequest) admission {
	return admitShare[kmsg.DescribeProducersRequestTopic, kmsg.DescribeProducersResponseTopic, *kmsg.DescribeProducersResponse]{
		named: &req.Topics,
		needs: func(t kmsg.DescribeProducersRequestTopic) (string, string) { return "Read", onTopic(t.Topic) },
		row: func(t kmsg.DescribeProducersRequestTopic, why *Refusal) kmsg.DescribeProducersResponseTopic {
			row := kmsg.NewDescribeProducersResponseTopic()
			row.Topic = t.Topic
			row.Partitions = admitEach(t.Partitions, func(p int32) kmsg.DescribeProducersResponseTopicPartition {
				r := kmsg.NewDescribeProducersResponseTopicPartition()
				r.Partition, r.ErrorCode, r.ErrorMessage = p, why.Code, &why.Message
				return r
			})
			return row
		},
		rows: func(resp *kmsg.DescribeProducersResponse) *[]kmsg.DescribeProducersResponseTopic { return &resp.Topics },
	}.decide(c, req)
}
