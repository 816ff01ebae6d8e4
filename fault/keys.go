package fault

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/idpool/idpool/idp"
)

// The kinds of broken key sets that take keys from elsewhere.
const (
	stale       = "stale"
	otherTenant = "other-tenant"
)

// KeySets are what may be wrong with the published keys:
//
//   - empty: no key
//   - stale: keys that are not published any more instead of those that sign, or
//     when there are none such that never were nor will be
//   - other-tenant: keys of another tenant, whose issuer they name
//   - no-kid, no-alg, no-use: no key has the member
//   - alg: each key has alg RS256, which Azure leaves out
//   - shuffled: another order
//   - duplicate-kid: before each key another one with the same kid
//   - huge: 4096 other keys, over 2 MB, before the right ones
//   - no-keys-member: an object without keys
//   - not-json: a word that is no JSON, with JSON's Content-Type
func KeySets() []string {
	return []string{"empty", stale, otherTenant, "no-kid", "no-alg", "alg", "no-use", "shuffled", "duplicate-kid", "huge",
		"no-keys-member", "not-json"}
}

// brokenKeys makes the key set of the fault out of the real one.
func (x *injection) brokenKeys(body []byte) ([]byte, error) {
	kind := x.armed.fault.JWKS
	switch kind {
	case "no-keys-member":
		return []byte("{}"), nil
	case "not-json":
		return []byte("no JSON"), nil
	}
	var set struct{ Keys []jsonWebKey }
	if err := json.Unmarshal(body, &set); err != nil || len(set.Keys) == 0 {
		return nil, errors.New("jwks: the real answer has no keys to change")
	}
	changed := struct {
		Keys []jsonWebKey `json:"keys"`
	}{x.changed(kind, set.Keys)}
	return json.Marshal(changed)
}

// changed are the keys of the kinds that are a list at all.
func (x *injection) changed(kind string, keys []jsonWebKey) []jsonWebKey {
	switch kind {
	case "empty":
		return []jsonWebKey{}
	case stale:
		return x.foreign(kind, keys)
	case otherTenant:
		return ofAnother(x.foreign(kind, keys), x.r.tenantID)
	case "no-kid", "no-alg", "no-use":
		return each(keys, func(k jsonWebKey) jsonWebKey { return k.without(strings.TrimPrefix(kind, "no-")) })
	case "alg":
		return each(keys, func(k jsonWebKey) jsonWebKey { return k.with("alg", "RS256") })
	case "shuffled":
		return x.armed.shuffled(keys)
	case "duplicate-kid":
		return x.doubled(keys)
	}
	return append(filling(keys[0]), keys...) // huge
}

// each applies a change to every key.
func each(keys []jsonWebKey, change func(jsonWebKey) jsonWebKey) []jsonWebKey {
	out := make([]jsonWebKey, len(keys))
	for i, k := range keys {
		out[i] = change(k)
	}
	return out
}

// foreign are keys that the tenant does not publish, in the form of those that
// it does, and at most as many.
func (x *injection) foreign(kind string, like []jsonWebKey) []jsonWebKey {
	var out []jsonWebKey
	for _, k := range x.strangers(kind, like) {
		if len(out) < len(like) {
			out = append(out, like[0].of(k))
		}
	}
	return out
}

// strangers are keys of a kind that are not published.
func (x *injection) strangers(kind string, published []jsonWebKey) []*idp.Key {
	isPublished := func(k *idp.Key) bool {
		return slices.ContainsFunc(published, func(p jsonWebKey) bool { return p.text("kid") == k.ID })
	}
	var keys []*idp.Key
	if x.set.config.Keys != nil {
		keys = slices.DeleteFunc(slices.Clone(x.set.config.Keys(kind, x.r.tenantID)), isPublished)
	}
	if len(keys) == 0 {
		keys = slices.DeleteFunc(nobodys(kind), isPublished)
	}
	return keys
}

// nobodys are keys that no server has. No two kinds have one in common, and none
// has the first two, with which package forge signs: a broken token is refused
// whatever is wrong with the keys.
func nobodys(kind string) []*idp.Key {
	keys := idp.StrangerKeys()[2:]
	if kind == otherTenant {
		return keys[3:]
	}
	return keys[:3]
}

