package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/nearest"
)

// mintFlags change a token into one that Azure would not issue.
type mintFlags struct {
	claims, headers []string
	issuedAt        string
	lifetime        time.Duration
	broken          string
}

// mintNames are the flags that need no client, since they are for any.
var mintNames = []string{"claim", "header", "issued-at", "lifetime", "broken"}

func (f *mintFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.claims, "claim", nil, "set a claim, `NAME=VALUE`: JSON or else text; null takes the claim away; may be given several times")
	flags.StringArrayVar(&f.headers, "header", nil, "set a member of the header, `NAME=VALUE`, in the same way; it is written and not obeyed")
	giveVariable(flags, "header", "IDPOOL_TOKEN_HEADER")
	flags.StringVar(&f.issuedAt, "issued-at", "", "make the token at this `TIME`, such as 2030-01-01T00:00:00Z, or -2h for two hours ago")
	flags.DurationVar(&f.lifetime, "lifetime", 0, "`TIME` that the token lives, such as 10m; negative for one that ends before it begins (default: Azure's)")
	flags.StringVar(&f.broken, "broken", "", "the broken twin of this `NAME`, or all")
}

// used says whether the token is to be minted rather than issued.
func (f mintFlags) used(flags *pflag.FlagSet) bool {
	return slices.ContainsFunc(mintNames, flags.Changed)
}

// request puts the flags to a request.
func (f mintFlags) request(flags *pflag.FlagSet, r idp.TokenRequest, now time.Time) (idp.MintRequest, error) {
	m := idp.MintRequest{TokenRequest: r, Lifetime: f.lifetime}
	var err error
	if m.Claims, err = settings("claim", f.claims); err != nil {
		return m, err
	}
	if m.Header, err = settings("header", f.headers); err != nil {
		return m, err
	}
	if flags.Changed("lifetime") && f.lifetime == 0 {
		return m, usageError("", "token: --lifetime: 0s is no lifetime, want one such as 10m, or -10m")
	}
	if flags.Changed("issued-at") {
		m.IssuedAt, err = moment(f.issuedAt, now)
	}
	return m, err
}

// moment reads a time, or a duration from now.
func moment(text string, now time.Time) (time.Time, error) {
	if by, err := time.ParseDuration(text); err == nil {
		return now.Add(by), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usageError("", "token: --issued-at: %q is no time, want one such as 2030-01-01T00:00:00Z, or -2h", text)
	}
	return t, nil
}

// settings reads the values of --claim or --header.
func settings(flag string, texts []string) (map[string]any, error) {
	out := map[string]any{}
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usageError("", "token: --%s: %q is no NAME=VALUE", flag, text)
		}
		if _, twice := out[name]; twice {
			return nil, usageError("a token that has a claim twice is --broken", "token: --%s: %q is given twice", flag, name)
		}
		v, err := settingValue(value)
		if err != nil {
			return nil, usageError(`a text that begins so is written as JSON, such as '"[…"'`, "token: --%s: %s: %v", flag, name, err)
		}
		out[name] = v
	}
	return out, nil
}

// settingValue is JSON as it is written, so that no number is rounded, or else a
// text. null takes away. What begins like an object, a list or a string and is
// none is a mistake, not a text.
func settingValue(text string) (any, error) {
	value := jsontext.Value(strings.TrimSpace(text))
	switch {
	case string(value) == "null":
		return nil, nil
	case value.IsValid():
		return value, nil
	case len(value) > 0 && strings.ContainsRune(`{["`, rune(value[0])):
		return nil, fmt.Errorf("%s is no JSON: %v", text, strings.TrimPrefix(value.Canonicalize().Error(), "jsontext: "))
	}
	return text, nil
}

// anyClient is the config's first client that can get a token, for tokens that
// are for any.
func anyClient(c idpool.Config, tenant string) (string, error) {
	_, client, ok := c.Client(tenant, "")
	if !ok {
		return "", usageError(clientsHint(c), "token: no application of the config has a secret and a role, so give --client-id")
	}
	return client.AppID, nil
}

// brokenList is the JSON of --broken all, as the admin API has it.
type brokenList struct {
	Tokens []forge.Token `json:"tokens"`
}

// tokenBroken shows one broken token, or the table of all.
func (a *app) tokenBroken(cmd *cobra.Command, stack *idpool.Stack, m idp.MintRequest, name string) error {
	w := cmd.OutOrStdout()
	if name == "all" {
		all, err := stack.BrokenTokens(cmd.Context(), m)
		switch {
		case err != nil:
			return a.tokenRefused(cmd, stack, m.TokenRequest, err)
		case a.json():
			return printJSON(w, brokenList{all})
		}
		return printTwins(w, all)
	}
	token, err := stack.BrokenToken(cmd.Context(), m, name)
	switch {
	case err != nil:
		return a.tokenRefused(cmd, stack, m.TokenRequest, err)
	case a.json():
		return printJSON(w, token)
	case !isTerminal(w):
		_, err := fmt.Fprintln(w, token.Token)
		return err
	}
	fmt.Fprintf(w, "%s\n\n  %s: %s\n  refused by %s\n", visible(token.Token), token.Name, token.Summary, refusedBy(token))
	return nil
}

// printTwins is the table of all twins, without the tokens.
func printTwins(w io.Writer, all []forge.Token) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tREFUSED BY\tWHAT IS WRONG")
	for _, one := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\n", one.Name, refusedBy(one), one.Summary)
	}
	return t.Flush()
}

// refusedBy is the check that has to refuse a token.
func refusedBy(t forge.Token) string {
	if t.Lenient && t.Check != "" {
		return t.Check + " (some accept it)"
	}
	return cmp.Or(t.Check, "–")
}

// knownTwin refuses a name that no twin has, with those that are near.
func knownTwin(name string) error {
	names := forge.Names()
	if name == "all" || slices.Contains(names, name) {
		return nil
	}
	hint := `"idpool token --broken all" lists the names`
	if near := nearTwins(name, names); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, ", ") + "? " + hint
	}
	return usageError(hint, "token: --broken: no broken token is named %q", name)
}

// nearTwins are a few names that are spelt like a word or have it in them.
func nearTwins(word string, names []string) []string {
	const few = 5
	var near []string
	if one := nearest.To(word, names); one != "" {
		near = append(near, one)
	}
	for _, name := range names {
		if len(word) > 2 && strings.Contains(name, strings.ToLower(word)) && !slices.Contains(near, name) && len(near) < few {
			near = append(near, name)
		}
	}
	return near
}
