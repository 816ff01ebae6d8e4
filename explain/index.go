package explain

import (
	"slices"
	"strings"
)

// index finds applications without looking at each. It holds places in
// Facts.Applications, and says only who may be meant: those who ask look again.
type index struct {
	byName map[string][]int // by lower-case appId and identifier URI
	byRole map[string][]int // by the value of a role that it defines
}

// Indexed returns the same Facts, which answer as fast with ten thousand
// applications as with two. They must not be changed after that.
func (f Facts) Indexed() Facts {
	x := &index{byName: make(map[string][]int, 2*len(f.Applications)), byRole: map[string][]int{}}
	for i, a := range f.Applications {
		for _, name := range append([]string{a.AppID}, a.IdentifierURIs...) {
			name = folded(name)
			if at := x.byName[name]; len(at) == 0 || at[len(at)-1] != i {
				x.byName[name] = append(at, i)
			}
		}
		for _, role := range a.Roles {
			x.byRole[role] = append(x.byRole[role], i)
		}
	}
	f.index = x
	return f
}

// folded is a name as the index has it. An appId may come as api://<appId>.
func folded(name string) string {
	name = strings.ToLower(strings.TrimSuffix(name, "/"))
	if guid, ok := strings.CutPrefix(name, "api://"); ok && isGUID(guid) {
		return guid
	}
	return name
}

// called are the places of the applications that a name may mean, in order.
func (f Facts) called(name string) []int {
	if f.index == nil {
		return places(len(f.Applications))
	}
	return f.index.byName[folded(name)]
}

// defining are the places of the applications that may define one of the roles,
// in order.
func (f Facts) defining(roles []string) []int {
	if f.index == nil {
		return places(len(f.Applications))
	}
	var at []int
	for _, role := range roles {
		at = append(at, f.index.byRole[role]...)
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// places are 0 to n-1.
func places(n int) []int {
	at := make([]int, n)
	for i := range at {
		at[i] = i
	}
	return at
}
