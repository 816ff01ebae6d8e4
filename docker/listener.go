package docker

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/idpool/idpool"
)

// listener is one of the container.
type listener struct {
	variable string // of its address
	scheme   string
	port     string // of the container, which the host sees as another one
}

func plain() listener { return listener{"IDPOOL_HTTP", "http", httpPort} }

func secure() listener { return listener{"IDPOOL_HTTPS", "https", httpsPort} }

// fronts are where tokens are asked for.
func fronts() []listener { return []listener{plain(), secure()} }

// listeners are all whose address the user might give, at the ports where they have
// to be found.
func (o *options) listeners() []listener {
	all := []listener{plain(), secure(), {"IDPOOL_ADMIN", "http", adminPort}, {"IDPOOL_KAFKA", "", kafkaPort}}
	if len(o.azure) > 0 { // where URLs have no port
		all[0].port, all[1].port = "80/tcp", "443/tcp"
	}
	return all
}

// off says whether the user turned a listener off.
func off(env map[string]string, variable string) bool { return env[variable] == idpool.Off }

// checkListeners refuses addresses that nobody would find: idpool would listen there
// and say that it is ready. What is no address is left to idpool to refuse.
func (o *options) checkListeners(env map[string]string) error {
	if off(env, "IDPOOL_ADMIN") {
		return errors.New("IDPOOL_ADMIN is off, and that listener says when everything else is ready: leave it out")
	}
	for _, l := range o.listeners() {
		host, port, err := net.SplitHostPort(env[l.variable])
		if err != nil {
			continue
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			continue
		}
		at, _ := netip.ParseAddr(host)
		if want := number(l.port); port != want || host == "localhost" || at.IsLoopback() {
			return fmt.Errorf("%s: nobody would find %q, for it is port %s of the container that others see: leave it out, or say 0.0.0.0:%s", l.variable, env[l.variable], want, want)
		}
	}
	return nil
}
