package broker

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
)

// admitCreateTopics needs Create on the cluster or on each topic. What the
// response says of a new topic's configuration needs DescribeConfigs on it
// (KIP-525).
func admitCreateTopics(c *admitClient, req *kmsg.CreateTopicsRequest) admission {
	var a admission
	if !c.may("Create", pool.OnCluster) {
		a = admitShare[kmsg.CreateTopicsRequestTopic, kmsg.CreateTopicsResponseTopic, *kmsg.CreateTopicsResponse]{
			named: &req.Topics,
			needs: func(t kmsg.CreateTopicsRequestTopic) (string, string) { return "Create", onTopic(t.Topic) },
			row: func(t kmsg.CreateTopicsRequestTopic, why *Refusal) kmsg.CreateTopicsResponseTopic {
				row := kmsg.NewCreateTopicsResponseTopic()
				row.Topic, row.ErrorCode, row.ErrorMessage = t.Topic, why.Code, &why.Message
				return row
			},
			rows: func(resp *kmsg.CreateTopicsResponse) *[]kmsg.CreateTopicsResponseTopic { return &resp.Topics },
		}.decide(c, req)
	}
	if req.Version < 5 {
		return a
	}
	return admitAlso(a, func(resp *kmsg.CreateTopicsResponse) {
		for i := range resp.Topics {
			c.concealConfigs(&resp.Topics[i])
		}
	})
}

func (c *admitClient) concealConfigs(t *kmsg.CreateTopicsResponseTopic) {
	if t.ErrorCode != 0 || c.may("DescribeConfigs", onTopic(t.Topic)) {
		return
	}
	t.ConfigErrorCode = unauthorized(onTopic(t.Topic)).Code
	t.Configs, t.NumPartitions, t.ReplicationFactor = nil, -1, -1
}

// admitDeleteTopics needs Delete on each topic.
func admitDeleteTopics(c *admitClient, req *kmsg.DeleteTopicsRequest) admission {
	return admitShare[string, kmsg.DeleteTopicsResponseTopic, *kmsg.DeleteTopicsResponse]{
		named: &req.TopicNames,
		needs: func(topic string) (string, string) { return "Delete", onTopic(topic) },
		row: func(topic string, why *Refusal) kmsg.DeleteTopicsResponseTopic {
			row := kmsg.NewDeleteTopicsResponseTopic()
			row.Topic, row.ErrorCode, row.ErrorMessage = &topic, why.Code, &why.Message
			return row
		},
		rows: func(resp *kmsg.DeleteTopicsResponse) *[]kmsg.DeleteTopicsResponseTopic { return &resp.Topics },
	}.decide(c, req)
}

// admitCreatePartitions needs Alter on each topic.
func admitCreatePartitions(c *admitClient, req *kmsg.CreatePartitionsRequest) admission {
	return admitShare[kmsg.CreatePartitionsRequestTopic, kmsg.CreatePartitionsResponseTopic, *kmsg.CreatePartitionsResponse]{
		named: &req.Topics,
		needs: func(t kmsg.CreatePartitionsRequestTopic) (string, string) { return "Alter", onTopic(t.Topic) },
		row: func(t kmsg.CreatePartitionsRequestTopic, why *Refusal) kmsg.CreatePartitionsResponseTopic {
			row := kmsg.NewCreatePartitionsResponseTopic()
			row.Topic, row.ErrorCode, row.ErrorMessage = t.Topic, why.Code, &why.Message
			return row
		},
		rows: func(resp *kmsg.CreatePartitionsResponse) *[]kmsg.CreatePartitionsResponseTopic { return &resp.Topics },
	}.decide(c, req)
}

// configuredResource is the resource whose configuration is meant. One of an unknown
// type is no resource of any role, so it is denied to all.
func configuredResource(kind kmsg.ConfigResourceType, name string) string {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		return onTopic(name)
	case kmsg.ConfigResourceTypeGroupConfig:
		return onGroup(name)
	case kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger, kmsg.ConfigResourceTypeClientMetrics:
		return pool.OnCluster
	}
	return "config-" + strconv.Itoa(int(kind)) + "=" + name
}

