package idp

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // the kid of Azure's keys is a SHA-1 thumbprint
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"embed"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

//go:embed testkeys/*.pem testkeys/spare/*.pem testkeys/strangers/*.pem testkeys/sets/*/*.pem
var testKeyFiles embed.FS

// certificateSubject is the common name of Azure's worldwide signing
// certificates (azure-ad.md 2.1).
const certificateSubject = "accounts.accesscontrol.windows.net"

// Key is a signing key with the certificate that is published for it.
type Key struct {
	// ID is kid and x5t: base64url of the SHA-1 of the certificate.
	ID string
	// Certificate is the DER of the self-signed certificate in x5c.
	Certificate []byte

	public  *rsa.PublicKey
	private func() (*rsa.PrivateKey, error)
}

// Keyring is a set of keys, all of which are published while one signs. It is
// immutable and safe for concurrent use.
type Keyring struct {
	keys   []*Key
	signer *Key
}

// TestKeys returns the three fixed keys that ship in the binary. Everybody has
// them: they make start-up instant and recorded tokens verifiable, and they
// protect nothing.
func TestKeys() *Keyring { return testKeys() }

var testKeys = sync.OnceValue(func() *Keyring { return mustReadKeys("testkeys") })

// SpareKeys are further fixed keys that ship in the binary, as little a secret
// as [TestKeys]. No server publishes them until [Server.Roll] does: for the keys
// of somebody else there are [StrangerKeys]. They are read when they are first
// asked for. The slice is the caller's.
func SpareKeys() []*Key { return slices.Clone(spareKeys().keys) }

var spareKeys = sync.OnceValue(func() *Keyring { return mustReadKeys("testkeys/spare") })

// StrangerKeys are eight further fixed keys, as little a secret as [TestKeys],
// which no server ever publishes or signs with: those of another tenant, and of
// attackers. They are read when they are first asked for. The slice is the
// caller's.
func StrangerKeys() []*Key { return slices.Clone(strangerKeys().keys) }

var strangerKeys = sync.OnceValue(func() *Keyring { return mustReadKeys("testkeys/strangers") })

// TestKeySet returns one of eight further keyrings of three fixed keys each, none
// of which is in another: for servers beside each other whose keys are to differ
// without the time that it takes to make some. Every eighth n is the same.
func TestKeySet(n int) *Keyring { return testKeySets[n%len(testKeySets)]() }

var testKeySets = func() (sets [8]func() *Keyring) {
	for i := range sets {
		sets[i] = sync.OnceValue(func() *Keyring { return mustReadKeys(fmt.Sprintf("testkeys/sets/set-%d", i+1)) })
	}
	return sets
}()

func mustReadKeys(dir string) *Keyring {
	sub, err := fs.Sub(testKeyFiles, dir)
	if err != nil {
		panic(err) // the path is a constant
	}
	ring, err := readKeys(sub)
	if err != nil {
		panic(err) // the files are compiled in and read by a test
	}
	return ring
}

// keyCount is how many keys a new keyring has; Azure publishes three or more.
const keyCount = 3

// GenerateKeys makes a keyring of three fresh RSA keys of 2048 bits, whose
// certificates are valid for five years from now on.
func GenerateKeys(now time.Time) (*Keyring, error) {
	ring := &Keyring{}
	for i := range keyCount {
		pemBytes, err := newKeyPEM(now.AddDate(0, 0, -21*i))
		if err != nil {
			return nil, err
		}
		key, err := parseKey(pemBytes)
		if err != nil {
			return nil, err
		}
		ring.add(key)
	}
	return ring, nil
}

// LoadKeys reads the keys of a folder, one PEM file each with a private key
// and its certificate. A folder that is missing or empty is filled with three
// fresh keys, readable by the owner only, so that the next start finds them.
// The first file by name signs.
func LoadKeys(dir string, now time.Time) (*Keyring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("idp: keys: %w", err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.pem"))
	if err != nil {
		return nil, fmt.Errorf("idp: keys: %v", err)
	}
	if len(found) == 0 {
		if err := fillKeys(dir, now); err != nil {
			return nil, err
		}
	}
	ring, err := readKeys(os.DirFS(dir))
	var within *fs.PathError // which has the name in the folder
	if errors.As(err, &within) {
		return nil, fmt.Errorf("idp: keys: %w", &fs.PathError{Op: within.Op, Path: filepath.Join(dir, within.Path), Err: within.Err})
	}
	if err != nil {
		return nil, err
	}
	if _, err := ring.signer.private(); err != nil {
		return nil, fmt.Errorf("idp: keys in %q: %v", dir, err)
	}
	return ring, nil
}

func fillKeys(dir string, now time.Time) error {
	for i := range keyCount {
		pemBytes, err := newKeyPEM(now.AddDate(0, 0, -21*i))
		if err != nil {
			return err
		}
		name := filepath.Join(dir, fmt.Sprintf("key-%d.pem", i+1))
		if err := os.WriteFile(name, pemBytes, 0o600); err != nil {
			return fmt.Errorf("idp: keys: %w", err)
		}
	}
	return nil
}

func readKeys(dir fs.FS) (*Keyring, error) {
	names, err := fs.Glob(dir, "*.pem")
	if err != nil {
		return nil, fmt.Errorf("idp: keys: %v", err)
	}
	slices.Sort(names)
	ring := &Keyring{}
	for _, name := range names {
		data, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, fmt.Errorf("idp: keys: %w", err)
		}
		key, err := parseKey(data)
		if err != nil {
			return nil, fmt.Errorf("idp: key file %q: %v", name, err)
		}
		ring.add(key)
	}
	if len(ring.keys) == 0 {
		return nil, errors.New("idp: keys: no *.pem file")
	}
	return ring, nil
}

