package forge

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/idpool/idpool/idp"
)

// otherTenant is the id of a tenant that does not exist.
const otherTenant = "0d0b8f52-7c2e-4b6a-9d35-fa6f2d1c9e47"

// draft is a Source taken apart. Errors of signing stay in it, so that making a
// twin is one expression.
type draft struct {
	Source
	header, claims object
	parts          [3]string
	signature      []byte
	public         *rsa.PublicKey
	stranger       *idp.Key // published nowhere: the attacker's own
	err            error
}

// newDraft takes a Source apart and sees to it that the token is valid, since a
// matrix of twins of anything else would blame the verifier for it.
func newDraft(s Source) (*draft, error) {
	d := &draft{Source: s}
	if s.Key == nil || s.Now.IsZero() {
		return nil, errors.New("forge: a Source needs a Key and Now")
	}
	d.public = s.Key.Public()
	if err := d.fill(); err != nil {
		return nil, err
	}
	if err := d.takeApart(); err != nil {
		return nil, err
	}
	if alg, kid := d.header.string("alg"), d.header.string("kid"); alg != "RS256" || kid != s.Key.ID {
		return nil, fmt.Errorf("forge: the token has alg %q and kid %q, want %q and the Key's %q", alg, kid, "RS256", s.Key.ID)
	}
	if !verifies(d.public, d.parts[0]+"."+d.parts[1], d.signature) {
		return nil, errors.New("forge: the signature of the token is not that of the Key")
	}
	if exp, ok := d.claims.number("exp"); !ok || exp <= seconds(s.Now) {
		return nil, fmt.Errorf("forge: the token has exp %s, want a time after Now, %d", d.claims.value("exp"), s.Now.Unix())
	}
	if d.OtherIssuer == "" {
		d.OtherIssuer = d.inTenant(otherTenant)
	}
	return d, nil
}

// fill sets what the Source leaves out.
func (d *draft) fill() error {
	if d.Attacker == "" {
		d.Attacker = "https://attacker.invalid/keys"
	}
	spare := slices.DeleteFunc(idp.StrangerKeys(), func(k *idp.Key) bool {
		return k.ID == d.Key.ID || slices.Contains(d.Published, k.ID) || d.Other != nil && d.Other.ID == k.ID
	})
	if d.Other == nil && len(spare) > 0 {
		d.Other, spare = spare[0], spare[1:]
	}
	if len(spare) == 0 { // so many are published that no fixed one is left
		made, err := madeKeys()
		if err != nil {
			return err
		}
		spare = made
	}
	d.stranger = spare[0]
	if d.Other == nil {
		d.Other = spare[1]
	}
	return nil
}

// madeKeys are those of an attacker who cannot have fixed ones. Making them takes
// as long as hundreds of signatures.
var madeKeys = sync.OnceValues(func() ([]*idp.Key, error) {
	ring, err := idp.GenerateKeys(time.Now())
	if err != nil {
		return nil, fmt.Errorf("forge: %v", err)
	}
	return ring.Keys(), nil
})

// takeApart reads the token.
func (d *draft) takeApart() error {
	var decoded [3][]byte
	parts := strings.Split(d.Token, ".")
	if len(parts) != len(d.parts) {
		return fmt.Errorf("forge: the token has %d parts, want a signed JWT with 3", len(parts))
	}
	for i, part := range parts {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return fmt.Errorf("forge: the token is not base64url in its part %d", i+1)
		}
		d.parts[i], decoded[i] = part, text
	}
	var err error
	if d.header, err = parseObject(decoded[0]); err != nil {
		return fmt.Errorf("forge: the header of the token %v", err)
	}
	if d.claims, err = parseObject(decoded[1]); err != nil {
		return fmt.Errorf("forge: the payload of the token %v", err)
	}
	d.signature = decoded[2]
	return nil
}

// note keeps the first error.
func (d *draft) note(err error) {
	if d.err == nil {
		d.err = err
	}
}

// sign is a token of a header and a payload as they are written, signed by the
// right key with RS256.
func (d *draft) sign(header, payload string) string {
	return d.signAs(d.Key, "RS256", compact(header, payload))
}

// signAs is a token of the first two parts, signed with a key and an algorithm,
// whatever the header says.
func (d *draft) signAs(k *idp.Key, alg, input string) string {
	signature, err := signature(k, alg, input)
	d.note(err)
	return input + "." + encode(signature)
}

// strange is a token with this header, signed by the attacker's own key.
func (d *draft) strange(header object) string {
	return d.signAs(d.stranger, "RS256", compact(header.text(), d.claims.text()))
}

// unsigned are the first two parts of a token with this header.
func (d *draft) unsigned(header object) string { return compact(header.text(), d.claims.text()) }

// claim makes the token with one claim changed, signed again. The value is JSON.
func claim(name, value string) func(*draft) string {
	return func(d *draft) string { return d.sign(d.header.text(), d.claims.with(name, value).text()) }
}

// noClaim makes the token without claims, signed again.
func noClaim(names ...string) func(*draft) string {
	return func(d *draft) string { return d.sign(d.header.text(), d.claims.without(names...).text()) }
}

// headed makes the token with one member of the header changed, signed again.
func headed(name, value string) func(*draft) string {
	return func(d *draft) string { return d.sign(d.header.with(name, value).text(), d.claims.text()) }
}

// payload makes a token with a payload of any text, signed again.
func payload(text func(claims string) string) func(*draft) string {
	return func(d *draft) string { return d.sign(d.header.text(), text(d.claims.text())) }
}

// at is a NumericDate so much after now, as JSON.
func (d *draft) at(after time.Duration) string { return fmt.Sprint(d.Now.Add(after).Unix()) }

// seconds is a NumericDate.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / float64(time.Second) }

// inTenant is the issuer of another tenant, or what comes near when the token's
// issuer does not name its tenant.
func (d *draft) inTenant(tenant string) string {
	issuer, own := d.claims.string("iss"), d.claims.string("tid")
	if own != "" && strings.Contains(issuer, own) {
		return strings.Replace(issuer, own, tenant, 1)
	}
	return strings.TrimSuffix(issuer, "/") + "/" + tenant
}

// attackerHost is the host of the attacker's URL.
func (d *draft) attackerHost() string {
	u, err := url.Parse(d.Attacker)
	if err != nil || u.Hostname() == "" {
		return "attacker.invalid"
	}
	return u.Hostname()
}
