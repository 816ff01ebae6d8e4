package idpool

import (
	"fmt"
	"strings"
	"time"

	"github.com/idpool/idpool/idp"
)

// Warnings are what is allowed and would surprise later, a sentence each.
func (c Config) Warnings() []string {
	p, err := c.parts()
	if err != nil {
		return nil
	}
	var warnings []string
	for _, provider := range p.pools {
		for _, compiled := range provider {
			for _, w := range compiled.Warnings() {
				warnings = append(warnings, fmt.Sprintf("pool %q: %s", compiled.Config().ID, w))
			}
		}
	}
	warnings = append(warnings, c.credentialWarnings()...)
	warnings = append(warnings, c.certificateWarnings(p.certificate)...)
	if u := c.Kafka.Upstream; len(u.Users) > 0 && u.User.Username == "" {
		warnings = append(warnings, "kafka.upstream.users: without kafka.upstream.user, the clients of other pools, and of several at once, cannot get to the cluster")
	}
	if len(p.pools) > 0 && len(c.Clusters) == 0 {
		warnings = append(warnings, "the config lists no clusters, so that no client can log in: add clusters: [{id: lkc-…}]")
	}
	return warnings
}

// credentialWarnings are about credentials that let nobody in and roles that no
// token has, by their place.
func (c Config) credentialWarnings() []string {
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	var warnings []string
	for _, t := range c.Tenants {
		roles := unissued(t)
		for _, a := range t.Applications {
			warnings = append(warnings, secretWarnings(a, now())...)
			warnings = append(warnings, keyWarnings(a)...)
			warnings = append(warnings, roleWarnings(a, roles)...)
		}
	}
	return warnings
}

// unissued are the roles of a tenant that no app-only token has, with the
// reason, by lower-case appId and value.
func unissued(t idp.Tenant) map[[2]string]string {
	roles := map[[2]string]string{}
	for _, a := range t.Applications {
		for _, r := range a.AppRoles {
			if why := r.Unissued(); why != "" {
				roles[[2]string{strings.ToLower(a.AppID), r.Value}] = why
			}
		}
	}
	return roles
}

// roleWarnings are about roles that are assigned and yet in no token.
func roleWarnings(client idp.Application, unissued map[[2]string]string) []string {
	var warnings []string
	for _, g := range client.AppRoleAssignments {
		for _, role := range g.Roles {
			if why := unissued[[2]string{strings.ToLower(g.Resource), role}]; why != "" {
				warnings = append(warnings, fmt.Sprintf("application %q: the role %q of %q is assigned, but %s: it is in no token", client.AppID, role, g.Resource, why))
			}
		}
	}
	return warnings
}

func secretWarnings(a idp.Application, now time.Time) []string {
	var warnings []string
	warn := func(i int, format string, args ...any) {
		warnings = append(warnings, fmt.Sprintf("application %q: passwordCredentials[%d]", a.AppID, i)+fmt.Sprintf(format, args...))
	}
	for i, p := range a.PasswordCredentials {
		hint := ""
		if p.Hint != "" {
			hint = fmt.Sprintf(" (hint %q)", p.Hint)
		}
		switch {
		case p.SecretText == "":
			warn(i, "%s has no secretText: it lets nobody in, fill in its value", hint)
		case !p.EndDateTime.IsZero() && p.EndDateTime.Before(now):
			warn(i, " is a secret that ended %s", p.EndDateTime.UTC().Format(time.RFC3339))
		case p.StartDateTime.After(now):
			warn(i, " is a secret that begins %s", p.StartDateTime.UTC().Format(time.RFC3339))
		}
	}
	return warnings
}

func keyWarnings(a idp.Application) []string {
	var warnings []string
	for i, k := range a.KeyCredentials {
		if k.Key == "" && k.File == "" {
			warnings = append(warnings, fmt.Sprintf("application %q: keyCredentials[%d] has no key and no file: it lets nobody in, give the certificate", a.AppID, i))
		}
	}
	return warnings
}
