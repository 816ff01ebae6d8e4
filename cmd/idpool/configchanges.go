package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
)

// configChanges says in numbers what differs between two configs, such as
// "1 application added, 2 identity pools changed".
func configChanges(before, after idpool.Config) string {
	old, edited := configParts(before), configParts(after)
	var parts []string
	for i, kind := range old {
		parts = append(parts, kind.changes(edited[i])...)
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// configKind are the things of one kind in a config, by what identifies them.
type configKind struct {
	name  string
	items map[string]any
}

// configParts takes a config apart. A thing that holds others is without them,
// so that it has not changed because they have.
func configParts(c idpool.Config) []configKind {
	tenants, applications, principals := map[string]any{}, map[string]any{}, map[string]any{}
	for _, t := range c.Tenants {
		for _, a := range t.Applications {
			applications[t.ID+" "+a.AppID] = a
		}
		for _, p := range t.ServicePrincipals {
			principals[t.ID+" "+p.AppID+" "+p.ID] = p
		}
		t.Applications, t.ServicePrincipals = []idp.Application(nil), nil
		tenants[t.ID] = t
	}
	providers, pools := map[string]any{}, map[string]any{}
	for _, p := range c.IdentityProviders {
		for _, one := range p.IdentityPools {
			pools[one.ID] = one
		}
		p.IdentityPools = []pool.Config(nil)
		providers[p.ID] = p
	}
	settings := map[string]any{"organization": c.Organization, "clockSkew": c.ClockSkew}
	return []configKind{{"tenant", tenants}, {"application", applications}, {"service principal", principals},
		{"identity provider", providers}, {"identity pool", pools}, {"setting", settings}}
}

// changes counts what was added, changed and removed.
func (k configKind) changes(after configKind) []string {
	added, changed, removed := 0, 0, 0
	for id, item := range after.items {
		old, had := k.items[id]
		switch {
		case !had:
			added++
		case !reflect.DeepEqual(old, item):
			changed++
		}
	}
	for id := range k.items {
		if _, has := after.items[id]; !has {
			removed++
		}
	}
	var parts []string
	for _, n := range []struct {
		n    int
		what string
	}{{added, "added"}, {changed, "changed"}, {removed, "removed"}} {
		if n.n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", count(n.n, k.name), n.what))
		}
	}
	return parts
}
