// Package journal remembers what happened at a stack: every request, TLS
// handshake, login and decision, in order, the newest few thousand of them.
//
// Begin with [New] and [Journal.Add]; a test asks with [Journal.List] and
// [Journal.Count], waits with [Journal.Take] and watches with
// [Journal.Follow]. [WriteEvents] and [ReadEvents] carry a Follow over HTTP.
//
// A Journal is bounded: it forgets the oldest entry for each new one, and cuts
// texts that are too long. It masks nothing: whoever adds an entry leaves
// secrets and tokens out. It knows nothing of HTTP handlers, tokens or Kafka,
// and writes no files.
package journal
