package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
)

const (
	unknownTopic  = 3    // UNKNOWN_TOPIC_OR_PARTITION
	mostPerAnswer = 2000 // partitions in a response to DescribeTopicPartitions, a broker's default
)

// metadataAdmission is a Metadata request while it is decided about.
type metadataAdmission struct {
	client *admitClient
	req    *kmsg.MetadataRequest
	all    bool            // the client asks about all topics
	widen  bool            // the cluster is asked about all topics, the client about some
	byID   bool            // the client names topics by their ids
	wanted map[string]bool // the topics that it names and may describe
	denied []kmsg.MetadataResponseTopic
}

// admitMetadata needs Describe on each topic; of all topics it leaves out those
// that may not be described. Topics that are named by their ids (version 12)
// are looked at in the response, which has their names. The request always goes
// on, since its response holds the brokers.
//
// A topic is created on the way only with Create on it or on the cluster. It is
// not known here which topics exist, so when one of those in a request may not
// be created, none is: Kafka creates the others, and its error for the one is
// 29 where here it is 3.
func admitMetadata(c *admitClient, req *kmsg.MetadataRequest) admission {
	m := &metadataAdmission{client: c, req: req, wanted: map[string]bool{}}
	m.all = req.Topics == nil || req.Version == 0 && len(req.Topics) == 0
	changed := !m.all && m.takeOut()
	changed = !m.all && m.forbidCreation() || changed
	a := admission{changed: changed}
	if m.all || m.byID || m.widen || len(m.denied) > 0 || req.IncludeTopicAuthorizedOperations || req.IncludeClusterAuthorizedOperations {
		return admitAlso(a, m.amend)
	}
	return a
}

// takeOut takes the topics that may not be described out of the request, and
// the names of those that have ids too, since the ids count. It says whether
// the request is another than before.
func (m *metadataAdmission) takeOut() (changed bool) {
	kept := []kmsg.MetadataRequestTopic{} // never nil: that is all topics
	for _, t := range m.req.Topics {
		if t.Topic == nil || t.TopicID != [16]byte{} {
			m.byID = true
			changed = changed || t.Topic != nil
			t.Topic = nil
			kept = append(kept, t)
			continue
		}
		if why := m.client.refuse("Describe", onTopic(*t.Topic)); why != nil {
			m.denied = append(m.denied, undescribed(t.Topic, why))
			continue
		}
		m.wanted[*t.Topic] = true
		kept = append(kept, t)
	}
	m.req.Topics = kept
	return changed || len(m.denied) > 0
}

func undescribed(name *string, why *Refusal) kmsg.MetadataResponseTopic {
	row := kmsg.NewMetadataResponseTopic()
	row.Topic, row.ErrorCode = name, why.Code
	return row
}

// forbidCreation keeps the cluster from creating topics that the client may
// not create. Before version 4 a request cannot say so, but one about all
// topics creates none; nor, at version 0, can it ask about no topic.
func (m *metadataAdmission) forbidCreation() (changed bool) {
	may := true
	for name := range m.wanted {
		may = may && (m.client.may("Create", pool.OnCluster) || m.client.may("Create", onTopic(name)))
	}
	switch {
	case m.req.Version >= 4:
		changed = !may && m.req.AllowAutoTopicCreation
		m.req.AllowAutoTopicCreation = m.req.AllowAutoTopicCreation && may
		return changed
	case !may || m.req.Version == 0 && len(m.req.Topics) == 0:
		m.widen = true
		m.req.Topics = nil
	}
	return m.widen
}

// amend makes the response the client's.
func (m *metadataAdmission) amend(resp *kmsg.MetadataResponse) {
	resp.Topics = slices.DeleteFunc(resp.Topics, m.hidden)
	for i := range resp.Topics {
		m.conceal(&resp.Topics[i])
	}
	if m.widen {
		resp.Topics = append(resp.Topics, m.missing(resp.Topics)...)
	}
	resp.Topics = append(resp.Topics, m.denied...)
	if m.req.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = m.client.clusterBits()
	}
	if !m.req.IncludeTopicAuthorizedOperations {
		return
	}
	for i, t := range resp.Topics {
		if t.Topic != nil {
			resp.Topics[i].AuthorizedOperations = m.client.bits(onTopic(*t.Topic))
		}
	}
}

// hidden says whether a topic of the response is nothing to the client.
func (m *metadataAdmission) hidden(t kmsg.MetadataResponseTopic) bool {
	if t.Topic == nil {
		return false // an id that the cluster does not know
	}
	return m.widen && !m.wanted[*t.Topic] || m.all && !m.client.may("Describe", onTopic(*t.Topic))
}

