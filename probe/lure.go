package probe

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/idpool/idpool/idp"
)

// Lure is where tokens lead that say themselves where their key is (jku, x5u, a
// URL for a kid): a JWKS of an attacker's, on this machine. Without it such a
// token would be refused for a name that nobody can resolve, by a target that
// would have asked anybody; and whoever asks it has asked a URL that a stranger
// chose, even if the token is refused in the end (RFC 8725 3.10).
type Lure struct {
	// URL is for Attacker in a forge.Source.
	URL string

	asked  atomic.Int64
	server *http.Server
	ended  chan error
}

// Open listens at an address, HOST:PORT, and gives whoever asks the attacker's
// keys, each under its own kid and under that of the key that the target
// trusts. The target must be able to reach the address by that host.
func Open(address string, trusted *idp.Key, attackers []*idp.Key) (*Lure, error) {
	text, err := keySet(trusted, attackers)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("probe: lure: %v", err)
	}
	l := &Lure{URL: "http://" + listener.Addr().String() + "/keys", ended: make(chan error, 1)}
	l.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		l.asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text)
	})}
	go func() { l.ended <- l.server.Serve(listener) }()
	return l, nil
}

// Close stops listening.
func (l *Lure) Close() error {
	err := l.server.Close()
	if ended := <-l.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// count is how often the lure was asked; that of no lure is 0.
func (l *Lure) count() int64 {
	if l == nil {
		return 0
	}
	return l.asked.Load()
}

// keySet is the JWKS (RFC 7517 5).
func keySet(trusted *idp.Key, attackers []*idp.Key) ([]byte, error) {
	var keys []map[string]any
	for _, kid := range []string{trusted.ID, ""} {
		for _, k := range attackers {
			key := map[string]any{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
				"n":   base64.RawURLEncoding.EncodeToString(k.Public().N.Bytes()),
				"e":   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.Public().E)).Bytes()),
				"x5c": []string{base64.StdEncoding.EncodeToString(k.Certificate)}}
			if kid == "" {
				key["kid"] = k.ID
			}
			keys = append(keys, key)
		}
	}
	return json.Marshal(map[string]any{"keys": keys})
}
