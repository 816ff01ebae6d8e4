package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"strings"
	"testing"
)

// TestProbeOfAPIsMadeInAHurry: what the command says of an API that panics on odd
// claims, of one that looks at no signature, and of one that lets everybody in.
func TestProbeOfAPIsMadeInAHurry(t *testing.T) {
	issuer, strict := trusting(t)
	const api = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	claims := func(token string) map[string]any {
		var c map[string]any
		if parts := strings.Split(token, "."); len(parts) == 3 {
			text, _ := base64.RawURLEncoding.DecodeString(parts[1])
			_ = json.Unmarshal(text, &c)
		}
		return c
	}
	for name, tc := range map[string]struct {
		letsIn func(token string) bool
		code   int
		want   []string
	}{
		"panics": {func(token string) bool {
			return claims(token)["exp"].(float64) > 0 && claims(token)["aud"] == api && strict(token)
		}, exitUsage, []string{
			"  ? exp-missing", "no answer  the connection was closed, as by a target that crashes on the token",
			"✗ NOT PROVED: no answer to "}},
		"panics and looks at no signature": {func(token string) bool { return claims(token)["exp"].(float64) > 0 }, exitRefused, []string{
			"✗ alg-none ", "✗ signature-garbage ", "; no answer to "}},
		"looks at no signature": {func(token string) bool { return claims(token)["iss"] == issuer }, exitRefused, []string{
			"✗ alg-none ", "✗ signature-garbage ", "✗ expired ", "✗ FAILED: "}},
		"lets everybody in": {func(string) bool { return true }, exitRefused, []string{
			"✗ opaque ", ", with a note: is the target protected at all?"}},
	} {
		t.Run(name, func(t *testing.T) {
			server := guarded(t, tc.letsIn)
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.Start()
			code, stdout, stderr := probed(t, "--url", server.URL, "--issuer", issuer)
			if code != tc.code || stderr != "" {
				t.Errorf("exit code %d, want %d, stderr %q", code, tc.code, stderr)
			}
			for _, want := range tc.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("no %q in\n%s", want, stdout)
				}
			}
		})
	}
}
