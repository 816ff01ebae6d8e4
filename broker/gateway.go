package broker

import "crypto/tls"

type node struct{}
type User struct{ Username, Password string }
type Upstream struct {
	Bootstrap []string
	Mechanism string
	User      User
	Users     map[string]User
	TLS       *tls.Config
}

func newGateway(*Server) (behind, error) { return nil, nil }
