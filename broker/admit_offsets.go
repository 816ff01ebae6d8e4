package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// admitOffsetCommit needs Read on the group, then on each topic.
func admitOffsetCommit(c *admitClient, req *kmsg.OffsetCommitRequest) admission {
	s := admitShare[kmsg.OffsetCommitRequestTopic, kmsg.OffsetCommitResponseTopic, *kmsg.OffsetCommitResponse]{
		named: &req.Topics,
		needs: func(t kmsg.OffsetCommitRequestTopic) (string, string) { return "Read", onTopic(t.Topic) },
		row: func(t kmsg.OffsetCommitRequestTopic, why *Refusal) kmsg.OffsetCommitResponseTopic {
			row := kmsg.NewOffsetCommitResponseTopic()
			row.Topic = t.Topic
			row.Partitions = admitEach(t.Partitions, func(p kmsg.OffsetCommitRequestTopicPartition) kmsg.OffsetCommitResponseTopicPartition {
				r := kmsg.NewOffsetCommitResponseTopicPartition()
				r.Partition, r.ErrorCode = p.Partition, why.Code
				return r
			})
			return row
		},
		rows: func(resp *kmsg.OffsetCommitResponse) *[]kmsg.OffsetCommitResponseTopic { return &resp.Topics },
	}
	if why := c.refuse("Read", onGroup(req.Group)); why != nil {
		return s.refuseAll(req, why)
	}
	return s.decide(c, req)
}

// admitOffsetDelete needs Delete on the group, then Read on each topic.
func admitOffsetDelete(c *admitClient, req *kmsg.OffsetDeleteRequest) admission {
	if why := c.refuse("Delete", onGroup(req.Group)); why != nil {
		return admitReply(req, func(resp *kmsg.OffsetDeleteResponse) { resp.ErrorCode = why.Code })
	}
	return admitShare[kmsg.OffsetDeleteRequestTopic, kmsg.OffsetDeleteResponseTopic, *kmsg.OffsetDeleteResponse]{
		named: &req.Topics,
		needs: func(t kmsg.OffsetDeleteRequestTopic) (string, string) { return "Read", onTopic(t.Topic) },
		row: func(t kmsg.OffsetDeleteRequestTopic, why *Refusal) kmsg.OffsetDeleteResponseTopic {
			row := kmsg.NewOffsetDeleteResponseTopic()
			row.Topic = t.Topic
			row.Partitions = admitEach(t.Partitions, func(p kmsg.OffsetDeleteRequestTopicPartition) kmsg.OffsetDeleteResponseTopicPartition {
				r := kmsg.NewOffsetDeleteResponseTopicPartition()
				r.Partition, r.ErrorCode = p.Partition, why.Code
				return r
			})
			return row
		},
		rows: func(resp *kmsg.OffsetDeleteResponse) *[]kmsg.OffsetDeleteResponseTopic { return &resp.Topics },
	}.decide(c, req)
}

// admitOffsetFetch needs Describe on the group, then on each topic; of all
// topics, which no list stands for, it leaves out those that may not be
// described.
func admitOffsetFetch(c *admitClient, req *kmsg.OffsetFetchRequest) admission {
	if req.Version >= 8 {
		return admitOffsetFetchGroups(c, req)
	}
	s := admitShare[kmsg.OffsetFetchRequestTopic, kmsg.OffsetFetchResponseTopic, *kmsg.OffsetFetchResponse]{
		named: &req.Topics,
		needs: func(t kmsg.OffsetFetchRequestTopic) (string, string) { return "Describe", onTopic(t.Topic) },
		row:   unfetchedOffsets,
		rows:  func(resp *kmsg.OffsetFetchResponse) *[]kmsg.OffsetFetchResponseTopic { return &resp.Topics },
	}
	if why := c.refuse("Describe", onGroup(req.Group)); why != nil && req.Version < 2 {
		return s.refuseAll(req, why)
	} else if why != nil {
		return admitReply(req, func(resp *kmsg.OffsetFetchResponse) { resp.ErrorCode = why.Code })
	}
	if len(req.Topics) > 0 {
		return s.decide(c, req)
	}
	return admitAlso(admission{}, func(resp *kmsg.OffsetFetchResponse) {
		resp.Topics = admitVisible(c, resp.Topics, func(t kmsg.OffsetFetchResponseTopic) string { return onTopic(t.Topic) })
	})
}

