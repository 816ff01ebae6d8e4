package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/txtar"
)

// example is a whole export, of az.
func example(t testing.TB, name string) string {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/az-app-and-sp.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	t.Fatalf("no %s in the case", name)
	return ""
}

func importText(c Config, texts ...string) (*Result, error) {
	var files []File
	for i, text := range texts {
		files = append(files, File{string(rune('a'+i)) + ".json", strings.NewReader(text)})
	}
	c.Now = now
	return Import(c, files)
}

func inUTF16(order binary.ByteOrder, s string) string {
	var b bytes.Buffer
	for _, unit := range utf16.Encode([]rune("\ufeff" + s)) {
		var two [2]byte
		order.PutUint16(two[:], unit)
		b.Write(two[:])
	}
	return b.String()
}

// TestEncodings: the same export, however it was saved, is the same config.
func TestEncodings(t *testing.T) {
	text := strings.ReplaceAll(example(t, "api.json"), "Orders writer", "Aufträge schreiben 🚚")
	want, err := importText(Config{}, text)
	if err != nil {
		t.Fatal(err)
	}
	if want.Tenants[0].Applications[0].AppRoles[0].DisplayName != "Aufträge schreiben 🚚" {
		t.Fatalf("the name is lost:\n%s", want.YAML())
	}
	for name, saved := range map[string]string{
		"UTF-8 with a byte order mark (Windows editors)": "\ufeff" + text,
		"UTF-16, little endian (PowerShell's >)":         inUTF16(binary.LittleEndian, text),
		"UTF-16, big endian":                             inUTF16(binary.BigEndian, text),
		"CRLF":                                           strings.ReplaceAll(text, "\n", "\r\n"),
		"on one line":                                    strings.ReplaceAll(text, "\n", " "),
		"PowerShell: UTF-16 and CRLF":                    inUTF16(binary.LittleEndian, strings.ReplaceAll(text, "\n", "\r\n")),
	} {
		got, err := importText(Config{}, saved)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !bytes.Equal(got.YAML(), want.YAML()) {
			t.Errorf("%s: another config:\n%s", name, got.YAML())
		}
	}
}

