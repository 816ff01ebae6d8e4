package fault_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/fault"
)

// What people get to read when a condition does not compile.
func TestConditionErrors(t *testing.T) {
	for _, row := range []struct{ endpoint, when, want string }{
		{"token", `clientid == "x"`, `line 1, column 1: unknown name "clientid"
  | clientid == "x"
  | ^
  hint: did you mean "client_id"?`},
		{"jwks", `count > 1 and client_id == "x"`, `line 1, column 15: "client_id" is not known at jwks
  | count > 1 and client_id == "x"
  |               ^
  hint: there is client, count, header, listener, method, now, path, tenant, version`},
		{"token", `client_id = "x"`, `line 1, column 11: unexpected "="
  | client_id = "x"
  |           ^
  hint: write ==`},
		{"token", `scope`, `line 1, column 1: it gives text, want yes or no
  | scope
  | ^
  hint: compare it, as in count > 2`},
		{"token", `count == "2"`, `line 1, column 7: == cannot be applied to a number and text
  | count == "2"
  |       ^`},
		{"token", "count > 2 and\n\tmethod == POST", `line 2, column 12: unknown name "POST"
  | 	method == POST
  | 	          ^
  hint: if it is text, quote it: "POST"; the names are client, client_id, count, grant_type, header, listener, method, now, path, scope, tenant, version`},
		{"token", `count >`, `line 1, column 8: it ends where a value should follow
  | count >
  |        ^`},
		{"token", `path startsWith "/x`, `line 1, column 20: a text without its closing quote
  | path startsWith "/x
  |                    ^`},
		{"token", `now() > now`, `line 1, column 1: now is no function
  | now() > now
  | ^
  hint: write now without parentheses`},
		{"token", `repeat(scope, 9) == ""`, `line 1, column 1: unknown function "repeat"
  | repeat(scope, 9) == ""
  | ^
  hint: it loops or fills the memory, and is not for conditions`},
		{"token", `uper(scope) == ""`, `line 1, column 1: unknown function "uper"
  | uper(scope) == ""
  | ^
  hint: did you mean "upper"?`},
		{"token", `header("a", "b") == ""`, `line 1, column 1: too many arguments to call header
  | header("a", "b") == ""
  | ^`},
		{"token", `count > 1 & count < 3`, `line 1, column 11: unexpected "&"
  | count > 1 & count < 3
  |           ^
  hint: write &&`},
		{"token", `scope == “kafka”`, `line 1, column 10: unexpected "“"
  | scope == “kafka”
  |          ^
  hint: use straight quotes, " or '`},
		{"token", strings.Repeat(" ", 100) + "sope" + strings.Repeat(" ", 100), `line 1, column 101: unknown name "sope"
  | …                                                            sope                                                        …
  |                                                              ^
  hint: did you mean "scope"?`},
		{"kafka-login", `"pool-a" in pool`, `line 1, column 13: unknown name "pool"
  | "pool-a" in pool
  |             ^
  hint: did you mean "pools"?`},
		{"tls", `server_name == path`, `line 1, column 16: "path" is not known at tls
  | server_name == path
  |                ^
  hint: there is client, count, listener, now, server_name`},
		{"token", ` `, `is blank, leave it out`},
		{"token", "count > 1 \xff", `is not valid UTF-8`},
		{"token", strings.Repeat("1", 1001), `is 1001 characters long, at most 1000 are read`},
		{"token", strings.Repeat("1+", 300) + "1 == 2", `line 1, column 202: it has more than 200 parts
  | …+` + strings.Repeat("1+", 59) + `1…
  | ` + strings.Repeat(" ", 61) + "^"},
	} {
		_, err := set().Add(fault.Fault{Endpoint: row.endpoint, When: row.when, Close: true})
		var typed *fault.Error
		if !errors.As(err, &typed) || typed.Field != "when" || typed.Text() != row.want {
			t.Errorf("%s at %s:\ngot  %v\nwant fault: when: %s", row.when, row.endpoint, err, row.want)
		}
	}
}

// A condition that goes wrong when it is evaluated is false, and the state of
// the fault says why.
func TestConditionProblem(t *testing.T) {
	s := set()
	if _, err := s.Add(fault.Fault{Endpoint: "kafka-login", When: `pools[1] == "b"`, Error: "no"}); err != nil {
		t.Fatal(err)
	}
	if got := s.Login(t.Context(), fault.Login{Pools: []string{"a"}}); got != nil {
		t.Errorf("got %+v", got)
	}
	if p := s.List()[0].Problem; !strings.HasPrefix(p, "when: ") || !strings.Contains(p, "out of range") {
		t.Errorf("the problem is %q", p)
	}
	if got := s.Login(t.Context(), fault.Login{Pools: []string{"a", "b"}}); got == nil || got.Error != "no" {
		t.Errorf("got %+v", got)
	}
}

// Each name is known where the table says so, and only there.
func TestConditionNames(t *testing.T) {
	for _, n := range fault.Conditions() {
		for _, endpoint := range []string{"discovery", "jwks", "token", "tls", "kafka-login"} {
			when := n.Name + " == " + n.Name
			if n.Type == "function" {
				when = n.Name + `("a") == ""`
			}
			_, err := set().Add(fault.Fault{Endpoint: endpoint, When: when, Close: true})
			if known := slices.Contains(n.Endpoints, endpoint); known != (err == nil) {
				t.Errorf("%s at %s: %v, want known %v", n.Name, endpoint, err, known)
			}
		}
	}
}

// No condition panics or hangs, whatever it says; one that is refused has a
// place inside it.
func FuzzWhen(f *testing.F) {
	for _, seed := range []string{`count > 1`, `client_id == "x" and scope contains "y"`, `now < date("2026-11-23")`, `header("a") matches "^(b+)+$"`,
		`1..1000000000 == []`, `all(1..9, true)`, `path[0:2] == ""`, `{"a": count}.a == 1`, `let x = scope; x == x`, "é ==\n\tcount", `(`, `"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, when string) {
		s := set()
		_, err := s.Add(fault.Fault{Endpoint: "token", When: when, Status: 500})
		var typed *fault.Error
		if errors.As(err, &typed) {
			if typed.Line > 0 && (typed.Column < 1 || typed.Column > len([]rune(when))+1 || typed.Message == "") {
				t.Errorf("%q: %+v", when, typed)
			}
			return
		}
		inMemory(t, s.Handler(inMemoryAnswer{}), "POST", "/"+acme+"/oauth2/v2.0/token", "client_id="+client+"&scope="+when)
	})
}
