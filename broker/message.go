package broker

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// clientMessage is the first message of an OAUTHBEARER client (RFC 7628 3.1),
// with the extensions of KIP-342.
type clientMessage struct {
	authzid    string
	token      string
	extensions map[string]string // never nil
}

// The grammar that Apache Kafka enforces (OAuthBearerClientInitialResponse),
// which is that of RFC 7628 3.1 but for the form of the credentials.
var (
	gs2Header = regexp.MustCompile(`^n,(?:a=((?:[\x01-\x2B\x2D-\x3C\x3E-\x7F]|=2C|=3D)+))?,\x01`)
	pairKey   = regexp.MustCompile(`^[A-Za-z]+$`)
	pairValue = regexp.MustCompile(`^[\x21-\x7E \t\r\n]+$`)
	authValue = regexp.MustCompile(`^(\w+) +([-_~+/.a-zA-Z0-9]+=*)$`)
)

var unescapeSASLName = strings.NewReplacer("=2C", ",", "=3D", "=")

// separator ends the parts of a message (RFC 7628 3.1: kvsep).
const separator = "\x01"

// parseClientMessage reads
//
//	n,[a=<authzid>],\x01auth=Bearer <token>\x01[key=value\x01]*\x01
//
// The error says which part is wrong, for the log: a client is never told. It
// never has the token in it.
func parseClientMessage(message []byte) (clientMessage, error) {
	if !bytes.Contains(message, []byte(separator)) {
		return clientMessage{}, errors.New(`the message has no \x01 in it`)
	}
	name := gs2Header.FindStringSubmatch(string(message))
	if name == nil {
		return clientMessage{}, errors.New(`the message begins with neither "n,,\x01" nor "n,a=NAME,\x01"`)
	}
	m := clientMessage{authzid: unescapeSASLName.Replace(name[1]), extensions: map[string]string{}}
	pairs, ok := strings.CutSuffix(string(message[len(name[0]):]), separator+separator)
	if !ok {
		return m, errors.New(`the message does not end with two \x01`)
	}
	if err := m.pairs(strings.Split(pairs, separator)); err != nil {
		return m, err
	}
	auth, ok := m.extensions["auth"]
	delete(m.extensions, "auth")
	if !ok {
		return m, errors.New("the message has no auth=Bearer TOKEN")
	}
	credentials := authValue.FindStringSubmatch(auth)
	switch {
	case credentials == nil:
		return m, errors.New("auth is not of the form Bearer TOKEN")
	case !strings.EqualFold(credentials[1], "bearer"):
		return m, fmt.Errorf("the scheme of auth is %.20q, want Bearer", credentials[1])
	}
	m.token = credentials[2]
	return m, nil
}

// pairs reads key=value, of which the last of a key counts, as in Kafka.
func (m *clientMessage) pairs(all []string) error {
	for _, pair := range all {
		key, value, ok := strings.Cut(pair, "=")
		switch {
		case !ok:
			return errors.New("a part of the message is no key=value")
		case !pairKey.MatchString(key):
			return fmt.Errorf("the key %.40q has something other than letters in it", key)
		case !pairValue.MatchString(value):
			return fmt.Errorf("the value of %.40s is empty or has a character that is not allowed", key)
		}
		m.extensions[key] = value
	}
	return nil
}