// conceal leaves of a topic that may not be described what the client named it
// by. An id is no secret to Kafka.
func (m *metadataAdmission) conceal(t *kmsg.MetadataResponseTopic) {
	if t.Topic == nil || m.client.may("Describe", onTopic(*t.Topic)) {
		return
	}
	row := undescribed(nil, unauthorized(onTopic(*t.Topic)))
	if m.wanted[*t.Topic] {
		row.Topic = t.Topic
	} else {
		row.TopicID = t.TopicID
	}
	*t = row
}

// missing are the topics that the client named and that the cluster's list of
// all topics does not have.
func (m *metadataAdmission) missing(have []kmsg.MetadataResponseTopic) (rows []kmsg.MetadataResponseTopic) {
	for _, t := range have {
		if t.Topic != nil {
			delete(m.wanted, *t.Topic)
		}
	}
	for name := range m.wanted {
		row := kmsg.NewMetadataResponseTopic()
		row.Topic, row.ErrorCode = kmsg.StringPtr(name), unknownTopic
		rows = append(rows, row)
	}
	return rows
}

// clusterBits are the operations on the cluster, none without Describe on it.
func (c *admitClient) clusterBits() int32 {
	if !c.may("Describe", pool.OnCluster) {
		return 0
	}
	return c.bits(pool.OnCluster)
}

// admitDescribeCluster is open to all; only the operations that the client may
// do need Describe on the cluster.
func admitDescribeCluster(c *admitClient, req *kmsg.DescribeClusterRequest) admission {
	if !req.IncludeClusterAuthorizedOperations {
		return admission{}
	}
	return admitAlso(admission{}, func(resp *kmsg.DescribeClusterResponse) { resp.ClusterAuthorizedOperations = c.clusterBits() })
}

// admitDescribeTopicPartitions needs Describe on each topic; of all topics it
// leaves out those that may not be described.
func admitDescribeTopicPartitions(c *admitClient, req *kmsg.DescribeTopicPartitionsRequest) admission {
	var a admission
	if len(req.Topics) > 0 {
		a = describePartitions(c, req)
	} else if !c.may("Describe", everyTopic) {
		// The list ends where the next page would begin with a topic that may
		// not be shown, so pages are as long as the cluster makes them.
		a.changed = req.ResponsePartitionLimit != mostPerAnswer
		req.ResponsePartitionLimit = mostPerAnswer
	}
	return admitAlso(a, func(resp *kmsg.DescribeTopicPartitionsResponse) {
		all := a.reply == nil && len(req.Topics) == 0
		resp.Topics = slices.DeleteFunc(resp.Topics, func(t kmsg.DescribeTopicPartitionsResponseTopic) bool {
			return all && (t.Topic == nil || !c.may("Describe", onTopic(*t.Topic)))
		})
		for i, t := range resp.Topics {
			if t.Topic != nil {
				resp.Topics[i].AuthorizedOperations = c.bits(onTopic(*t.Topic))
			}
		}
		if next := resp.NextCursor; next != nil && !c.may("Describe", onTopic(next.Topic)) {
			resp.NextCursor = nil
		}
	})
}

// describePartitions is for topics that are named. The cursor's must be one of
// them, so with a denied one the cursor goes, and so does all that was before.
func describePartitions(c *admitClient, req *kmsg.DescribeTopicPartitionsRequest) admission {
	isCursor := func(t kmsg.DescribeTopicPartitionsRequestTopic) bool {
		return req.Cursor != nil && t.Topic == req.Cursor.Topic
	}
	if slices.ContainsFunc(req.Topics, isCursor) && !c.may("Describe", onTopic(req.Cursor.Topic)) {
		first := req.Cursor.Topic
		req.Topics = slices.DeleteFunc(req.Topics, func(t kmsg.DescribeTopicPartitionsRequestTopic) bool { return t.Topic < first })
		req.Cursor = nil
	}
	return admitShare[kmsg.DescribeTopicPartitionsRequestTopic, kmsg.DescribeTopicPartitionsResponseTopic, *kmsg.DescribeTopicPartitionsResponse]{
		named: &req.Topics,
		needs: func(t kmsg.DescribeTopicPartitionsRequestTopic) (string, string) { return "Describe", onTopic(t.Topic) },
		row: func(t kmsg.DescribeTopicPartitionsRequestTopic, why *Refusal) kmsg.DescribeTopicPartitionsResponseTopic {
			row := kmsg.NewDescribeTopicPartitionsResponseTopic()
			row.Topic, row.ErrorCode = &t.Topic, why.Code
			return row
		},
		rows: func(resp *kmsg.DescribeTopicPartitionsResponse) *[]kmsg.DescribeTopicPartitionsResponseTopic {
			return &resp.Topics
		},
	}.decide(c, req)
}
