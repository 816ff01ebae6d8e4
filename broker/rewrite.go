package broker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// placer says where clients find a broker.
type placer func(id int32, host string, port int32) (string, int32)

// rewritten says whether a response can have addresses of brokers in it, and so
// must be decoded (kafka-oauthbearer.md 8.2). Produce and Fetch have them since
// KIP-951.
func rewritten(h header) bool {
	switch h.key {
	case 3, 10, 32, 60, 78, 79:
		return true
	case 0:
		return h.version >= 10
	case 1:
		return h.version >= 16
	}
	return false
}

// replaced is a whole response with the addresses that clients use, and as amend
// leaves it, which may be nil. One that cannot be read has no such form.
func replaced(asked header, frame []byte, at placer, amend func(kmsg.Response)) ([]byte, error) {
	response := kmsg.ResponseForKey(asked.key)
	response.SetVersion(asked.version)
	if err := parseResponse(response, frame[8:]); err != nil {
		return nil, fmt.Errorf("the cluster's answer to API key %d in version %d: %w", asked.key, asked.version, err)
	}
	changed := rewrite(response, at)
	if amend != nil {
		amend(response)
		changed = true
	}
	if !changed {
		return frame, nil
	}
	return appendResponse(nil, asked.correlationID, response), nil
}

// rewrite puts the addresses that clients use in place of the cluster's, and
// says whether there were any.
func rewrite(response kmsg.Response, at placer) (changed bool) {
	switch r := response.(type) {
	case *kmsg.MetadataResponse:
		return rewriteEach(r.Brokers, at, func(b *kmsg.MetadataResponseBroker) address { return address{&b.NodeID, &b.Host, &b.Port} })
	case *kmsg.DescribeClusterResponse:
		return rewriteEach(r.Brokers, at, func(b *kmsg.DescribeClusterResponseBroker) address { return address{&b.NodeID, &b.Host, &b.Port} })
	case *kmsg.FindCoordinatorResponse:
		top := address{&r.NodeID, &r.Host, &r.Port}.rewrite(at)
		return rewriteEach(r.Coordinators, at, func(c *kmsg.FindCoordinatorResponseCoordinator) address { return address{&c.NodeID, &c.Host, &c.Port} }) || top
	case *kmsg.ProduceResponse:
		return rewriteEach(r.Brokers, at, func(b *kmsg.ProduceResponseBroker) address { return address{&b.NodeID, &b.Host, &b.Port} })
	case *kmsg.FetchResponse:
		return rewriteEach(r.Brokers, at, func(b *kmsg.FetchResponseBroker) address { return address{&b.NodeID, &b.Host, &b.Port} })
	case *kmsg.ShareFetchResponse:
		return rewriteEach(r.NodeEndpoints, at, func(b *kmsg.ShareFetchResponseNodeEndpoint) address { return address{&b.NodeID, &b.Host, &b.Port} })
	case *kmsg.ShareAcknowledgeResponse:
		return rewriteEach(r.NodeEndpoints, at, func(b *kmsg.ShareAcknowledgeResponseNodeEndpoint) address {
			return address{&b.NodeID, &b.Host, &b.Port}
		})
	case *kmsg.DescribeConfigsResponse:
		return hideAddresses(r)
	}
	return false
}

// hideAddresses takes the settings of brokers that are addresses out, as Kafka
// does with those that are secret.
func hideAddresses(r *kmsg.DescribeConfigsResponse) (changed bool) {
	for _, resource := range r.Resources {
		if resource.ResourceType != kmsg.ConfigResourceTypeBroker {
			continue
		}
		for j := range resource.Configs {
			if c := &resource.Configs[j]; isAddresses(c.Name) {
				hide(c)
				changed = true
			}
		}
	}
	return changed
}

// isAddresses says whether a setting of a broker is addresses.
func isAddresses(setting string) bool {
	switch setting {
	case "listeners", "advertised.listeners", "controller.quorum.voters", "controller.quorum.bootstrap.servers", "zookeeper.connect":
		return true
	}
	return false
}

func hide(c *kmsg.DescribeConfigsResponseResourceConfig) {
	c.Value, c.IsSensitive = nil, true
	for k := range c.ConfigSynonyms {
		c.ConfigSynonyms[k].Value = nil
	}
}

// address is where a response has a broker's.
type address struct {
	id   *int32
	host *string
	port *int32
}

func (a address) rewrite(at placer) bool {
	host, port := at(*a.id, *a.host, *a.port)
	changed := host != *a.host || port != *a.port
	*a.host, *a.port = host, port
	return changed
}

// rewriteEach goes through brokers in the order of their ids, so that the ports
// of their listeners are the same however the cluster lists them.
func rewriteEach[T any](brokers []T, at placer, of func(*T) address) (changed bool) {
	var all []address
	for i := range brokers {
		all = append(all, of(&brokers[i]))
	}
	slices.SortFunc(all, func(a, b address) int { return cmp.Compare(*a.id, *b.id) })
	for _, a := range all {
		changed = a.rewrite(at) || changed
	}
	return changed
}
