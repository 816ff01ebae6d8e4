package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a script waits for another process, on a machine that has
// other things to do.
const patience = 2 * time.Minute

// waitFile waits until a file is there: waitfile ready.json. With -env NAME
// KEY it sets a variable to a member of the JSON in it.
func waitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args)%2 != 1 {
		ts.Fatalf("usage: waitfile FILE [NAME KEY]...")
	}
	file := ts.MkAbs(args[0])
	deadline := time.Now().Add(patience)
	var data []byte
	for {
		var err error
		if data, err = os.ReadFile(file); err == nil {
			break
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s did not appear", args[0])
		}
		time.Sleep(time.Millisecond) // polling: another process writes the file
	}
	var members map[string]any
	ts.Check(json.Unmarshal(data, &members))
	for i := 1; i < len(args); i += 2 {
		value, _ := members[args[i+1]].(string)
		ts.Setenv(args[i], value)
	}
}

// await waits until a file has a line that matches: await PATTERN FILE.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await PATTERN FILE")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	var text []byte
	for deadline := time.Now().Add(patience); !want.Match(text); {
		if time.Now().After(deadline) {
			ts.Fatalf("%s has no match for %s:\n%s", args[1], args[0], text)
		}
		time.Sleep(time.Millisecond) // polling: another process writes the file
		if text, err = os.ReadFile(ts.MkAbs(args[1])); err != nil && !os.IsNotExist(err) {
			ts.Fatalf("%v", err)
		}
	}
}

// port sets a variable to the port of a URL: port NAME URL.
func port(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: port NAME URL")
	}
	u, err := url.Parse(args[1])
	ts.Check(err)
	ts.Setenv(args[0], u.Port())
}

// post sends a file or a text with a Content-Type and writes the answer's
// status and body to a file: post URL TYPE BODY|@FILE OUTFILE.
func post(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: post URL TYPE BODY|@FILE OUTFILE")
	}
	body := args[2]
	if name, ok := strings.CutPrefix(body, "@"); ok {
		body = ts.ReadFile(name)
	}
	response, err := http.Post(args[0], args[1], strings.NewReader(body))
	ts.Check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(response.Status+"\n"+string(text)), 0o600))
}

// get reads a URL as a client that trusts the certificates of a file and no
// others: get CERTIFICATES URL OUTFILE.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: get CERTIFICATES URL OUTFILE")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(ts.ReadFile(args[0]))) {
		ts.Fatalf("%s has no certificate", args[0])
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get(args[1])
	ts.Check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	if response.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s", args[1], response.Status)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), text, 0o600))
}

// The parts of trust-help that differ from CA to CA.
var (
	caName      = regexp.MustCompile(`idpool CA [0-9a-f]{8}`)
	fingerprint = regexp.MustCompile(`([0-9A-F]{2}:){31}[0-9A-F]{2}`)
	until       = regexp.MustCompile(`until \d{4}-\d\d-\d\d`)
)

// guides writes the output of trust-help with what is random masked and the
// script's folder as DIR: guides INFILE OUTFILE.
func guides(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: guides INFILE OUTFILE")
	}
	text := strings.ReplaceAll(ts.ReadFile(args[0]), ts.MkAbs("."), "DIR")
	text = caName.ReplaceAllString(text, "idpool CA NAME")
	text = fingerprint.ReplaceAllString(text, "FINGERPRINT")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(until.ReplaceAllString(text, "until DATE")), 0o600))
}

// exitCode runs a command that must end with a code, and shows its output to
// stdout and stderr: exit 2 idpool explain.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}
