package fault

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// azureTime is how Azure writes times in its messages.
const azureTime = "2006-01-02T15:04:05.0000000Z"

// words replace the placeholders of Azure's texts that the identity provider
// itself would fill from what was wrong with the request. Here nothing was: the
// request has the words where it can, and the rest is what is wrong most often.
func (r *request) words(number int, now time.Time) []string {
	now = now.UTC()
	name := r.client()
	switch number {
	case 900144:
		name = "grant_type"
	case 90014, 9000411:
		name = "scope"
	}
	proof := r.assertion()
	return []string{
		"name", name,
		"resourceName", strings.TrimSuffix(r.asked(), "/.default"),
		"grant", r.parameter("grant_type"),
		"methods", "POST, OPTIONS",
		"reason", "The key was not found.", "sni", "", "subjects", "CN=unknown",
		"alg", cmp.Or(proof.Alg, "HS256"), "kid", cmp.Or(proof.Kid, "unknown"),
		"iss", cmp.Or(proof.Iss, "https://issuer.example"), "sub", cmp.Or(proof.Sub, "unknown"),
		"aud", cmp.Or(proof.aud(), "api://AzureADTokenExchange"),
		"now", now.Format(azureTime), "nbf", now.Add(-2 * time.Hour).Format(azureTime), "exp", now.Add(-time.Hour).Format(azureTime),
	}
}

// asked is the scope, or the resource of the v1.0 endpoint.
func (r *request) asked() string { return cmp.Or(r.parameter("scope"), r.parameter("resource")) }

// assertion is what a client assertion says of itself, unverified: for messages
// alone.
type assertion struct {
	Alg, Kid, Iss, Sub string
	Aud                any
}

// aud is the audience if it is one.
func (a assertion) aud() string {
	one, _ := a.Aud.(string)
	return one
}

// assertion reads the client's assertion; whatever cannot be read is empty.
func (r *request) assertion() assertion {
	var a assertion
	for part := range strings.SplitSeq(r.parameter("client_assertion"), ".") {
		if text, err := base64.RawURLEncoding.DecodeString(part); err == nil {
			_ = json.Unmarshal(text, &a) // the signature is no JSON
		}
	}
	return a
}
