package idpool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// freePort is the address of a listener whose Config says nothing.
const freePort = "127.0.0.1:0"

// Start runs the stack: it listens, on free ports of 127.0.0.1 unless the
// Config says otherwise, and returns when requests are answered. It stops when
// ctx ends or Close is called. Its error is a ConfigErrors, or says which
// address cannot be had and which setting changes it, or why there is no
// certificate for the https listener.
func Start(ctx context.Context, c Config) (*Stack, error) {
	if err := c.Listeners.Admin.exposed(); err != nil {
		return nil, err
	}
	l, err := listenAll(c.Listeners)
	if err != nil {
		return nil, err
	}
	s, err := newStack(c, c.publicURLs(port(l.web, defaultPort), port(l.secure, defaultSecurePort)))
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	if l.web != nil {
		s.address = l.web.Addr().String()
	}
	if l.secure != nil {
		s.secureAddress = l.secure.Addr().String()
	}
	if err := s.prepare(l); err != nil {
		s.current().validator.Close()
		return nil, errors.Join(err, l.close())
	}
	s.client = s.newClient()
	s.serveAll(l)
	// Close reads detach, and a context that has ended already calls it at once.
	set := make(chan struct{})
	s.detach = context.AfterFunc(ctx, func() { <-set; _ = s.Close() })
	close(set)
	return s, nil
}

// prepare makes what can go wrong before anything is served: what the Config
// begins with, the certificate of those who speak TLS, and the cluster behind the
// Kafka listener, which answers from then on.
func (s *Stack) prepare(l listeners) error {
	if s.config.Begin != nil {
		if err := s.config.Begin(s); err != nil {
			return err
		}
	}
	kafkaTLS := l.kafka != nil && s.config.Listeners.Kafka.SecurityProtocol != "SASL_PLAINTEXT"
	if l.secure != nil || kafkaTLS {
		if err := s.certify(time.Now()); err != nil {
			return err
		}
	}
	if l.kafka == nil {
		return nil
	}
	return s.serveKafka(s.config.Listeners.Kafka.opened(l.kafka, l.kafkaToo))
}

// listeners are the open ones; nil is one that is off.
type listeners struct {
	web, secure, admin, kafka net.Listener
	kafkaToo                  kafkaToo
}

// listenAll opens every listener or none.
func listenAll(c Listeners) (listeners, error) {
	var l listeners
	var err error
	for _, one := range []struct {
		name, address string
		into          *net.Listener
	}{{"http", c.HTTP.Address, &l.web}, {"https", c.HTTPS.Address, &l.secure}, {"admin", c.Admin.Address, &l.admin}, {"kafka", c.Kafka.Address, &l.kafka}} {
		if *one.into, err = listen(one.name, one.address); err != nil {
			return listeners{}, errors.Join(err, l.close())
		}
	}
	if l.kafka != nil {
		if err := c.Kafka.listenToo(&l.kafkaToo); err != nil {
			return listeners{}, errors.Join(err, l.close())
		}
	}
	return l, nil
}

func (l listeners) close() error {
	var errs []error
	for _, one := range append(l.kafkaToo.all(), l.web, l.secure, l.admin, l.kafka) {
		if one != nil {
			errs = append(errs, one.Close())
		}
	}
	return errors.Join(errs...)
}

// serveAll answers requests on what is open.
func (s *Stack) serveAll(l listeners) {
	s.serving = make(chan error, 3)
	if l.admin != nil { // first: what is logged elsewhere names it
		s.Admin = cmp.Or(strings.TrimSuffix(s.config.Listeners.Admin.PublicURL, "/"), "http://"+reachable(l.admin.Addr().String()))
		s.serve(l.admin, s.logChanges(s.lazyAdmin()), nil)
	}
	if l.web != nil {
		s.serve(l.web, s.door("http"), nil)
	}
	if l.secure != nil {
		s.serve(l.secure, s.door("https"), s.greet("https"))
	}
}

// reachable is an address that is listened at as one to connect to: that of all
// interfaces is none.
func reachable(address string) string {
	host, p, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return address
	}
	return net.JoinHostPort("localhost", p)
}

// listen opens an address; "off" gives no listener.
func listen(name, address string) (net.Listener, error) {
	switch address {
	case Off:
		return nil, nil
	case "":
		address = freePort
	}
	return listenAt(name+" listener", address, addressSettings(name))
}

// listenAt opens an address; settings are what changes it.
func listenAt(what, address, settings string) (net.Listener, error) {
	if err := checkAddress(address); err != nil {
		return nil, fmt.Errorf("idpool: %s: %v: it is set by %s", what, err, settings)
	}
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("idpool: %s: %s is in use by another program or another listener: choose another address with %s (port 0 takes a free one)", what, address, settings)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("idpool: %s: %v: choose a port above 1023 with %s (in a container, the sysctl net.ipv4.ip_unprivileged_port_start=0 allows the others)", what, err, settings)
	case err != nil:
		return nil, fmt.Errorf("idpool: %s: %v: choose another address with %s", what, err, settings)
	}
	return l, nil
}

// addressSettings are the ways to say where a listener is: by the command's
// flag, by its variable, as in a container, or by the config.
func addressSettings(name string) string {
	return fmt.Sprintf("--%s HOST:PORT, IDPOOL_%s or listeners.%s.address", name, strings.ToUpper(name), name)
}

// port is the port that a listener got.
func port(l net.Listener, otherwise string) string {
	if l == nil {
		return otherwise
	}
	_, p, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return otherwise
	}
	return p
}

// serve answers requests until the stack is closed; with a greeting over TLS.
func (s *Stack) serve(l net.Listener, h http.Handler, secure *greeting) {
	failures := &handshakeLog{log: s.log, now: time.Now, fix: s.caSource, greeting: secure}
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(failures, "", 0),
	}
	if secure != nil {
		server.TLSConfig, server.ConnState = secure.config(), secure.changed
	}
	s.servers = append(s.servers, server)
	go func() {
		err := serveOn(server, l)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		s.serving <- err
	}()
}

func serveOn(server *http.Server, l net.Listener) error {
	if server.TLSConfig == nil {
		return server.Serve(l)
	}
	return server.ServeTLS(l, "", "")
}

// checkAddress refuses what no listener could be opened at.
func checkAddress(address string) error {
	if address == "" || address == Off {
		return nil
	}
	_, p, err := net.SplitHostPort(address)
	if number, notNumber := strconv.ParseUint(p, 10, 16); err != nil || notNumber != nil || number > 65535 || strings.ContainsAny(address, " /") {
		return fmt.Errorf("%q is no address, want HOST:PORT such as 127.0.0.1:8080, or off", address)
	}
	return nil
}