func unfetchedOffsets(t kmsg.OffsetFetchRequestTopic, why *Refusal) kmsg.OffsetFetchResponseTopic {
	row := kmsg.NewOffsetFetchResponseTopic()
	row.Topic = t.Topic
	row.Partitions = admitEach(t.Partitions, func(p int32) kmsg.OffsetFetchResponseTopicPartition {
		r := kmsg.NewOffsetFetchResponseTopicPartition()
		r.Partition, r.ErrorCode, r.Offset, r.Metadata = p, why.Code, -1, kmsg.StringPtr("")
		return r
	})
	return row
}

// admitOffsetFetchGroups is for the requests about several groups, each with
// its own topics (KIP-709).
func admitOffsetFetchGroups(c *admitClient, req *kmsg.OffsetFetchRequest) admission {
	a := admitShare[kmsg.OffsetFetchRequestGroup, kmsg.OffsetFetchResponseGroup, *kmsg.OffsetFetchResponse]{
		named: &req.Groups,
		needs: func(g kmsg.OffsetFetchRequestGroup) (string, string) { return "Describe", onGroup(g.Group) },
		row: func(g kmsg.OffsetFetchRequestGroup, why *Refusal) kmsg.OffsetFetchResponseGroup {
			row := kmsg.NewOffsetFetchResponseGroup()
			row.Group, row.ErrorCode = g.Group, why.Code
			return row
		},
		rows: func(resp *kmsg.OffsetFetchResponse) *[]kmsg.OffsetFetchResponseGroup { return &resp.Groups },
	}.decide(c, req)
	if a.reply != nil {
		return a
	}
	refused := map[string][]kmsg.OffsetFetchResponseGroupTopic{}
	amend := false
	for i := range req.Groups {
		g := &req.Groups[i]
		rows := groupTopics(g).split(c)
		refused[g.Group] = append(refused[g.Group], rows...)
		a.changed = a.changed || len(rows) > 0
		amend = amend || len(rows) > 0 || len(g.Topics) == 0
	}
	if !amend {
		return a
	}
	return admitAlso(a, func(resp *kmsg.OffsetFetchResponse) { amendOffsets(c, resp, refused) })
}

func groupTopics(g *kmsg.OffsetFetchRequestGroup) admitShare[kmsg.OffsetFetchRequestGroupTopic, kmsg.OffsetFetchResponseGroupTopic, *kmsg.OffsetFetchResponse] {
	return admitShare[kmsg.OffsetFetchRequestGroupTopic, kmsg.OffsetFetchResponseGroupTopic, *kmsg.OffsetFetchResponse]{
		named: &g.Topics,
		needs: func(t kmsg.OffsetFetchRequestGroupTopic) (string, string) { return "Describe", onTopic(t.Topic) },
		row: func(t kmsg.OffsetFetchRequestGroupTopic, why *Refusal) kmsg.OffsetFetchResponseGroupTopic {
			row := kmsg.NewOffsetFetchResponseGroupTopic()
			row.Topic = t.Topic
			row.Partitions = admitEach(t.Partitions, func(p int32) kmsg.OffsetFetchResponseGroupTopicPartition {
				r := kmsg.NewOffsetFetchResponseGroupTopicPartition()
				r.Partition, r.ErrorCode, r.Offset, r.Metadata = p, why.Code, -1, kmsg.StringPtr("")
				return r
			})
			return row
		},
	}
}

// amendOffsets looks at all topics of all groups: a group of whose topics all
// were taken out must not become one that is asked about all its topics.
func amendOffsets(c *admitClient, resp *kmsg.OffsetFetchResponse, refused map[string][]kmsg.OffsetFetchResponseGroupTopic) {
	for i := range resp.Groups {
		g := &resp.Groups[i]
		if g.ErrorCode != 0 {
			continue
		}
		g.Topics = admitVisible(c, g.Topics, func(t kmsg.OffsetFetchResponseGroupTopic) string { return onTopic(t.Topic) })
		g.Topics = append(g.Topics, refused[g.Group]...)
	}
}
