package idp_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/idpool/idpool/idp"
)

// TestARecordedTokenStillVerifies fails when somebody replaces the test keys,
// which would break every token and JWKS that users have recorded.
func TestARecordedTokenStillVerifies(t *testing.T) {
	file := filepath.Join("testdata", "recorded.jwt")
	if *update {
		if _, err := os.Stat(file); err != nil {
			token := accessToken(t, tokenRequest(t, serve(t, idp.Config{PublicURL: "http://localhost:8080"}), acme, nil))
			if err := os.WriteFile(file, []byte(token+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	token, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jws.Verify([]byte(strings.TrimSpace(string(token))), jws.WithKey(jwa.RS256(), idp.PublicKey(idp.TestKeys().Signer()))); err != nil {
		t.Error(err)
	}
}

func TestGeneratedKeysAreNew(t *testing.T) {
	a, err := idp.GenerateKeys(now)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Keys()) < 3 || a.Signer() == nil {
		t.Errorf("%d keys, want three or more with one that signs", len(a.Keys()))
	}
	seen := map[string]bool{}
	for _, k := range append(a.Keys(), idp.TestKeys().Keys()...) {
		if seen[k.ID] {
			t.Errorf("key %s occurs twice", k.ID)
		}
		seen[k.ID] = true
	}
	server := serve(t, idp.Config{Keys: a})
	header, _ := decode(t, accessToken(t, tokenRequest(t, server, acme, nil)))
	if !strings.Contains(header, a.Signer().ID) {
		t.Errorf("header %s, want the kid %s", header, a.Signer().ID)
	}
}

func TestAFolderKeepsItsKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	first, err := idp.LoadKeys(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := idp.LoadKeys(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	if first.Signer().ID != again.Signer().ID || len(again.Keys()) != 3 {
		t.Errorf("signer %s, then %s of %d keys", first.Signer().ID, again.Signer().ID, len(again.Keys()))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v, want 0600", f, info.Mode(), err)
		}
	}
}

func TestKeyFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	if _, err := idp.LoadKeys(filepath.Join(dir, "good"), now); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, "good", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	one, two := read("key-1.pem"), read("key-2.pem")
	half := strings.Index(one, "-----BEGIN CERTIFICATE")
	for name, tc := range map[string]struct{ text, want string }{
		"not PEM":                    {"hello", "want a PRIVATE KEY (PKCS #8) block and a CERTIFICATE block"},
		"no certificate":             {one[:half], "want a PRIVATE KEY (PKCS #8) block and a CERTIFICATE block"},
		"a certificate that is none": {one[:half] + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x509: malformed certificate"},
		"the key of another":         {one[:half] + two[strings.Index(two, "-----BEGIN CERTIFICATE"):], "the private key does not belong to the certificate"},
		"a private key that is none": {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + one[half:], "asn1"},
	} {
		bad := t.TempDir()
		if err := os.WriteFile(filepath.Join(bad, "key.pem"), []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := idp.LoadKeys(bad, now); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	if _, err := idp.LoadKeys(filepath.Join(dir, "good", "key-1.pem"), now); err == nil {
		t.Error("a file was taken for a folder")
	}
	unreadable := filepath.Join(t.TempDir(), "key.pem") // for root too
	if err := os.Mkdir(unreadable, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := idp.LoadKeys(filepath.Dir(unreadable), now)
	if of := (*fs.PathError)(nil); !errors.As(err, &of) || of.Path != unreadable {
		t.Errorf("a file that cannot be read: %v, want an fs.PathError of %s", err, unreadable)
	}
}

// Spare keys and those of strangers are no keys that a server begins with, none
// is among the others, and they sign.
func TestSpareKeysAndStrangerKeys(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range idp.TestKeys().Keys() {
		seen[k.ID] = true
	}
	for n := range 8 {
		for _, k := range idp.TestKeySet(n).Keys() {
			seen[k.ID] = true
		}
	}
	spare, strangers := idp.SpareKeys(), idp.StrangerKeys()
	if len(spare) != 8 || len(strangers) != 8 {
		t.Errorf("%d spare keys, %d of strangers, want 8", len(spare), len(strangers))
	}
	for _, k := range slices.Concat(spare, strangers) {
		if seen[k.ID] {
			t.Errorf("key %s occurs twice", k.ID)
		}
		seen[k.ID] = true
		private, err := k.Signer()
		if err != nil || k.Public().N.BitLen() != 2048 {
			t.Fatal(err)
		}
		token, err := jws.Sign([]byte("{}"), jws.WithKey(jwa.RS256(), private))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jws.Verify(token, jws.WithKey(jwa.RS256(), k.Public())); err != nil {
			t.Errorf("key %s: %v", k.ID, err)
		}
	}
	spare[0], strangers[0] = nil, nil
	if idp.SpareKeys()[0] == nil || idp.StrangerKeys()[0] == nil {
		t.Error("a caller changed the keys of others")
	}
}

func TestAKeyWithoutItsPrivateKeyDoesNotSign(t *testing.T) {
	dir := t.TempDir()
	if _, err := idp.LoadKeys(dir, now); err != nil {
		t.Fatal(err)
	}
	two := filepath.Join(dir, "key-2.pem")
	data, err := os.ReadFile(two)
	if err != nil {
		t.Fatal(err)
	}
	certificate := string(data)[strings.Index(string(data), "-----BEGIN CERTIFICATE"):]
	if err := os.WriteFile(two, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"+certificate), 0o600); err != nil {
		t.Fatal(err)
	}
	ring, err := idp.LoadKeys(dir, now) // the first key signs; the second is read when it has to
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Keys()[1].Signer(); err == nil || !strings.Contains(err.Error(), "idp: key "+ring.Keys()[1].ID) {
		t.Errorf("%v, want an error that names the key", err)
	}
}
