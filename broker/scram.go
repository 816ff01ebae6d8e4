package broker

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// credentials log the front in at the cluster behind it.
type credentials struct {
	mechanism          string // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	username, password string

	mu     sync.Mutex
	salted map[string][]byte // SaltedPassword (RFC 5802 3) by salt and iterations
}

// logIn sends SaslHandshake and SaslAuthenticate over a connection. lifetime is
// that of the session, zero for without end.
func (c *credentials) logIn(conn io.ReadWriter) (lifetime time.Duration, err error) {
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, c.mechanism
	response, err := ask(conn, handshake)
	if err != nil {
		return 0, err
	}
	if code := response.(*kmsg.SASLHandshakeResponse).ErrorCode; code != 0 {
		return 0, fmt.Errorf("SASL handshake for %s: %w", c.mechanism, kerr.ErrorForCode(code))
	}
	if c.mechanism == "PLAIN" {
		_, lifetime, err = authenticate(conn, []byte("\x00"+c.username+"\x00"+c.password))
		return lifetime, err
	}
	return c.scram(conn)
}

// authenticate sends one message of the mechanism.
func authenticate(conn io.ReadWriter, message []byte) (answer []byte, lifetime time.Duration, err error) {
	request := kmsg.NewPtrSASLAuthenticateRequest()
	request.Version, request.SASLAuthBytes = 1, message
	got, err := ask(conn, request)
	if err != nil {
		return nil, 0, err
	}
	response := got.(*kmsg.SASLAuthenticateResponse)
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		if response.ErrorMessage != nil {
			return nil, 0, fmt.Errorf("%w: %s", err, *response.ErrorMessage)
		}
		return nil, 0, err
	}
	return response.SASLAuthBytes, time.Duration(response.SessionLifetimeMillis) * time.Millisecond, nil
}

var escapeSASLName = strings.NewReplacer("=", "=3D", ",", "=2C")

// scram is the client's side of RFC 5802 5, without channel binding.
func (c *credentials) scram(conn io.ReadWriter) (time.Duration, error) {
	nonce := rand.Text()
	first := "n=" + escapeSASLName.Replace(c.username) + ",r=" + nonce
	challenge, _, err := authenticate(conn, []byte("n,,"+first))
	if err != nil {
		return 0, err
	}
	serverNonce, salt, iterations, err := parseChallenge(string(challenge))
	if err != nil {
		return 0, err
	}
	if !strings.HasPrefix(serverNonce, nonce) {
		return 0, errors.New("SCRAM: the server's nonce does not begin with the client's")
	}
	salted, err := c.saltedPassword(salt, iterations)
	if err != nil {
		return 0, err
	}
	withoutProof := "c=biws,r=" + serverNonce // biws is n,, in base64
	message := first + "," + string(challenge) + "," + withoutProof
	final, lifetime, err := authenticate(conn, []byte(withoutProof+",p="+base64.StdEncoding.EncodeToString(c.proof(salted, message))))
	if err != nil {
		return 0, err
	}
	signature := c.mac(c.mac(salted, "Server Key"), message)
	if string(final) != "v="+base64.StdEncoding.EncodeToString(signature) {
		return 0, errors.New("SCRAM: the server does not know the password either")
	}
	return lifetime, nil
}

// parseChallenge reads r=NONCE,s=SALT,i=ITERATIONS.
func parseChallenge(challenge string) (nonce string, salt []byte, iterations int, err error) {
	parts := strings.Split(challenge, ",")
	if len(parts) < 3 || !strings.HasPrefix(parts[0], "r=") || !strings.HasPrefix(parts[1], "s=") || !strings.HasPrefix(parts[2], "i=") {
		return "", nil, 0, errors.New("SCRAM: the server's challenge is malformed")
	}
	if salt, err = base64.StdEncoding.DecodeString(parts[1][2:]); err != nil {
		return "", nil, 0, errors.New("SCRAM: the server's salt is no base64")
	}
	iterations, err = strconv.Atoi(parts[2][2:])
	if err != nil || iterations < 1 || iterations > maxIterations {
		return "", nil, 0, fmt.Errorf("SCRAM: the server asks for %.20s iterations, want 1 to %d", parts[2][2:], maxIterations)
	}
	return parts[0][2:], salt, iterations, nil
}

// maxIterations is more than any server asks for (Kafka's limit is 16384), and
// still done in a second.
const maxIterations = 1 << 20

// saltedPassword derives the key that the proofs are made with: once for a user,
// since it takes thousands of hashes, and not for each connection.
func (c *credentials) saltedPassword(salt []byte, iterations int) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := saltID(salt, iterations)
	if known, ok := c.salted[id]; ok {
		return known, nil
	}
	h := c.hash()
	salted, err := pbkdf2.Key(h, c.password, salt, iterations, h().Size())
	if err != nil {
		return nil, err
	}
	c.salted = map[string][]byte{id: salted} // the salt of a user changes with the password
	return salted, nil
}

func (c *credentials) hash() func() hash.Hash {
	if c.mechanism == "SCRAM-SHA-512" {
		return sha512.New
	}
	return sha256.New
}

func (c *credentials) mac(key []byte, message string) []byte {
	m := hmac.New(c.hash(), key)
	m.Write([]byte(message))
	return m.Sum(nil)
}

// proof is ClientKey XOR ClientSignature.
func (c *credentials) proof(salted []byte, message string) []byte {
	key := c.mac(salted, "Client Key")
	stored := c.hash()()
	stored.Write(key)
	proof := c.mac(stored.Sum(nil), message)
	for i := range proof {
		proof[i] ^= key[i]
	}
	return proof
}

// saltID names a salt and a number of iterations.
func saltID(salt []byte, iterations int) string { return strconv.Itoa(iterations) + " " + string(salt) }
