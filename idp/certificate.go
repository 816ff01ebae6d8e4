package idp

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1" // Azure names certificates by SHA-1 thumbprints
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// registeredKey is a client certificate of an application.
type registeredKey struct {
	sha1       [sha1.Size]byte // thumbprints of the certificate
	sha256     [sha256.Size]byte
	start, end time.Time
	public     *rsa.PublicKey
}

// What keyCredentials may be. Graph knows others, for signing SAML tokens and
// for symmetric keys, which prove no client.
const (
	keyType  = "AsymmetricX509Cert"
	keyUsage = "Verify"
)

// keys reads the certificates of an application. A credential without a key,
// as Graph exports it, gives none.
func (x *indexer) keys(field string, a Application) []registeredKey {
	var keys []registeredKey
	for i, c := range a.KeyCredentials {
		at := place(field+".keyCredentials", i)
		x.keyCredential(at, c)
		if c.Key == "" {
			continue
		}
		certificate, err := parseCertificate(c.Key)
		if err != nil {
			x.fail(at+".key", "%v", err)
			continue
		}
		key := newRegisteredKey(c, certificate)
		x.validity(at, c, certificate, key)
		if id := c.CustomKeyIdentifier; id != "" && !bytes.Equal(decodeThumbprint(id), key.sha1[:]) {
			x.fail(at+".customKeyIdentifier", "%q is not the SHA-1 thumbprint of the certificate in key, %X; leave it out or correct it", shorten(id), key.sha1)
		}
		keys = append(keys, key)
	}
	return keys
}

// keyCredential checks what can be checked without the certificate.
func (x *indexer) keyCredential(at string, c KeyCredential) {
	if c.KeyID != "" {
		x.guid(at, ".keyId", c.KeyID)
	}
	if c.Type != "" && c.Type != keyType {
		x.fail(at+".type", "%q is no type of client certificate, want %s", c.Type, keyType)
	}
	if c.Usage != "" && c.Usage != keyUsage {
		x.fail(at+".usage", "%q is no usage of client certificates, want %s", c.Usage, keyUsage)
	}
	if c.File != "" && c.Key == "" {
		x.fail(at+".file", "idp does not read files such as %q, set key", c.File)
	}
	if !c.StartDateTime.IsZero() && !c.EndDateTime.IsZero() && !c.StartDateTime.Before(c.EndDateTime) {
		x.fail(at+".endDateTime", "%s is not after startDateTime, %s", c.EndDateTime.Format(time.RFC3339), c.StartDateTime.Format(time.RFC3339))
	}
}

// validity refuses a credential that its one date and the certificate's other
// leave no time.
func (x *indexer) validity(at string, c KeyCredential, certificate *x509.Certificate, key registeredKey) {
	bothGiven := !c.StartDateTime.IsZero() && !c.EndDateTime.IsZero() // reported already
	if bothGiven || key.start.Before(key.end) {
		return
	}
	x.fail(at+".endDateTime", "the credential would end at %s, before it begins at %s; the certificate is valid from %s to %s",
		key.end.Format(time.RFC3339), key.start.Format(time.RFC3339),
		certificate.NotBefore.Format(time.RFC3339), certificate.NotAfter.Format(time.RFC3339))
}

// newRegisteredKey precomputes what each request needs: a request costs no
// hash of the certificate. The credential's own dates win over the
// certificate's, as in Azure, where an application can drop a certificate early.
func newRegisteredKey(c KeyCredential, certificate *x509.Certificate) registeredKey {
	public, _ := certificate.PublicKey.(*rsa.PublicKey) // parseCertificate takes no other
	key := registeredKey{
		sha1:   sha1.Sum(certificate.Raw),
		sha256: sha256.Sum256(certificate.Raw),
		start:  certificate.NotBefore,
		end:    certificate.NotAfter,
		public: public,
	}
	if !c.StartDateTime.IsZero() {
		key.start = c.StartDateTime
	}
	if !c.EndDateTime.IsZero() {
		key.end = c.EndDateTime
	}
	return key
}

// parseCertificate reads an RSA certificate of 2048 bits or more: base64 of
// its DER, as in Graph, or PEM, in which the first certificate counts. Its
// errors quote nothing of the text, which may be a private key.
func parseCertificate(text string) (*x509.Certificate, error) {
	der, err := decodeCertificate(strings.TrimSpace(text))
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("holds no certificate that can be read: %v", err)
	}
	public, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("holds a certificate with a key of type %s, want RSA: Azure takes no other", certificate.PublicKeyAlgorithm)
	}
	if bits := public.N.BitLen(); bits < 2048 {
		return nil, fmt.Errorf("holds a certificate with an RSA key of %d bits, want 2048 or more", bits)
	}
	return certificate, nil
}

// decodeCertificate finds the DER in the forms that people have it in.
func decodeCertificate(text string) ([]byte, error) {
	if strings.Contains(text, "-----BEGIN") {
		return decodePEM(text)
	}
	der, err := base64.RawURLEncoding.DecodeString(urlAlphabet(strings.Join(strings.Fields(text), "")))
	if err != nil {
		return nil, fmt.Errorf("is no certificate: %d characters that are neither base64 of its DER nor PEM (no PEM block)", len(text))
	}
	if bytes.HasPrefix(der, []byte("-----BEGIN")) {
		return nil, errors.New("is base64 of PEM text, want the PEM text itself, or base64 of the certificate's DER")
	}
	return der, nil
}

