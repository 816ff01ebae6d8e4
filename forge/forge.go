// Package forge makes of one valid token every broken twin of it, by name: the
// matrix that whoever verifies tokens must refuse. Each twin says which check of
// package validator refuses it, and which RFC or CVE stands behind that.
//
// Begin with [All], or with [Make] for one twin; [Sign] changes any token by
// hand. Nothing is sent anywhere and nobody is asked: that is for package probe.
// The same [Source] gives the same tokens, byte by byte.
package forge

import (
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/nearest"
)

// Source is a valid token and what it takes to break it.
type Source struct {
	// Token is a compact JWT in RS256 that verifies now.
	Token string
	// Key is the one that signed it.
	Key *idp.Key
	// Other is a key that is published too, but by another tenant or issuer, and
	// not among the keys that Token is verified with. Nil means one of
	// [idp.StrangerKeys].
	Other *idp.Key
	// Published are the ids of the keys that Token may be verified with, beside
	// Key: no twin that pretends to be of another key is signed by one of them.
	Published []string
	// Now is the time of the verifier's clock. It is required: twins that have
	// expired have done so before it.
	Now time.Time
	// OtherIssuer is the iss of another tenant, which the verifier does not
	// trust. Empty means the iss of Token with another tenant id.
	OtherIssuer string
	// Attacker is the URL in jku, x5u and wherever else a token names a place of
	// keys. Empty means https://attacker.invalid/keys, which no one can reach.
	Attacker string
}

// Row describes a twin without making it.
type Row struct {
	// Name is stable, such as "alg-none".
	Name string `json:"name"`
	// Summary says in half a sentence what is broken.
	Summary string `json:"summary"`
	// Check is the check of a validator.Decision that refuses the twin, when the
	// filter of the pool compares roles and aud, and its identity claim is the
	// client's id. It is empty for those that package validator accepts: "valid",
	// and some that are Lenient.
	Check string `json:"check"`
	// Rule is the section of an RFC, or a CVE, that says why.
	Rule string `json:"rule"`
	// Lenient says that a correct verifier may accept the twin. Accepting any
	// other one lets somebody in whom the issuer did not let in, or whose time
	// is over.
	Lenient bool `json:"lenient,omitempty"`
	// Audience says that it is Lenient since it is for another API: an API has to
	// compare aud (RFC 8725 3.9), a Kafka broker does where it is told to.
	Audience bool `json:"audience,omitempty"`
	// Excuse says why a twin is Lenient, and is empty otherwise.
	Excuse string `json:"excuse,omitempty"`
}

// Token is a twin, or the valid token itself, which is named "valid".
type Token struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	// Token is what is sent. It may hold white space, or bytes that no HTTP
	// header can carry: those are broken in that way.
	Token string `json:"token"`
	// Valid is true for "valid" only.
	Valid bool `json:"valid"`
	// Check, Rule, Lenient, Audience and Excuse are those of a Row.
	Check    string `json:"check"`
	Rule     string `json:"rule"`
	Lenient  bool   `json:"lenient,omitempty"`
	Audience bool   `json:"audience,omitempty"`
	Excuse   string `json:"excuse,omitempty"`
}

// Names are the names of all tokens, "valid" first, in the order of All.
func Names() []string {
	var names []string
	for _, t := range twins() {
		names = append(names, t.name)
	}
	return names
}

// Table describes all tokens, "valid" first, in the order of All.
func Table() []Row {
	var rows []Row
	for _, t := range twins() {
		rows = append(rows, t.row())
	}
	return rows
}

// All makes every token, "valid" first. It signs some two hundred times, on all
// processors.
func All(s Source) ([]Token, error) {
	d, err := newDraft(s)
	if err != nil {
		return nil, err
	}
	table := twins()
	tokens, errs := make([]Token, len(table)), make([]error, len(table))
	var workers sync.WaitGroup
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(table); i = int(next.Add(1)) - 1 {
				tokens[i], errs[i] = d.make(table[i])
			}
		})
	}
	workers.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return tokens, nil
}

// Seq makes the tokens of All one by one, as they are asked for. It ends at the
// first error.
func Seq(s Source) iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		d, err := newDraft(s)
		if err != nil {
			yield(Token{}, err)
			return
		}
		for _, twin := range twins() {
			t, err := d.make(twin)
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// Make makes the token of a name.
func Make(s Source, name string) (Token, error) {
	for _, t := range twins() {
		if t.name != name {
			continue
		}
		d, err := newDraft(s)
		if err != nil {
			return Token{}, err
		}
		return d.make(t)
	}
	if near := nearest.To(name, Names()); near != "" {
		return Token{}, fmt.Errorf("forge: there is no token %q; did you mean %q?", name, near)
	}
	return Token{}, fmt.Errorf("forge: there is no token %q", name)
}
