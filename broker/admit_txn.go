package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
)

// notAttempted is OPERATION_NOT_ATTEMPTED: what is allowed, and was not done
// because the rest is not.
const notAttempted = 55

// refuseTxn needs Write on the transactional id, if there is one.
func refuseTxn(c *admitClient, id *string) *Refusal {
	if id == nil {
		return nil
	}
	return c.refuse("Write", onTxn(*id))
}

// admitInitProducerID needs Write on the transactional id. Without one it needs
// IdempotentWrite on the cluster or Write on some topic (KIP-679), and the
// error is the cluster's.
func admitInitProducerID(c *admitClient, req *kmsg.InitProducerIDRequest) admission {
	why := refuseTxn(c, req.TransactionalID)
	if req.TransactionalID == nil && !c.may("Write", anyTopic) {
		why = c.refuse("IdempotentWrite", pool.OnCluster)
	}
	if why == nil {
		return admission{}
	}
	return admitReply(req, func(resp *kmsg.InitProducerIDResponse) {
		resp.ErrorCode, resp.ProducerID, resp.ProducerEpoch = why.Code, -1, -1
	})
}

// admitAddPartitionsToTxn needs Write on the transactional id and on each
// topic. One that is denied fails them all: the others are not attempted.
func admitAddPartitionsToTxn(c *admitClient, req *kmsg.AddPartitionsToTxnRequest) admission {
	s := admitShare[kmsg.AddPartitionsToTxnRequestTopic, kmsg.AddPartitionsToTxnResponseTopic, *kmsg.AddPartitionsToTxnResponse]{
		named: &req.Topics,
		needs: func(t kmsg.AddPartitionsToTxnRequestTopic) (string, string) { return "Write", onTopic(t.Topic) },
		row:   unadded,
		rows: func(resp *kmsg.AddPartitionsToTxnResponse) *[]kmsg.AddPartitionsToTxnResponseTopic {
			return &resp.Topics
		},
	}
	if why := refuseTxn(c, &req.TransactionalID); why != nil {
		return s.refuseAll(req, why)
	}
	refused := s.split(c)
	if len(refused) == 0 {
		return admission{}
	}
	a := s.refuseAll(req, &Refusal{Code: notAttempted})
	return admitAlso(a, func(resp *kmsg.AddPartitionsToTxnResponse) { resp.Topics = append(resp.Topics, refused...) })
}

func unadded(t kmsg.AddPartitionsToTxnRequestTopic, why *Refusal) kmsg.AddPartitionsToTxnResponseTopic {
	row := kmsg.NewAddPartitionsToTxnResponseTopic()
	row.Topic = t.Topic
	row.Partitions = admitEach(t.Partitions, func(p int32) kmsg.AddPartitionsToTxnResponseTopicPartition {
		r := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
		r.Partition, r.ErrorCode = p, why.Code
		return r
	})
	return row
}

// admitAddOffsetsToTxn needs Write on the transactional id, then Read on the
// group.
func admitAddOffsetsToTxn(c *admitClient, req *kmsg.AddOffsetsToTxnRequest) admission {
	why := refuseTxn(c, &req.TransactionalID)
	if why == nil {
		why = c.refuse("Read", onGroup(req.Group))
	}
	if why == nil {
		return admission{}
	}
	return admitReply(req, func(resp *kmsg.AddOffsetsToTxnResponse) { resp.ErrorCode = why.Code })
}

// admitEndTxn needs Write on the transactional id.
func admitEndTxn(c *admitClient, req *kmsg.EndTxnRequest) admission {
	why := refuseTxn(c, &req.TransactionalID)
	if why == nil {
		return admission{}
	}
	return admitReply(req, func(resp *kmsg.EndTxnResponse) { resp.ErrorCode = why.Code })
}

// admitTxnOffsetCommit needs Write on the transactional id, then Read on the
// group, then Read on each topic.
func admitTxnOffsetCommit(c *admitClient, req *kmsg.TxnOffsetCommitRequest) admission {
	s := admitShare[kmsg.TxnOffsetCommitRequestTopic, kmsg.TxnOffsetCommitResponseTopic, *kmsg.TxnOffsetCommitResponse]{
		named: &req.Topics,
		needs: func(t kmsg.TxnOffsetCommitRequestTopic) (string, string) { return "Read", onTopic(t.Topic) },
		row: func(t kmsg.TxnOffsetCommitRequestTopic, why *Refusal) kmsg.TxnOffsetCommitResponseTopic {
			row := kmsg.NewTxnOffsetCommitResponseTopic()
			row.Topic = t.Topic
			row.Partitions = admitEach(t.Partitions, func(p kmsg.TxnOffsetCommitRequestTopicPartition) kmsg.TxnOffsetCommitResponseTopicPartition {
				r := kmsg.NewTxnOffsetCommitResponseTopicPartition()
				r.Partition, r.ErrorCode = p.Partition, why.Code
				return r
			})
			return row
		},
		rows: func(resp *kmsg.TxnOffsetCommitResponse) *[]kmsg.TxnOffsetCommitResponseTopic { return &resp.Topics },
	}
	why := refuseTxn(c, &req.TransactionalID)
	if why == nil {
		why = c.refuse("Read", onGroup(req.Group))
	}
	if why != nil {
		return s.refuseAll(req, why)
	}
	return s.decide(c, req)
}

// admitDescribeTransactions needs Describe on each transactional id, and leaves
// the topics that may not be described out of what it says of one.
func admitDescribeTransactions(c *admitClient, req *kmsg.DescribeTransactionsRequest) admission {
	a := admitShare[string, kmsg.DescribeTransactionsResponseTransactionState, *kmsg.DescribeTransactionsResponse]{
		named: &req.TransactionalIDs,
		needs: func(id string) (string, string) { return "Describe", onTxn(id) },
		row: func(id string, why *Refusal) kmsg.DescribeTransactionsResponseTransactionState {
			row := kmsg.NewDescribeTransactionsResponseTransactionState()
			row.TransactionalID, row.ErrorCode = id, why.Code
			return row
		},
		rows: func(resp *kmsg.DescribeTransactionsResponse) *[]kmsg.DescribeTransactionsResponseTransactionState {
			return &resp.TransactionStates
		},
	}.decide(c, req)
	return admitAlso(a, func(resp *kmsg.DescribeTransactionsResponse) {
		for i := range resp.TransactionStates {
			state := &resp.TransactionStates[i]
			state.Topics = slices.DeleteFunc(state.Topics, func(t kmsg.DescribeTransactionsResponseTransactionStateTopic) bool {
				return !c.may("Describe", onTopic(t.Topic))
			})
		}
	})
}

// admitListTransactions lists those whose transactional id may be described.
func admitListTransactions(c *admitClient, _ *kmsg.ListTransactionsRequest) admission {
	return admitAlso(admission{}, func(resp *kmsg.ListTransactionsResponse) {
		resp.TransactionStates = admitVisible(c, resp.TransactionStates, func(t kmsg.ListTransactionsResponseTransactionState) string {
			return onTxn(t.TransactionalID)
		})
	})
}