// admitDescribeConfigs needs DescribeConfigs on each topic or group, and on the
// cluster for brokers.
func admitDescribeConfigs(c *admitClient, req *kmsg.DescribeConfigsRequest) admission {
	return admitShare[kmsg.DescribeConfigsRequestResource, kmsg.DescribeConfigsResponseResource, *kmsg.DescribeConfigsResponse]{
		named: &req.Resources,
		needs: func(r kmsg.DescribeConfigsRequestResource) (string, string) {
			return "DescribeConfigs", configuredResource(r.ResourceType, r.ResourceName)
		},
		row: func(r kmsg.DescribeConfigsRequestResource, why *Refusal) kmsg.DescribeConfigsResponseResource {
			row := kmsg.NewDescribeConfigsResponseResource()
			row.ResourceType, row.ResourceName, row.ErrorCode, row.ErrorMessage = r.ResourceType, r.ResourceName, why.Code, &why.Message
			return row
		},
		rows: func(resp *kmsg.DescribeConfigsResponse) *[]kmsg.DescribeConfigsResponseResource {
			return &resp.Resources
		},
	}.decide(c, req)
}

// admitAlterConfigs needs AlterConfigs on each topic or group, and on the
// cluster for brokers.
func admitAlterConfigs(c *admitClient, req *kmsg.AlterConfigsRequest) admission {
	return admitShare[kmsg.AlterConfigsRequestResource, kmsg.AlterConfigsResponseResource, *kmsg.AlterConfigsResponse]{
		named: &req.Resources,
		needs: func(r kmsg.AlterConfigsRequestResource) (string, string) {
			return "AlterConfigs", configuredResource(r.ResourceType, r.ResourceName)
		},
		row: func(r kmsg.AlterConfigsRequestResource, why *Refusal) kmsg.AlterConfigsResponseResource {
			row := kmsg.NewAlterConfigsResponseResource()
			row.ResourceType, row.ResourceName, row.ErrorCode, row.ErrorMessage = r.ResourceType, r.ResourceName, why.Code, &why.Message
			return row
		},
		rows: func(resp *kmsg.AlterConfigsResponse) *[]kmsg.AlterConfigsResponseResource { return &resp.Resources },
	}.decide(c, req)
}

// admitIncrementalAlterConfigs is as admitAlterConfigs.
func admitIncrementalAlterConfigs(c *admitClient, req *kmsg.IncrementalAlterConfigsRequest) admission {
	return admitShare[kmsg.IncrementalAlterConfigsRequestResource, kmsg.IncrementalAlterConfigsResponseResource, *kmsg.IncrementalAlterConfigsResponse]{
		named: &req.Resources,
		needs: func(r kmsg.IncrementalAlterConfigsRequestResource) (string, string) {
			return "AlterConfigs", configuredResource(r.ResourceType, r.ResourceName)
		},
		row: func(r kmsg.IncrementalAlterConfigsRequestResource, why *Refusal) kmsg.IncrementalAlterConfigsResponseResource {
			row := kmsg.NewIncrementalAlterConfigsResponseResource()
			row.ResourceType, row.ResourceName, row.ErrorCode, row.ErrorMessage = r.ResourceType, r.ResourceName, why.Code, &why.Message
			return row
		},
		rows: func(resp *kmsg.IncrementalAlterConfigsResponse) *[]kmsg.IncrementalAlterConfigsResponseResource {
			return &resp.Resources
		},
	}.decide(c, req)
}

// admitDescribeACLs needs Describe on the cluster.
func admitDescribeACLs(c *admitClient, req *kmsg.DescribeACLsRequest) admission {
	why := c.refuse("Describe", pool.OnCluster)
	if why == nil {
		return admission{}
	}
	return admitReply(req, func(resp *kmsg.DescribeACLsResponse) { resp.ErrorCode, resp.ErrorMessage = why.Code, &why.Message })
}

// admitCreateACLs needs Alter on the cluster.
func admitCreateACLs(c *admitClient, req *kmsg.CreateACLsRequest) admission {
	why := c.refuse("Alter", pool.OnCluster)
	if why == nil {
		return admission{}
	}
	return admitReply(req, func(resp *kmsg.CreateACLsResponse) {
		resp.Results = admitEach(req.Creations, func(kmsg.CreateACLsRequestCreation) kmsg.CreateACLsResponseResult {
			row := kmsg.NewCreateACLsResponseResult()
			row.ErrorCode, row.ErrorMessage = why.Code, &why.Message
			return row
		})
	})
}

// admitDeleteACLs needs Alter on the cluster.
func admitDeleteACLs(c *admitClient, req *kmsg.DeleteACLsRequest) admission {
	why := c.refuse("Alter", pool.OnCluster)
	if why == nil {
		return admission{}
	}
	return admitReply(req, func(resp *kmsg.DeleteACLsResponse) {
		resp.Results = admitEach(req.Filters, func(kmsg.DeleteACLsRequestFilter) kmsg.DeleteACLsResponseResult {
			row := kmsg.NewDeleteACLsResponseResult()
			row.ErrorCode, row.ErrorMessage = why.Code, &why.Message
			return row
		})
	})
}
