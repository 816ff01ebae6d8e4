package idp

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"reflect"
	"slices"
	"strings"
	"time"

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
	Idtyp    string   `json:"idtyp,omitempty"`    // if the resource asks for it
	Oid      string   `json:"oid"`
	Rh       string   `json:"rh"`
	Roles    []string `json:"roles,omitempty"`
	Sub      string   `json:"sub"`
	Tid      string   `json:"tid"`
	Uti      string   `json:"uti"`
	Ver      string   `json:"ver"`
	XmsFtd   string   `json:"xms_ftd"`
	XmsMirid string   `json:"xms_mirid,omitempty"` // managed identities

	extra []member
	// changed and header are the changes of a MintRequest.
	changed, header []member
}

// OwnClaims are the names of the claims that Azure sets itself, which a config
// cannot give to claims of its own, in the order of the token.
func OwnClaims() []string { return slices.Clone(ownClaims) }

var ownClaims = func() []string {
	var names []string
	for f := range reflect.TypeFor[claims]().Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}()

// The values of azpacr and appidacr: how the client proved itself.
const (
	bySecret    = "1"
	byAssertion = "2" // a certificate, a token of another issuer, a managed identity
)

// grant is a token to be: who gets it, for what.
type grant struct {
	base         string // the public URL of the listener
	client       *application
	resource     *application
	resourceName string // as the client asked for it
	acr          string
	lifetime     time.Duration
	// issuedAt, changed and header are those of a MintRequest. A zero issuedAt
	// is now.
	issuedAt        time.Time
	changed, header []member
}

// claims of the token of a grant.
func (s *Server) claims(g grant) claims {
	now, client, t := g.issuedAt, g.client, g.client.in
	if now.IsZero() {
		now = s.config.Now()
	}
	object := client.objectID()
	c := claims{
		Iat:   now.Add(-backdate).Unix(),
		Nbf:   now.Add(-backdate).Unix(),
		Exp:   now.Add(g.lifetime).Unix(),
		Oid:   object,
		Roles: client.granted[strings.ToLower(g.resource.AppID)],
		Sub:   object,
		Tid:   t.ID,
		extra: client.extra,

		changed: g.changed, header: g.header,
	}
	if g.resource.idtyp {
		c.Idtyp = "app"
	}
	if client.principal.Type == managedIdentity {
		c.XmsMirid = client.principal.armID()
	}
	c.opaque()
	if g.resource.TokenVersion() == 2 {
		c.Aud, c.Iss, c.Ver = g.resource.AppID, s.Issuer(g.base, t.ID), "2.0"
		c.Azp, c.AzpAcr = client.AppID, g.acr
		return c
	}
	c.Aud, c.Iss, c.Ver = g.resourceName, v1Issuer(t.ID), "1.0"
	c.AppID, c.AppIDAcr, c.Idp = client.AppID, g.acr, v1Issuer(t.ID)
	if g.resource.guidAud {
		c.Aud = g.resource.AppID
	}
	return c
}

func v1Issuer(tenantID string) string { return "https://sts.windows.net/" + tenantID + "/" }

// opaque fills the claims that mean something to Azure only. Their shapes are
// those of published tokens: aio 60 characters, rh with its version, uti 22.
func (c *claims) opaque() {
	var random [45 + 36 + 16 + 51]byte
	rand.Read(random[:]) // never fails: crypto/rand.Read documents it
	c.Aio = "k2Jg" + base64.RawURLEncoding.EncodeToString(random[:42])
	c.Rh = "1.AR" + base64.RawURLEncoding.EncodeToString(random[45:81]) + "AAA."
	c.Uti = base64.RawURLEncoding.EncodeToString(random[81:97])
	c.XmsFtd = base64.RawURLEncoding.EncodeToString(random[97:])
}

// payload is the claims as JSON, those of the config among Azure's, and then as
// a MintRequest has them.
func (c claims) payload() ([]byte, error) {
	payload, err := marshal(c)
	if err != nil {
		return nil, err
	}
	return changed(withMembers(payload, c.extra), c.changed), nil
}

// sign makes the compact JWS (RFC 7515 7.1) with the header in Azure's order.
func (c claims) sign(key *Key) (string, error) {
	payload, err := c.payload()
	if err != nil {
		return "", err
	}
	header := `{"typ":"JWT","alg":"RS256","kid":"` + key.ID + `"}`
	if c.Ver == "1.0" {
		header = `{"typ":"JWT","alg":"RS256","x5t":"` + key.ID + `","kid":"` + key.ID + `"}`
	}
	return key.compact(changed([]byte(header), c.header), payload)
}

// marshal writes JSON as Azure does: in the struct's order, on one line, and
// without escaping <, > and &, as encoding/json would. What a client sent may
// come back in an error; bytes that are no UTF-8 become U+FFFD.
func marshal(v any) ([]byte, error) { return json.Marshal(v, jsontext.AllowInvalidUTF8(true)) }

// member is a name and a value of a JSON object.
type member struct {
	name  string
	value []byte
}

// fixedOrder is how many claims stand first, before the alphabetical ones.
const fixedOrder = 5

// withMembers puts members, which are sorted, where the alphabet has them in a
// payload. Payloads are what claims marshal to: flat but for roles.
func withMembers(payload []byte, members []member) []byte {
	if len(members) == 0 {
		return payload
	}
	var out bytes.Buffer
	d := jsontext.NewDecoder(bytes.NewReader(payload))
	e := jsontext.NewEncoder(&out)
	write := func(m member) {
		_ = e.WriteToken(jsontext.String(m.name)) // into a buffer, of what was marshaled: neither fails
		_ = e.WriteValue(m.value)
	}
	_, _ = d.ReadToken()
	_ = e.WriteToken(jsontext.BeginObject)
	for i := 0; d.PeekKind() == '"'; i++ {
		name, _ := d.ReadToken()
		own := member{name: name.String()}
		for i >= fixedOrder && len(members) > 0 && members[0].name < own.name {
			write(members[0])
			members = members[1:]
		}
		own.value, _ = d.ReadValue()
		write(own)
	}
	for _, m := range members {
		write(m)
	}
	_ = e.WriteToken(jsontext.EndObject)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
