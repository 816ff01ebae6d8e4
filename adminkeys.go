package idpool

import (
	"net/http"
	"time"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/openapi"
)

// keyList are the keys of a tenant.
type keyList struct {
	// Keys are those that are or were published.
	Keys []idp.KeyState `json:"keys" openapi:"required"`
}

// rollRequest is the body of a key's roll. Without anything in it the old key is
// gone at once.
type rollRequest struct {
	// Wait is how long the new key is published before it signs.
	Wait Duration `json:"wait,omitempty"`
	// Retire is how long after that the old key stays published.
	Retire Duration `json:"retire,omitempty"`
}

// longestRoll bounds both, so that no sum overflows.
const longestRoll = 10 * 365 * 24 * time.Hour

func keyEndpoints() []endpoint {
	const tag = "keys"
	tenant := map[string]string{"tenant": "The tenant's id or one of its domains."}
	key := map[string]string{"tenant": tenant["tenant"], "kid": "The id of the key."}
	keys := answers(http.StatusOK, "The keys of the tenant as they are now.", keyList{})
	missing := []int{http.StatusNotFound, http.StatusUnprocessableEntity}
	return []endpoint{
		{Operation: openapi.Operation{Method: "GET", Path: "/v1/tenants/{tenant}/keys", ID: "listKeys", Tag: tag, PathParams: tenant,
			Summary: "The signing keys of a tenant, published or not", Responses: keys, Problems: missing[:1]},
			do: (*call).listKeys},
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/tenants/{tenant}/keys/roll", ID: "rollKeys", Tag: tag, PathParams: tenant,
			Summary: "Publish a new key, sign with it after a while, retire the old one after another", Description: "The clock decides when; an empty object does all at once.",
			Request: rollRequest{}, Responses: keys, Problems: append([]int{http.StatusNotFound}, bodyProblems...)},
			do: (*call).rollKeys},
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/tenants/{tenant}/keys/reset", ID: "resetKeys", Tag: tag, PathParams: tenant,
			Summary: "Return to the keys that the tenant began with", Responses: keys, Problems: missing[:1]},
			do: (*call).resetKeys},
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/tenants/{tenant}/keys/{kid}/revoke", ID: "revokeKey", Tag: tag, PathParams: key,
			Summary: "Take a key out of the JWKS at once", Responses: keys, Problems: missing},
			do: (*call).revokeKey},
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/tenants/{tenant}/keys/{kid}/restore", ID: "restoreKey", Tag: tag, PathParams: key,
			Summary: "Publish a key again that was revoked or has retired", Responses: keys, Problems: missing},
			do: (*call).restoreKey},
	}
}

// keysTenant is the tenant of the path.
func (c *call) keysTenant() (string, error) {
	word := c.path("tenant")
	if id := c.current().idp.TenantID(c.own("tenant")); id != "" {
		return id, nil
	}
	return "", refused(http.StatusNotFound, "there is no tenant %q", word)
}

// keysAfter answers with the keys of a tenant after something was done to them.
func (c *call) keysAfter(do func(tenantID string) error) (reply, error) {
	id, err := c.keysTenant()
	if err != nil {
		return reply{}, err
	}
	if err := do(id); err != nil {
		return reply{}, err
	}
	states, err := c.Keys(id)
	return reply{status: http.StatusOK, body: keyList{states}}, err
}

func (c *call) listKeys() (reply, error) { return c.keysAfter(func(string) error { return nil }) }

func (c *call) rollKeys() (reply, error) {
	return c.keysAfter(func(id string) error {
		var in rollRequest
		if err := c.read(&in); err != nil {
			return err
		}
		if err := within("wait", in.Wait, longestRoll); err != nil {
			return err
		}
		if err := within("retire", in.Retire, longestRoll); err != nil {
			return err
		}
		_, err := c.RollKeys(id, idp.Roll{Wait: time.Duration(in.Wait), Retire: time.Duration(in.Retire)})
		return err
	})
}

func (c *call) resetKeys() (reply, error) {
	return c.keysAfter(func(id string) error { c.ResetKeys(id); return nil })
}

func (c *call) revokeKey() (reply, error) {
	return c.keysAfter(func(id string) error { return c.forKey(id, c.RevokeKey) })
}

func (c *call) restoreKey() (reply, error) {
	return c.keysAfter(func(id string) error { return c.forKey(id, c.RestoreKey) })
}

// forKey does something to the key of the path, if the tenant has it.
func (c *call) forKey(tenantID string, do func(tenant, kid string) error) error {
	states, err := c.Keys(tenantID)
	if err != nil {
		return err
	}
	kid := c.path("kid")
	for _, k := range states {
		if k.KID == kid {
			return do(tenantID, kid)
		}
	}
	return refused(http.StatusNotFound, "the tenant has no key %q", kid)
}
