package idpool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
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
// address cannot be had and which setting changes it.
func Start(ctx context.Context, c Config) (*Stack, error) {
	web, err := listen("http", c.Listeners.HTTP.Address)
	if err != nil {
		return nil, err
	}
	admin, err := listen("admin", c.Listeners.Admin.Address)
	if err != nil {
		return nil, errors.Join(err, closeListener(web))
	}
	s, err := newStack(c, publicURL(c.Listeners.HTTP, port(web, defaultPort)))
	if err != nil {
		return nil, errors.Join(err, closeListener(web), closeListener(admin))
	}
	s.serving = make(chan error, 2)
	if web != nil {
		s.serve(web, s.idp)
	}
	if admin != nil {
		s.Admin = cmp.Or(strings.TrimSuffix(c.Listeners.Admin.PublicURL, "/"), "http://"+admin.Addr().String())
		s.serve(admin, s.adminHandler())
	}
	// Close reads detach, and a context that has ended already calls it at once.
	set := make(chan struct{})
	s.detach = context.AfterFunc(ctx, func() { <-set; _ = s.Close() })
	close(set)
	return s, nil
}

// listen opens an address; "off" gives no listener.
func listen(name, address string) (net.Listener, error) {
	switch address {
	case Off:
		return nil, nil
	case "":
		address = freePort
	}
	if err := checkAddress(address); err != nil {
		return nil, fmt.Errorf("idpool: %s listener: %v", name, err)
	}
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("idpool: %s listener: %s is in use by another program: choose another address with --%s HOST:PORT or listeners.%s.address (port 0 takes a free one)", name, address, name, name)
	case err != nil:
		return nil, fmt.Errorf("idpool: %s listener: %v: choose another address with --%s HOST:PORT or listeners.%s.address", name, err, name, name)
	}
	return l, nil
}

func closeListener(l net.Listener) error {
	if l == nil {
		return nil
	}
	return l.Close()
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

// serve answers requests until the stack is closed.
func (s *Stack) serve(l net.Listener, h http.Handler) {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	s.servers = append(s.servers, server)
	go func() {
		err := server.Serve(l)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		s.serving <- err
	}()
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
