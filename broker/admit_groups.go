package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
)

// admitJoinGroup needs Read on the group, as the other requests of a member do.
func admitJoinGroup(c *admitClient, req *kmsg.JoinGroupRequest) admission {
	return admitMember(c, req, req.Group, func(resp *kmsg.JoinGroupResponse, why *Refusal) { resp.ErrorCode = why.Code })
}

func admitHeartbeat(c *admitClient, req *kmsg.HeartbeatRequest) admission {
	return admitMember(c, req, req.Group, func(resp *kmsg.HeartbeatResponse, why *Refusal) { resp.ErrorCode = why.Code })
}

func admitLeaveGroup(c *admitClient, req *kmsg.LeaveGroupRequest) admission {
	return admitMember(c, req, req.Group, func(resp *kmsg.LeaveGroupResponse, why *Refusal) { resp.ErrorCode = why.Code })
}

func admitSyncGroup(c *admitClient, req *kmsg.SyncGroupRequest) admission {
	return admitMember(c, req, req.Group, func(resp *kmsg.SyncGroupResponse, why *Refusal) { resp.ErrorCode = why.Code })
}

// admitMember needs Read on the group.
func admitMember[P kmsg.Response](c *admitClient, req kmsg.Request, group string, fill func(P, *Refusal)) admission {
	why := c.refuse("Read", onGroup(group))
	if why == nil {
		return admission{}
	}
	return admitReply(req, func(resp P) { fill(resp, why) })
}

// admitConsumerGroupHeartbeat needs Read on the group and Describe on each
// topic that it subscribes to. The cluster evaluates a pattern for its own one
// user, so here a pattern needs Describe on all topics; Kafka leaves topics out
// of it.
func admitConsumerGroupHeartbeat(c *admitClient, req *kmsg.ConsumerGroupHeartbeatRequest) admission {
	refused := func(resp *kmsg.ConsumerGroupHeartbeatResponse, why *Refusal) {
		resp.ErrorCode, resp.ErrorMessage = why.Code, &why.Message
	}
	a := admitMember(c, req, req.Group, refused)
	if a.reply != nil {
		return a
	}
	topics := admitEach(req.SubscribedTopicNames, onTopic)
	if req.SubscribedTopicRegex != nil && *req.SubscribedTopicRegex != "" {
		topics = append(topics, everyTopic)
	}
	for _, t := range topics {
		if why := c.refuse("Describe", t); why != nil {
			return admitReply(req, func(resp *kmsg.ConsumerGroupHeartbeatResponse) { refused(resp, why) })
		}
	}
	return admission{}
}

// admitFindCoordinator needs Describe on the group or the transactional id; a
// coordinator of another type needs ClusterAction, as that of a share group
// does.
func admitFindCoordinator(c *admitClient, req *kmsg.FindCoordinatorRequest) admission {
	needs := func(key string) (string, string) {
		switch req.CoordinatorType {
		case 0:
			return "Describe", onGroup(key)
		case 1:
			return "Describe", onTxn(key)
		}
		return "ClusterAction", pool.OnCluster
	}
	if req.Version < 4 {
		why := c.refuse(needs(req.CoordinatorKey))
		if why == nil {
			return admission{}
		}
		return admitReply(req, func(resp *kmsg.FindCoordinatorResponse) {
			resp.ErrorCode, resp.ErrorMessage, resp.NodeID, resp.Port = why.Code, &why.Message, -1, -1
		})
	}
	return admitShare[string, kmsg.FindCoordinatorResponseCoordinator, *kmsg.FindCoordinatorResponse]{
		named: &req.CoordinatorKeys,
		needs: needs,
		row: func(key string, why *Refusal) kmsg.FindCoordinatorResponseCoordinator {
			row := kmsg.NewFindCoordinatorResponseCoordinator()
			row.Key, row.ErrorCode, row.ErrorMessage, row.NodeID, row.Port = key, why.Code, &why.Message, -1, -1
			return row
		},
		rows: func(resp *kmsg.FindCoordinatorResponse) *[]kmsg.FindCoordinatorResponseCoordinator {
			return &resp.Coordinators
		},
	}.decide(c, req)
}

