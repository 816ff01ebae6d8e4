package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/idpool/idpool"
)

// adminFlags say which admin API a command talks to.
type adminFlags struct{ url, token, scope string }

func (f *adminFlags) add(flags *pflag.FlagSet) {
	f.addServer(flags)
	flags.StringVar(&f.scope, "scope", "", "`ID` of the scope that this is about (default: the server's own)")
}

// addServer is add for what is about the whole server.
func (f *adminFlags) addServer(flags *pflag.FlagSet) {
	flags.StringVar(&f.url, "admin", "", "`URL` of the admin listener of a running serve (default: that of the config, or \"http://"+defaultAdmin+"\")")
	flags.StringVar(&f.token, "admin-token", "", "`TOKEN` that the admin API asks for; ps shows it to every user of the machine, "+adminTokenVariable+" does not")
}

// adminClient makes a client of the admin API for a command.
func (a *app) adminClient(cmd *cobra.Command, f adminFlags) (*adminClient, error) {
	token, err := givenToken(cmd.Flags(), f.token)
	if err != nil {
		return nil, err
	}
	c := idpool.Config{} // a server may have any config: no file is no reason to read Acme's
	if a.configFile != "" {
		if c, err = a.load(); err != nil {
			return nil, err
		}
	}
	base, err := adminBase(cmd, cmp.Or(f.url, adminURL(c)))
	if err != nil {
		return nil, err
	}
	return &adminClient{
		command: commandName(cmd), base: base, scope: f.scope, token: cmp.Or(token, c.Listeners.Admin.Token),
		// A redirect would be followed with the token.
		http: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// adminBase is the URL of an admin listener, also where it is given as serve
// --admin has it: the two share a variable.
func adminBase(cmd *cobra.Command, given string) (string, error) {
	if given == idpool.Off {
		return "", usageError("", "%s: --admin is off, and so serve has no admin listener to ask", commandName(cmd))
	}
	base := strings.TrimSuffix(given, "/")
	if !strings.Contains(base, "://") {
		base = "http://" + connectable(base)
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return "", usageError("", "%s: --admin: %q is no URL, want one such as http://%s", commandName(cmd), base, defaultAdmin)
	}
	return base, nil
}

// commandName is the command as its errors call it, such as "fault add".
func commandName(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// adminClient talks to the admin API of a running serve.
type adminClient struct {
	command     string // that the user gave, for errors
	base        string
	token       string
	scope       string
	http        *http.Client
	lastEventID string // of a stream that is taken up again
}

// Bounds on what a server may answer, and on how long it may take.
const (
	maxAnswer   = 64 << 20
	answerIn    = 30 * time.Second
	jsonContent = "application/json"
)

// call sends a request with JSON, or none, and reads the answer's into a
// pointer, or nothing.
func (c *adminClient) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	return c.wait(ctx, method, path, query, in, out)
}

// wait is call for as long as ctx lasts.
func (c *adminClient) wait(ctx context.Context, method, path string, query url.Values, in, out any) error {
	response, err := c.open(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(out); err != nil {
		return c.strange(fmt.Sprintf("with what is not its JSON (%v)", err))
	}
	return nil
}

// open sends a request and returns the answer when it is a good one.
func (c *adminClient) open(ctx context.Context, method, path string, query url.Values, in any) (*http.Response, error) {
	r, err := c.request(ctx, method, path, query, in)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, c.notReached(err)
	}
	if response.StatusCode/100 != 2 {
		defer response.Body.Close()
		return nil, c.refusal(response)
	}
	return response, nil
}

func (c *adminClient) request(ctx context.Context, method, path string, query url.Values, in any) (*http.Request, error) {
	if c.scope != "" {
		if query == nil {
			query = url.Values{}
		}
		query.Set("scope", c.scope)
	}
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	if in != nil {
		r.Header.Set("Content-Type", jsonContent)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.lastEventID != "" {
		r.Header.Set("Last-Event-ID", c.lastEventID)
	}
	return r, nil
}

// adminRefusal is an answer of the admin API that says no.
type adminRefusal struct {
	status int
	detail string
}

func (r *adminRefusal) Error() string { return r.detail }

// notReached is the error of a server that gives no answer.
func (c *adminClient) notReached(err error) error {
	var of *url.Error // which repeats method and URL
	if errors.As(err, &of) {
		err = of.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no answer in time")
	}
	return &exitError{exitUsage, &unreachable{fmt.Errorf("%s: %s is not reached: %v", c.command, c.base, err)},
		`is "idpool serve" running? --admin URL says where its admin listener is`}
}

// unreachable is the error of a server that may come back.
type unreachable struct{ error }

// refusal reads the answer of a server that says no (RFC 9457).
func (c *adminClient) refusal(response *http.Response) error {
	var problem struct {
		Detail string
		Errors []struct {
			Field, Message string
			Line, Column   int
		}
	}
	err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&problem)
	if err != nil || problem.Detail == "" {
		return c.strange("with " + response.Status)
	}
	text := problem.Detail
	for _, e := range problem.Errors {
		text += "\n  " + strings.TrimPrefix(e.Field+": ", ": ") + e.Message
	}
	hint := ""
	if response.StatusCode == http.StatusUnauthorized {
		hint = adminTokenVariable + " or --admin-token has the token that serve was given"
	}
	text = c.command + ": " + strings.TrimPrefix(visible(text), c.command+": ")
	return &exitError{exitUsage, &adminRefusal{response.StatusCode, text}, hint}
}

// strange is the error of a server that is likely not idpool's.
func (c *adminClient) strange(answer string) error {
	return usageError(`"idpool serve" prints the URL of its admin listener`, "%s: %s answers %s, as no admin listener of idpool does", c.command, c.base, visible(answer))
}

// visible is a text that a terminal does not obey: what is not printable is
// escaped, but for line breaks.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) { // as JSON has it
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// writeJSON writes a value as JSON in which every character is printable, since
// parts of it may be what a client sent: encoding/json escapes only the controls
// of ASCII.
func writeJSON(w io.Writer, v any, indent string) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, visible(text.String()))
	return err
}
