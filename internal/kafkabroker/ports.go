package kafkabroker

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// host is the only one that is listened at.
const host = "127.0.0.1"

// reservation keeps ports from being taken until the brokers take them. They
// are below those that systems give to outgoing connections, so that a node
// finds them free again when it is restarted.
type reservation []net.Listener

// reserve finds a free port.
func (r *reservation) reserve() (int, error) {
	for range 100 {
		port := 20000 + rand.IntN(12000)
		if l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
			*r = append(*r, l)
			return port, nil
		}
	}
	return 0, errors.New("kafkabroker: no free port was found")
}

// release lets the brokers take the ports.
func (r *reservation) release() {
	for _, l := range *r {
		_ = l.Close()
	}
	*r = nil
}