// admitDescribeGroups needs Describe on each group.
func admitDescribeGroups(c *admitClient, req *kmsg.DescribeGroupsRequest) admission {
	a := admitShare[string, kmsg.DescribeGroupsResponseGroup, *kmsg.DescribeGroupsResponse]{
		named: &req.Groups,
		needs: func(group string) (string, string) { return "Describe", onGroup(group) },
		row: func(group string, why *Refusal) kmsg.DescribeGroupsResponseGroup {
			row := kmsg.NewDescribeGroupsResponseGroup()
			row.Group, row.ErrorCode, row.ErrorMessage = group, why.Code, &why.Message
			return row
		},
		rows: func(resp *kmsg.DescribeGroupsResponse) *[]kmsg.DescribeGroupsResponseGroup { return &resp.Groups },
	}.decide(c, req)
	if !req.IncludeAuthorizedOperations {
		return a
	}
	return admitAlso(a, func(resp *kmsg.DescribeGroupsResponse) {
		for i, g := range resp.Groups {
			if g.ErrorCode == 0 {
				resp.Groups[i].AuthorizedOperations = c.bits(onGroup(g.Group))
			}
		}
	})
}

// admitConsumerGroupDescribe needs Describe on each group. A group with a topic
// in it that may not be described is answered with the topic's error.
func admitConsumerGroupDescribe(c *admitClient, req *kmsg.ConsumerGroupDescribeRequest) admission {
	a := admitShare[string, kmsg.ConsumerGroupDescribeResponseGroup, *kmsg.ConsumerGroupDescribeResponse]{
		named: &req.Groups,
		needs: func(group string) (string, string) { return "Describe", onGroup(group) },
		row:   ungrouped,
		rows: func(resp *kmsg.ConsumerGroupDescribeResponse) *[]kmsg.ConsumerGroupDescribeResponseGroup {
			return &resp.Groups
		},
	}.decide(c, req)
	return admitAlso(a, func(resp *kmsg.ConsumerGroupDescribeResponse) {
		for i, g := range resp.Groups {
			switch {
			case g.ErrorCode != 0:
			case !c.describesTopicsOf(g):
				resp.Groups[i] = ungrouped(g.Group, &Refusal{Code: unauthorized(anyTopic).Code, Message: "The group has described topic(s) that the client is not authorized to describe."})
			case req.IncludeAuthorizedOperations:
				resp.Groups[i].AuthorizedOperations = c.bits(onGroup(g.Group))
			}
		}
	})
}

func ungrouped(group string, why *Refusal) kmsg.ConsumerGroupDescribeResponseGroup {
	row := kmsg.NewConsumerGroupDescribeResponseGroup()
	row.Group, row.ErrorCode, row.ErrorMessage = group, why.Code, &why.Message
	return row
}

// describesTopicsOf says whether the client may describe all topics of a group's
// members.
func (c *admitClient) describesTopicsOf(g kmsg.ConsumerGroupDescribeResponseGroup) bool {
	for _, m := range g.Members {
		topics := slices.Clone(m.SubscribedTopics)
		for _, t := range slices.Concat(m.Assignment.TopicPartitions, m.TargetAssignment.TopicPartitions) {
			topics = append(topics, t.Topic)
		}
		if slices.ContainsFunc(topics, func(t string) bool { return !c.may("Describe", onTopic(t)) }) {
			return false
		}
	}
	return true
}

// admitListGroups lists all groups with Describe on the cluster, and otherwise
// those that may be described.
func admitListGroups(c *admitClient, _ *kmsg.ListGroupsRequest) admission {
	if c.may("Describe", pool.OnCluster) {
		return admission{}
	}
	return admitAlso(admission{}, func(resp *kmsg.ListGroupsResponse) {
		resp.Groups = admitVisible(c, resp.Groups, func(g kmsg.ListGroupsResponseGroup) string { return onGroup(g.Group) })
	})
}

// admitDeleteGroups needs Delete on each group.
func admitDeleteGroups(c *admitClient, req *kmsg.DeleteGroupsRequest) admission {
	return admitShare[string, kmsg.DeleteGroupsResponseGroup, *kmsg.DeleteGroupsResponse]{
		named: &req.Groups,
		needs: func(group string) (string, string) { return "Delete", onGroup(group) },
		row: func(group string, why *Refusal) kmsg.DeleteGroupsResponseGroup {
			row := kmsg.NewDeleteGroupsResponseGroup()
			row.Group, row.ErrorCode, row.ErrorMessage = group, why.Code, &why.Message
			return row
		},
		rows: func(resp *kmsg.DeleteGroupsResponse) *[]kmsg.DeleteGroupsResponseGroup { return &resp.Groups },
	}.decide(c, req)
}
