package idp

import (
	"crypto/rand"
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// claims are the payload of an app-only access token, in Azure's order: aud,
// iss and the times first, the rest alphabetical (azure-ad.md 3.6). One struct
// serves both versions; what a version lacks stays empty.
type claims struct {
	Aud      string   `json:"aud"`
	Iss      string   `json:"iss"`
	Iat      int64    `json:"iat"`
	Nbf      int64    `json:"nbf"`
	Exp      int64    `json:"exp"`
	Aio      string   `json:"aio"`
	AppID    string   `json:"appid,omitempty"`    // v1.0
	AppIDAcr string   `json:"appidacr,omitempty"` // v1.0
	Azp      string   `json:"azp,omitempty"`      // v2.0
	AzpAcr   string   `json:"azpacr,omitempty"`   // v2.0
	Idp      string   `json:"idp,omitempty"`      // v1.0
	Oid      string   `json:"oid"`
	Rh       string   `json:"rh"`
	Roles    []string `json:"roles,omitempty"`
	Sub      string   `json:"sub"`
	Tid      string   `json:"tid"`
	Uti      string   `json:"uti"`
	Ver      string   `json:"ver"`
}

// authenticatedBySecret is azpacr and appidacr of a client that proved itself
// with a secret.
const authenticatedBySecret = "1"

// claims of a token for a resource that the client named in its scope.
func (s *Server) claims(publicURL string, t *tenant, client, resource *application, resourceName string) claims {
	now := s.config.Now()
	c := claims{
		Iat:   now.Add(-backdate).Unix(),
		Nbf:   now.Add(-backdate).Unix(),
		Exp:   now.Add(lifetime).Unix(),
		Oid:   client.objectID,
		Roles: client.granted[strings.ToLower(resource.AppID)],
		Sub:   client.objectID,
		Tid:   t.ID,
	}
	c.opaque()
	if resource.TokenVersion() == 2 {
		c.Aud, c.Iss, c.Ver = resource.AppID, s.Issuer(publicURL, t.ID), "2.0"
		c.Azp, c.AzpAcr = client.AppID, authenticatedBySecret
		return c
	}
	c.Aud, c.Iss, c.Ver = resourceName, v1Issuer(t.ID), "1.0"
	c.AppID, c.AppIDAcr, c.Idp = client.AppID, authenticatedBySecret, v1Issuer(t.ID)
	return c
}

func v1Issuer(tenantID string) string { return "https://sts.windows.net/" + tenantID + "/" }

// opaque fills the claims that mean something to Azure only. Their shapes are
// those of published tokens: aio 60 characters, rh with its version, uti 22.
func (c *claims) opaque() {
	var random [45 + 36 + 16]byte
	rand.Read(random[:]) // never fails: crypto/rand.Read documents it
	c.Aio = "k2Jg" + base64.RawURLEncoding.EncodeToString(random[:42])
	c.Rh = "1.AR" + base64.RawURLEncoding.EncodeToString(random[45:81]) + "AAA."
	c.Uti = base64.RawURLEncoding.EncodeToString(random[81:])
}

// sign makes the compact JWS (RFC 7515 7.1) with the header in Azure's order.
func (c claims) sign(key *Key) (string, error) {
	payload, err := marshal(c)
	if err != nil {
		return "", err
	}
	header := `{"typ":"JWT","alg":"RS256","kid":"` + key.ID + `"}`
	if c.Ver == "1.0" {
		header = `{"typ":"JWT","alg":"RS256","x5t":"` + key.ID + `","kid":"` + key.ID + `"}`
	}
	b64 := base64.RawURLEncoding
	token := make([]byte, 0, 2048)
	token = b64.AppendEncode(token, []byte(header))
	token = append(token, '.')
	token = b64.AppendEncode(token, payload)
	signature, err := key.sign(token)
	if err != nil {
		return "", err
	}
	token = append(token, '.')
	return string(b64.AppendEncode(token, signature)), nil
}

// marshal writes JSON as Azure does: in the struct's order, on one line, and
// without escaping <, > and &, as encoding/json would. What a client sent may
// come back in an error; bytes that are no UTF-8 become U+FFFD.
func marshal(v any) ([]byte, error) { return json.Marshal(v, jsontext.AllowInvalidUTF8(true)) }
