package idpool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"unicode/utf16"

	"github.com/idpool/idpool/internal/openapi"
)

func configEndpoints() []endpoint {
	const tag = "config"
	shown := answers(http.StatusOK, "The config as it runs.", Config{})
	return []endpoint{
		{Operation: openapi.Operation{Method: "GET", Path: "/v1/config", ID: "showConfig", Tag: tag,
			Summary: "The config as it runs, with secrets", Description: "What PUT takes.", Responses: shown},
			do: func(c *call) (reply, error) { return ok(c.current().config) }},
		{Operation: openapi.Operation{Method: "PUT", Path: "/v1/config", ID: "putConfig", Tag: tag,
			Summary:     "Replace the config, from the next request on",
			Description: "As the file: JSON, or YAML as application/yaml. Files that it names are found as those of the running config. What only a restart changes must be as it is. A mistake changes nothing; `errors` has all of them, with their lines.",
			Request:     Config{}, Responses: shown, Problems: append([]int{http.StatusInternalServerError}, bodyProblems...)},
			do: (*call).putConfig},
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/reset", ID: "reset", Tag: tag,
			Summary:     "Return to the config that the server began with",
			Description: "Faults, the journal and what was done to the clock are gone too. The keys stay, so that JWKS which clients have fetched hold.",
			Responses:   nothing("All is as at the start."), Problems: []int{http.StatusInternalServerError}},
			do: (*call).reset},
	}
}

// bodyName is what errors call a config that came in a request.
const bodyName = "body"

func (c *call) putConfig() (reply, error) {
	body, status, err := readBody(c.w, c.r, "application/json", "application/yaml")
	if err == nil {
		status = http.StatusBadRequest
		body, err = configText(c.r, body)
	}
	if err != nil {
		return reply{}, &refusal{status, problem{Detail: err.Error()}}
	}
	// The name decides where files are looked for.
	config, err := Parse(filepath.Join(filepath.Dir(c.current().config.source), bodyName), body)
	if err == nil {
		err = c.Apply(c.r.Context(), config)
	}
	var mistakes ConfigErrors
	if errors.As(err, &mistakes) {
		for _, m := range mistakes {
			m.File = bodyName
		}
	}
	return reply{status: http.StatusOK, body: c.current().config}, err
}

// configText is a body as the reader of config files takes it. It refuses
// nothing at all, which as YAML is a config without tenants, and what claims to
// be JSON and is not.
func configText(r *http.Request, body []byte) ([]byte, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, errors.New("the body is empty, want a config")
	}
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/json" {
		return body, nil
	}
	var value json.RawMessage
	if err := json.Unmarshal(body, &value); err != nil {
		return nil, fmt.Errorf("the body is not JSON: %v", err)
	}
	return asYAML(body), nil
}

// escapes are those of JSON's strings. The first alternative are the two halves
// of one character, which YAML does not have; nor has its library the slash.
var escapes = regexp.MustCompile(`\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|.)`)

// asYAML is a JSON text without the escapes that YAML does not know.
func asYAML(text []byte) []byte {
	return escapes.ReplaceAllFunc(text, func(escape []byte) []byte {
		switch {
		case string(escape) == `\/`:
			return escape[1:]
		case len(escape) == len(`\uD83D\uDE00`):
			high, _ := strconv.ParseUint(string(escape[2:6]), 16, 16) // four hex digits
			low, _ := strconv.ParseUint(string(escape[8:12]), 16, 16)
			return []byte(string(utf16.DecodeRune(rune(high), rune(low))))
		}
		return escape
	})
}

func (c *call) reset() (reply, error) {
	if err := c.Reset(c.r.Context()); err != nil {
		return reply{}, err
	}
	return gone()
}
