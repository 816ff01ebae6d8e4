package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// versions are the APIs that a client may use, by key.
type versions struct {
	list     []kmsg.ApiVersionsResponseApiKey
	most     []int16 // by key: the highest version, or -1
	least    []int16
	features kmsg.ApiVersionsResponse // what the cluster says of its features
}

// The versions that the front serves of what it answers itself. Version 5 of
// ApiVersions compares the cluster's id with what the client expects (KIP-1242),
// which is for whoever knows it to answer.
var own = map[int16]int16{keySaslHandshake: 1, keyAPIVersions: 4, keySaslAuthenticate: 2}

// hidden are the APIs that would change or show the cluster's own users, or
// that brokers use among themselves: they belong to whoever runs the cluster,
// not to clients that log in with a token (kafka-oauthbearer.md 8.2).
func hidden(key int16) bool {
	switch {
	case key >= 4 && key <= 7, key == 27, key >= 38 && key <= 41, key >= 50 && key <= 59, key >= 62 && key <= 64,
		key == 67, key == 70, key == 73, key >= 80 && key <= 87:
		return true
	}
	return false
}

// newVersions is what a cluster says that it serves, without what is hidden and
// within what kmsg knows, with the front's own.
func newVersions(from kmsg.ApiVersionsResponse, limit map[int16]int16) versions {
	v := versions{features: from}
	for _, k := range from.ApiKeys {
		known := kmsg.RequestForKey(k.ApiKey)
		if _, ours := own[k.ApiKey]; ours || known == nil || hidden(k.ApiKey) {
			continue
		}
		k.MaxVersion = min(k.MaxVersion, known.MaxVersion())
		if most, ok := limit[k.ApiKey]; limit != nil {
			if !ok {
				continue
			}
			k.MaxVersion = min(k.MaxVersion, most)
		}
		if k.MinVersion <= k.MaxVersion {
			v.add(k)
		}
	}
	for _, key := range []int16{keySaslHandshake, keyAPIVersions, keySaslAuthenticate} {
		v.add(kmsg.ApiVersionsResponseApiKey{ApiKey: key, MaxVersion: own[key]})
	}
	return v
}

func (v *versions) add(k kmsg.ApiVersionsResponseApiKey) {
	v.list = append(v.list, k)
	for int(k.ApiKey) >= len(v.most) {
		v.most, v.least = append(v.most, -1), append(v.least, 0)
	}
	v.most[k.ApiKey], v.least[k.ApiKey] = k.MaxVersion, k.MinVersion
}

// upTo is the same, with a highest version of one API.
func (v versions) upTo(key, most int16) versions {
	v.list, v.most = slices.Clone(v.list), slices.Clone(v.most)
	for i := range v.list {
		if k := &v.list[i]; k.ApiKey == key {
			k.MaxVersion = min(k.MaxVersion, most)
			v.most[key] = k.MaxVersion
		}
	}
	return v
}

// has says whether a request is one that the cluster is to answer.
func (v versions) has(h header) bool {
	return h.key >= 0 && int(h.key) < len(v.most) && h.version >= v.least[h.key] && h.version <= v.most[h.key]
}

// apiVersions answers ApiVersions. ok is false when the answer is an error: a
// version that is not served is answered in version 0 with those that are, and
// the client may ask again (KIP-511).
func (s *session) apiVersions(r request) (response *kmsg.ApiVersionsResponse, ok bool, err error) {
	response = kmsg.NewPtrApiVersionsResponse()
	v, err := s.serves(s.server.lifetime)
	if err != nil {
		return nil, false, err
	}
	asked, known := r.body.(*kmsg.ApiVersionsRequest)
	if !known || r.version < 0 || r.version > own[keyAPIVersions] {
		response.ErrorCode = kerr.UnsupportedVersion.Code
		response.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: keyAPIVersions, MaxVersion: own[keyAPIVersions]}}
		return response, false, nil
	}
	response.Version = r.version
	if r.version >= 3 {
		if !validSoftware(asked.ClientSoftwareName) || !validSoftware(asked.ClientSoftwareVersion) {
			response.ErrorCode = kerr.InvalidRequest.Code
			return response, false, nil
		}
		s.introduce(software{asked.ClientSoftwareName, asked.ClientSoftwareVersion})
	}
	response.ApiKeys = v.list
	response.SupportedFeatures = v.features.SupportedFeatures
	response.FinalizedFeatures = v.features.FinalizedFeatures
	response.FinalizedFeaturesEpoch = v.features.FinalizedFeaturesEpoch
	return response, true, nil
}

// validSoftware is Kafka's [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])? (KIP-511),
// of a length that a line of the log can have.
func validSoftware(s string) bool {
	alphanumeric := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	}
	if s == "" || len(s) > 256 || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '-' && c != '.' {
			return false
		}
	}
	return true
}