func (r *Keyring) add(k *Key) {
	if r.signer == nil {
		r.signer = k
	}
	r.keys = append(r.keys, k)
}

// Keys returns the published keys. They must not be changed.
func (r *Keyring) Keys() []*Key { return r.keys }

// Signer returns the key that signs.
func (r *Keyring) Signer() *Key { return r.signer }

// shuffled returns the keys in an order that only the seed decides.
func (r *Keyring) shuffled(seed uint64) []*Key {
	keys := slices.Clone(r.keys)
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys
}

// newKeyPEM makes a key file: a PKCS #8 private key and its certificate.
func newKeyPEM(from time.Time) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("idp: generate key: %v", err)
	}
	certificate, err := SelfSign(key, from)
	if err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("idp: generate key: %v", err)
	}
	return append(
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})...), nil
}

// SelfSign makes the certificate (DER) that Azure would publish for a key:
// self-signed, valid for five years, with no extension but the subject key
// identifier (azure-ad.md 2.1).
func SelfSign(key *rsa.PrivateKey, from time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, fmt.Errorf("idp: certificate: %v", err)
	}
	keyID := sha1.Sum(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	template := &x509.Certificate{
		SerialNumber:       serial,
		Subject:            pkix.Name{CommonName: certificateSubject},
		NotBefore:          from.UTC(),
		NotAfter:           from.UTC().AddDate(5, 0, 0),
		SubjectKeyId:       keyID[:],
		SignatureAlgorithm: x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("idp: certificate: %v", err)
	}
	return der, nil
}

// parseKey reads a PEM file with a private key and a certificate, in either
// order.
func parseKey(data []byte) (*Key, error) {
	var private, certificate []byte
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "PRIVATE KEY":
			private = block.Bytes
		case "CERTIFICATE":
			certificate = block.Bytes
		}
	}
	if private == nil || certificate == nil {
		return nil, errors.New("want a PRIVATE KEY (PKCS #8) block and a CERTIFICATE block")
	}
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	public, ok := parsed.PublicKey.(*rsa.PublicKey)
	if !ok || public.N.BitLen() < 2048 {
		return nil, errors.New("want an RSA certificate of 2048 bits or more")
	}
	thumbprint := sha1.Sum(certificate)
	return &Key{
		ID:          base64.RawURLEncoding.EncodeToString(thumbprint[:]),
		Certificate: certificate,
		public:      public,
		private:     sync.OnceValues(func() (*rsa.PrivateKey, error) { return parsePrivate(private, public) }),
	}, nil
}

// parsePrivate runs when a key first signs, and not before: of the keys that
// are published only one signs, and decoding costs as much as start-up may.
func parsePrivate(pkcs8 []byte, public *rsa.PublicKey) (*rsa.PrivateKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok || !private.PublicKey.Equal(public) {
		return nil, errors.New("the private key does not belong to the certificate")
	}
	return private, nil
}

// Public is the public key. It must not be changed.
func (k *Key) Public() *rsa.PublicKey { return k.public }

// Signer is the private key, for signatures that idpool has no word for. Its
// error says why the key file's private key cannot be read.
func (k *Key) Signer() (crypto.Signer, error) {
	private, err := k.private()
	if err != nil {
		return nil, fmt.Errorf("idp: key %s: %v", k.ID, err)
	}
	return private, nil
}

// sign signs in RS256 (RFC 7518 3.3).
func (k *Key) sign(input []byte) ([]byte, error) {
	private, err := k.private()
	if err != nil {
		return nil, fmt.Errorf("idp: key %s: %v", k.ID, err)
	}
	digest := sha256.Sum256(input)
	return rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
}

// NewKeyring makes a keyring of keys, all of which are published. The first
// signs. Without any the keyring is as good as none.
func NewKeyring(keys ...*Key) *Keyring {
	ring := &Keyring{}
	for _, k := range keys {
		ring.add(k)
	}
	return ring
}
