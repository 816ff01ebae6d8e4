package idp

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MintRequest asks for a token that Azure would not issue.
type MintRequest struct {
	// TokenRequest says who asks, for what. It has to be one that Token would
	// grant; InsecureSkipCredential makes it one of any application.
	TokenRequest
	// Claims replace those of the token, and come in addition to them. Nil
	// removes a claim; a claim that is null is a jsontext.Value("null").
	Claims map[string]any
	// Header replaces members of the header in the same way. It is written and
	// not obeyed: whatever alg and kid it names, the tenant's key signs with
	// RS256. For other signatures see [Key.Signer].
	Header map[string]any
	// IssuedAt is when the token is made. As in Azure, its iat and nbf lie five
	// minutes before, and exp one Lifetime after. Zero means now.
	IssuedAt time.Time
	// Lifetime may be negative, for a token that ends before it begins. Zero
	// means Azure's: an hour, for managed identities a day.
	Lifetime time.Duration
}

// Mint issues an access token as Token does, with any of its claims, header and
// times changed. Its error is an *Error: that of Token, or an invalid_request
// without a number that names a claim which is no JSON. Of a token that has
// ended, expires_in is 0.
func (s *Server) Mint(ctx context.Context, publicURL string, r MintRequest) (TokenResponse, error) {
	claims, refused := members("claim", r.Claims)
	if refused != nil {
		return TokenResponse{}, refused
	}
	header, refused := members("header", r.Header)
	if refused != nil {
		return TokenResponse{}, refused
	}
	g, refused := s.grant(ctx, publicURL, r.prepared())
	if refused != nil {
		return TokenResponse{}, refused
	}
	g.issuedAt, g.changed, g.header = r.IssuedAt, claims, header
	if r.Lifetime != 0 {
		g.lifetime = r.Lifetime
	}
	token, refused := s.issue(ctx, g)
	if refused != nil {
		return TokenResponse{}, refused
	}
	response := token.response()
	left := time.Unix(token.claims.Exp, 0).Sub(s.config.Now())
	response.ExpiresIn = max(int(left/time.Second), 0)
	response.ExtExpiresIn = response.ExpiresIn
	return response, nil
}

// members encodes what is to be changed, by name. Those to remove have no value.
func members(kind string, values map[string]any) ([]member, *Error) {
	var list []member
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !utf8.ValidString(name) {
			return nil, noJSON(kind, name, "its name is no UTF-8")
		}
		m := member{name: name}
		if v := values[name]; v != nil {
			value, err := json.Marshal(v, json.Deterministic(true))
			if err != nil {
				return nil, noJSON(kind, name, err.Error())
			}
			m.value = value
		}
		list = append(list, m)
	}
	return list, nil
}

func noJSON(kind, name, why string) *Error {
	return &Error{Code: "invalid_request", Status: http.StatusBadRequest, Message: fmt.Sprintf("%s %q is no JSON: %s", kind, name, why)}
}

// changed is a JSON object with some of its members replaced, removed, or added
// where the alphabet has them. The changes are sorted by name.
func changed(object []byte, changes []member) []byte {
	if len(changes) == 0 {
		return object
	}
	added := slices.Clone(changes)
	var out bytes.Buffer
	d := jsontext.NewDecoder(bytes.NewReader(object))
	e := jsontext.NewEncoder(&out)
	_, _ = d.ReadToken() // of what was marshaled, into a buffer: nothing here fails
	_ = e.WriteToken(jsontext.BeginObject)
	for d.PeekKind() == '"' {
		token, _ := d.ReadToken()
		name := token.String()
		value, _ := d.ReadValue()
		if i := slices.IndexFunc(added, func(m member) bool { return m.name == name }); i >= 0 {
			value = added[i].value
			added = slices.Delete(added, i, i+1)
		}
		if value != nil {
			_ = e.WriteToken(jsontext.String(name))
			_ = e.WriteValue(value)
		}
	}
	_ = e.WriteToken(jsontext.EndObject)
	added = slices.DeleteFunc(added, func(m member) bool { return m.value == nil })
	return withMembers(bytes.TrimSuffix(out.Bytes(), []byte("\n")), added)
}
