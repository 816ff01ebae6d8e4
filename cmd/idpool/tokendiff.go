package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
)

// diffAnswer is the JSON of token --diff.
type diffAnswer struct {
	Same        bool                `json:"same"`
	Differences []idpool.Difference `json:"differences"`
	// Ignored are the claims that differ in any two tokens.
	Ignored []string `json:"ignored"`
}

// wanted are the claims to compare with: of a token or an object of claims, or
// of a file or standard input that has either.
func (a *app) wanted(cmd *cobra.Command, what string) (map[string]any, error) {
	if what != "-" && (strings.Contains(what, "eyJ") || strings.HasPrefix(strings.TrimSpace(what), "{")) {
		return a.claimsOf(cmd, []string{what})
	}
	data, err := claimsText(cmd, []string{what})
	if err != nil {
		return nil, usageError("it takes a token, a file, or - for standard input", "token: --diff: %v", err)
	}
	return a.claimsOf(cmd, []string{string(data)})
}

// fill takes from the claims to compare with what the flags leave open.
func fill(r idp.TokenRequest, want map[string]any, scopeGiven bool) idp.TokenRequest {
	text := func(name string) string { s, _ := want[name].(string); return s }
	r.ClientID = cmp.Or(r.ClientID, text("azp"), text("appid"))
	r.Tenant = cmp.Or(r.Tenant, text("tid"))
	if aud := text("aud"); !scopeGiven && aud != "" {
		r.Scope = aud + "/.default" // with two slashes where aud ends with one, as Azure wants it
	}
	return r
}

// diff compares a token's claims with those wanted.
func (a *app) diff(cmd *cobra.Command, token string, want map[string]any) error {
	got, err := payload(token)
	if err != nil {
		return err
	}
	answer := diffAnswer{Differences: append([]idpool.Difference{}, idpool.DiffClaims(want, got)...), Ignored: idpool.VolatileClaims()}
	answer.Same = len(answer.Differences) == 0
	if err := a.printDiff(cmd, answer); err != nil || answer.Same {
		return err
	}
	return refused
}

func (a *app) printDiff(cmd *cobra.Command, answer diffAnswer) error {
	w := cmd.OutOrStdout()
	if a.json() {
		return printJSON(w, answer)
	}
	if answer.Same {
		_, err := fmt.Fprintf(w, "no difference but for times and random identifiers: %s\n", strings.Join(answer.Ignored, ", "))
		return err
	}
	p := decisionPrinter{w: w, paint: paintFor(w)}
	for _, d := range answer.Differences {
		p.printf("%s\n", p.paint.bold(d.Claim))
		p.printf("  got  %s\n  want %s\n", cmp.Or(d.Got, "nothing"), cmp.Or(d.Want, "nothing"))
	}
	return p.err
}