// decodePEM takes the first certificate, the leaf in a chain as openssl writes
// it, and passes over a private key: many keep both in one file.
func decodePEM(text string) ([]byte, error) {
	var types []string
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return block.Bytes, nil
		}
		types = append(types, block.Type)
	}
	if types == nil {
		return nil, errors.New("looks like PEM and has no PEM block that can be read: look at the BEGIN and END lines and at the line breaks")
	}
	return nil, fmt.Errorf("holds no certificate: its PEM blocks are %q, want CERTIFICATE", types)
}

// urlAlphabet makes the URL form of base64 of either form.
func urlAlphabet(s string) string {
	return strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(s), "=")
}

// decodeThumbprint reads a thumbprint, SHA-1 or SHA-256, in any of the forms
// that clients send: base64 of either alphabet, padded or not, or hex
// (azure-ad.md 3.8). The lengths tell them apart. Nil means it is none.
func decodeThumbprint(s string) []byte {
	var raw []byte
	var err error
	switch len(s) {
	case hex.EncodedLen(sha1.Size), hex.EncodedLen(sha256.Size):
		raw, err = hex.DecodeString(s)
	case 27, 28, 43, 44: // base64 of 20 and of 32 bytes
		raw, err = base64.RawURLEncoding.DecodeString(urlAlphabet(s))
	}
	if err != nil || len(raw) != sha1.Size && len(raw) != sha256.Size {
		return nil
	}
	return raw
}

// thumbprint names the key of an assertion. A thumbprint decides before a kid,
// which some clients put it into, and a kid that is none before the first
// certificate of x5c. That certificate is looked up and never trusted. named
// is false when the header says nothing of a key.
func (h *joseHeader) thumbprint() (thumbprint []byte, named bool) {
	for _, name := range []string{h.X5tS256, h.X5t} {
		if name != "" {
			return decodeThumbprint(name), true
		}
	}
	if thumbprint := decodeThumbprint(h.Kid); thumbprint != nil {
		return thumbprint, true
	}
	if leaf := h.leaf(); leaf != nil {
		sum := sha1.Sum(leaf)
		return sum[:], true
	}
	return nil, h.Kid != "" || h.X5c != nil
}

// leaf is the DER of the first certificate in x5c, or nil. MSAL for Python has
// line breaks in it.
func (h *joseHeader) leaf() []byte {
	var chain []string
	if h.X5c == nil || json.Unmarshal(h.X5c, &chain) != nil || len(chain) == 0 {
		return nil
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(chain[0]), ""))
	if err != nil {
		return nil
	}
	return der
}

// verify finds the key that an assertion names among the application's
// certificates and verifies the signature with it.
func (a *application) verify(j *jws, now time.Time) *Error {
	thumbprint, named := j.header.thumbprint()
	if !named {
		return newError(5002723)
	}
	key := a.key(thumbprint, now)
	switch {
	case key == nil:
		return a.keyNotFound(&j.header, thumbprint)
	case !key.valid(now):
		return a.keyFailed("The key used is expired.", key)
	case !j.verify(key.public):
		return a.keyFailed("Key was found, but use of the key to verify the signature failed.", key)
	}
	return nil
}

// key is the certificate with a thumbprint. An application has a handful, so
// that going through them is cheaper than a map, whatever the directory's
// size. One that was registered again with other dates counts with those that
// are valid now.
func (a *application) key(thumbprint []byte, now time.Time) *registeredKey {
	var found *registeredKey
	for i := range a.keys {
		k := &a.keys[i]
		if !bytes.Equal(thumbprint, k.sha1[:]) && !bytes.Equal(thumbprint, k.sha256[:]) {
			continue
		}
		if found = k; k.valid(now) {
			break
		}
	}
	return found
}

// valid has no clock skew: the two clocks are one.
func (k *registeredKey) valid(now time.Time) bool { return !now.Before(k.start) && now.Before(k.end) }

// keyNotFound prints the SHA-1 thumbprint where it can be known: a SHA-256
// thumbprint has one only if the certificate came along. A thumbprint in no
// form that is known is left out, as in Azure's answer when it cannot read it.
func (a *application) keyNotFound(h *joseHeader, thumbprint []byte) *Error {
	reason := "The key was not found."
	if leaf := h.leaf(); leaf != nil {
		if long := sha256.Sum256(leaf); bytes.Equal(thumbprint, long[:]) {
			short := sha1.Sum(leaf)
			thumbprint = short[:]
		}
	}
	if thumbprint != nil {
		reason += fmt.Sprintf(", Thumbprint of key used by client: '%X'", thumbprint)
	}
	return newError(700027, "reason", reason, "appId", a.AppID, "sni", sniAdvice)
}

// sniAdvice ends the text of a key that was not found. Azure gives it to
// everybody, whether or not such an application could use it.
const sniAdvice = " Alternatively, SNI may be configured on the app. Please ensure that client assertion is being sent with the x5c claim in the JWT header using MSAL's WithSendX5C() method so that Azure Active Directory can validate the certificate being used."

// keyFailed prints the dates of a key that was found. A key that is not valid
// yet is "expired" too: people whose clock was wrong have reported that text, and
// the dates tell which it is.
func (a *application) keyFailed(reason string, key *registeredKey) *Error {
	const date = "01/02/2006 15:04:05"
	reason += fmt.Sprintf(", Thumbprint of key used by client: '%X', Found key 'Start=%s, End=%s'",
		key.sha1, key.start.UTC().Format(date), key.end.UTC().Format(date))
	return newError(700027, "reason", reason, "appId", a.AppID, "sni", "")
}