// ofAnother names another tenant in the issuers of keys. Which one depends on
// the tenant alone.
func ofAnother(keys []jsonWebKey, tenantID string) []jsonWebKey {
	another := uuid.NewSHA1(uuid.NameSpaceURL, []byte("another tenant than "+tenantID)).String()
	return each(keys, func(k jsonWebKey) jsonWebKey {
		issuer := k.text("issuer")
		if issuer == "" {
			return k
		}
		return k.with("issuer", strings.Replace(issuer, tenantID, another, 1))
	})
}

// doubled has before each key another one with its kid: who takes the first one
// that fits takes the wrong one.
func (x *injection) doubled(keys []jsonWebKey) []jsonWebKey {
	strangers := nobodys(stale)
	var out []jsonWebKey
	for i, k := range keys {
		out = append(out, k.of(strangers[i%len(strangers)]).with("kid", k.text("kid")), k)
	}
	return out
}

// shuffled is another order than the real one, if there is another.
func (a *armed) shuffled(keys []jsonWebKey) []jsonWebKey {
	out := slices.Clone(keys)
	a.mu.Lock()
	a.order.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	a.mu.Unlock()
	if len(out) > 1 && slices.EqualFunc(out, keys, func(a, b jsonWebKey) bool { return a.text("kid") == b.text("kid") }) {
		out = append(out[1:], out[0])
	}
	return out
}

// filling are keys that nobody has, the same ones each time, in the form of one.
// They are no products of primes, which nobody can see who does not factor them,
// and so cost nothing to make.
func filling(like jsonWebKey) []jsonWebKey {
	random := rand.New(rand.NewPCG(1, 1))
	number := func(size int) []byte {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		b[0], b[size-1] = b[0]|0x80, b[size-1]|1 // a modulus is as long as it says, and odd
		return b
	}
	plain := like.without("x5c")
	out := make([]jsonWebKey, 4096)
	for i := range out {
		id := base64.RawURLEncoding.EncodeToString(number(20))
		out[i] = plain.with("kid", id).with("x5t", id).with("n", base64.RawURLEncoding.EncodeToString(number(256)))
	}
	return out
}

// jsonWebKey is a key whose members keep their order, and any members at all: what
// the identity provider adds to its keys one day is in the broken ones too.
type jsonWebKey []member

// member is a member of an object.
type member struct {
	name  string
	value json.RawMessage
}

// UnmarshalJSON reads the members of an object.
func (k *jsonWebKey) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return errors.New("a key is no object")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		m := member{name: name.(string)} // the decoder lets nothing else stand there
		if err := decoder.Decode(&m.value); err != nil {
			return err
		}
		*k = append(*k, m)
	}
	return nil
}

// MarshalJSON writes the members in their order.
func (k jsonWebKey) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, m := range k {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, quoted(m.name)...), ':'), m.value...)
	}
	return append(out, '}'), nil
}

// text is a member that is a text, or empty.
func (k jsonWebKey) text(name string) (text string) {
	if i := k.index(name); i >= 0 {
		_ = json.Unmarshal(k[i].value, &text) // another type is no text
	}
	return text
}

// index is where a member is, or -1.
func (k jsonWebKey) index(name string) int {
	return slices.IndexFunc(k, func(m member) bool { return m.name == name })
}

// without leaves a member out. It and those that follow change a copy.
func (k jsonWebKey) without(name string) jsonWebKey {
	return slices.DeleteFunc(slices.Clone(k), func(m member) bool { return m.name == name })
}

// with sets a member, at its place or at the end.
func (k jsonWebKey) with(name, value string) jsonWebKey {
	k = slices.Clone(k)
	if i := k.index(name); i >= 0 {
		k[i].value = quoted(value)
		return k
	}
	return append(k, member{name, quoted(value)})
}

// of is a key in the form of k.
func (k jsonWebKey) of(key *idp.Key) jsonWebKey {
	public := key.Public()
	b64 := base64.RawURLEncoding
	k = k.with("kid", key.ID).with("x5t", key.ID).
		with("n", b64.EncodeToString(public.N.Bytes())).
		with("e", b64.EncodeToString(big.NewInt(int64(public.E)).Bytes()))
	if i := k.index("x5c"); i >= 0 {
		k[i].value, _ = json.Marshal([]string{base64.StdEncoding.EncodeToString(key.Certificate)}) // a list of text marshals
	}
	return k
}

// quoted is a text as JSON, which has no text that it cannot write.
func quoted(s string) json.RawMessage {
	text, _ := json.Marshal(s)
	return text
}
