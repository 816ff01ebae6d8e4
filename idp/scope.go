package idp

import "strings"

const defaultSuffix = "/.default"

// oidcScopes may stand beside the resource: MSAL for Go and for Java add them
// to client credentials too, in any order (azure-ad.md 3.1).
var oidcScopes = map[string]bool{"openid": true, "profile": true, "offline_access": true, "email": true}

// parseScope finds the one resource that a scope names, such as
// api://be587d08-a466-45e9-a02a-dfdda6b4c765 (azure-ad.md 3.1). A slash at the
// end of the resource's URI is kept.
func parseScope(scope string) (resource string, _ *Error) {
	if strings.TrimSpace(scope) == "" {
		return "", newError(90014, "name", "scope")
	}
	for word := range strings.FieldsSeq(scope) {
		if oidcScopes[word] {
			continue
		}
		name, ok := strings.CutSuffix(word, defaultSuffix)
		if !ok {
			return "", newError(1002012, "scope", scope)
		}
		if !isGUID(name) && !isURI(name) {
			return "", newError(70011, "scope", scope)
		}
		if resource != "" && !strings.EqualFold(resource, name) {
			return "", newError(28000, "scope", scope)
		}
		resource = name
	}
	if resource == "" {
		return "", newError(1002012, "scope", scope)
	}
	return resource, nil
}