// TestBadInput has a row for each way in which a file is no export. Nothing is
// imported, though a good file comes with it, and the error names the bad one.
func TestBadInput(t *testing.T) {
	good := example(t, "client.json")
	app := func(field string) string {
		return `{"appId": "5d1c3f0a-72be-4d19-9c6e-08f4a1b2d3c7", "identifierUris": [], ` + field + `}`
	}
	for _, tc := range []struct{ reason, text, want string }{
		{"empty", "", "b.json: is empty"},
		{"white space only", " \r\n\t", "b.json: is empty"},
		{"a token", "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJzZWNyZXQifQ.c2lnbmF0dXJl", "b.json: is a token"},
		{"PEM", "-----BEGIN CERTIFICATE-----\nMIIC\n", "b.json: is a PEM file"},
		{"the portal's page", "<!DOCTYPE html><html>", "b.json: is a page of HTML"},
		{"YAML", "appId: x\n", "b.json: not JSON: line 1"},
		{"an idpool config in YAML", "tenants:\n  - id: x\n", "b.json: is a config of idpool already"},
		{"an idpool config that begins with a comment", "# yaml-language-server: $schema=idpool.schema.json\n\nclusters:\n  - id: lkc-1\n", "b.json: is a config of idpool already"},
		{"an idpool config that begins with ---", "---\r\nlisteners: {}\r\n", "b.json: is a config of idpool already"},
		{"an error of az", "ERROR: Please run 'az login' to setup account.\n", `b.json: not JSON: line 1: the command that wrote it failed with "ERROR: Please run 'az login' to setup account.": run it again`},
		{"a warning of az before the JSON, as 2>&1 gives", "WARNING: The output\u001b[0m moved.\n" + good, `line 1: the command also printed "WARNING: The output\x1b[0m moved.": write only`},
		{"a warning of az after the JSON", strings.TrimSpace(good) + "\nWARNING: oops\n", `the command also printed "WARNING: oops": write only`},
		{"an error with a token in it", "ERROR: Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl", `failed with "ERROR": run`},
		{"a long error", "ERROR: " + strings.Repeat("x", 500), `"ERROR: ` + strings.Repeat("x", 73) + `…"`},
		{"a bare secret", "hunter2", "b.json: not JSON: line 1: invalid character 'h'"},
		{"cut off", good[:len(good)/2], "b.json: not JSON: it ends in the middle, on line"},
		{"a word after the JSON", good + "WARNING: oops", "b.json: not JSON: line"},
		{"Latin-1", "{\"displayName\": \"Auftr\xe4ge\"}", "neither UTF-8 nor UTF-16"},
		{"half of a UTF-16 character", inUTF16(binary.LittleEndian, good) + "x", "is cut off"},
		{"the same name twice", app(`"appRoles": [], "appRoles": []`), "the same name twice"},
		{"the same name in two cases", app(`"api": {}, "Api": {}`), `has both "Api" and "api"`},
		{"too deep", strings.Repeat("[", 100) + strings.Repeat("]", 100), "nested deeper than 64 levels"},
		{"package.json", `{"name": "x", "version": "1.0.0", "scripts": {}, "main": "a.js"}`, "is no export of an app registration (it has main, name, scripts, version)"},
		{"a token answer", `{"token_type": "Bearer", "access_token": "eyJhbGciOi"}`, "is a token answer"},
		{"an error of Graph", `{"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges"}}`, `"Authorization_RequestDenied": the text "Insufficient privileges"`},
		{"an error of the token endpoint", `{"error": "invalid_client", "error_description": "AADSTS7000215: …"}`, `an error answer of Microsoft, not an export: the text "invalid_client"`},
		{"create-for-rbac", `{"appId": "5d1c3f0a-72be-4d19-9c6e-08f4a1b2d3c7", "displayName": "x", "password": "hunter2", "tenant": "y"}`, `"az ad sp create-for-rbac"`},
		{"an idpool config", `{"tenants": []}`, "is a config of idpool already"},
		{"only an appId", `{"appId": "5d1c3f0a-72be-4d19-9c6e-08f4a1b2d3c7"}`, "has an appId and nothing"},
		{"an empty object", `{}`, "is an empty object"},
		{"a number", `42`, "got a number"},
		{"a text, which may be a secret", `"hunter2"`, "got text"},
		{"a list of texts", `["hunter2"]`, "b.json: [0]: want an app registration, a service principal or an assignment, got text"},
		{"no appId", `{"identifierUris": [], "appId": null}`, "b.json: appId: is missing"},
		{"an appId that is none", `{"identifierUris": [], "appId": "orders"}`, `b.json: appId: "orders" is no GUID`},
		{"roles that are no list", app(`"appRoles": {}`), "b.json: appRoles: want a list, got an object"},
		{"a role that is no object", app(`"appRoles": [7]`), "b.json: appRoles[0]: want an object, got a number"},
		{"isEnabled as text", app(`"appRoles": [{"isEnabled": "yes"}]`), `b.json: appRoles[0].isEnabled: want true or false, got the text "yes"`},
		{"a version as text", app(`"api": {"requestedAccessTokenVersion": "2"}`), `b.json: api.requestedAccessTokenVersion: want a whole number, got the text "2"`},
		{"half a version", app(`"accessTokenAcceptedVersion": 1.5`), `b.json: accessTokenAcceptedVersion: want a whole number, got the number 1.5`},
		{"a time that is none", app(`"passwordCredentials": [{"endDateTime": "tomorrow"}]`), `b.json: passwordCredentials[0].endDateTime: want a time such as`},
		{"a secret that is no text", app(`"passwordCredentials": [{"secretText": 123456789}]`), "b.json: passwordCredentials[0].secretText: want text, got a number"},
		{"a secret in the wrong place", app(`"passwordCredentials": "hunter2"`), "b.json: passwordCredentials: want a list, got text"},
		{"an assignment without its role", `{"principalId": "5d1c3f0a-72be-4d19-9c6e-08f4a1b2d3c7", "resourceId": "5d1c3f0a-72be-4d19-9c6e-08f4a1b2d3c7", "appRoleId": null}`, "b.json: appRoleId: is missing"},
		{"a mistake in the third of several documents", good + `[]` + app(`"appRoles": 1`), "b.json: document 3.appRoles: want a list"},
		{"a mistake in a page of Graph", `{"value": [` + good + `,` + app(`"appRoles": 1`) + `]}`, "b.json: value[1].appRoles: want a list"},
	} {
		r, err := importText(Config{}, good, tc.text)
		if r != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.reason, err, tc.want)
			continue
		}
		var mistake *Error
		if !errors.As(err, &mistake) || mistake.File != "b.json" {
			t.Errorf("%s: the error is of %+v, want of b.json", tc.reason, mistake)
		}
		for _, secret := range []string{"hunter2", "123456789", "eyJ", "c2lnbmF0dXJl"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the message has the secret: %v", tc.reason, err)
			}
		}
	}
}

// TestEveryMistakeOfEveryFile is listed at once.
func TestEveryMistakeOfEveryFile(t *testing.T) {
	_, err := importText(Config{}, `{"appId": 1, "identifierUris": 2}`, "", example(t, "api.json"), `[{"appId": "x", "api": 3}]`)
	if err == nil {
		t.Fatal("imported")
	}
	for _, want := range []string{"a.json: appId: want text", "a.json: identifierUris: want a list", "b.json: is empty", `d.json: [0].appId: "x" is no GUID`, "d.json: [0].api: want an object"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	_, err = importText(Config{}, `[`+strings.Repeat(`{"appId": 1, "api": {}},`, 1000)+`{}]`)
	if n := strings.Count(err.Error(), "\n"); n >= maxMistakes {
		t.Errorf("%d lines for one file, want %d at most", n+1, maxMistakes)
	}
}

// endless is a file of any length that counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, os.ErrPermission }

func TestFilesThatCannotBeHeld(t *testing.T) {
	e := &endless{}
	_, err := Import(Config{}, []File{{"big.json", e}})
	if err == nil || !strings.Contains(err.Error(), "big.json: is larger than 16 MB") {
		t.Errorf("endless: %v", err)
	}
	if e.read > maxBytes+1<<20 {
		t.Errorf("%d bytes were read of a file that is too large", e.read)
	}
	_, err = Import(Config{}, []File{{"closed.json", io.MultiReader(strings.NewReader("{"), failing{})}})
	if err == nil || !strings.Contains(err.Error(), "closed.json: cannot be read: permission denied") {
		t.Errorf("unreadable: %v", err)
	}
	_, err = importText(Config{}, "["+strings.Repeat("0,", maxValues)+"0]")
	if err == nil || !strings.Contains(err.Error(), "holds more than 2000000 values") {
		t.Errorf("too many values: %v", err)
	}
}
