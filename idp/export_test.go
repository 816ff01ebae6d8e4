package idp

import (
	"crypto/rsa"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// PublicKey lets the tests verify with other people's libraries.
func PublicKey(k *Key) *rsa.PublicKey { return k.public }

// DecodeForm lets a fuzz test reach the parser of forms.
func DecodeForm(body string) map[string][]string { return decodeForm(body) }

// PrivateKey lets a benchmark sign without the server.
func PrivateKey(k *Key) (*rsa.PrivateKey, error) { return k.private() }

// ErrorTable is the table of errors for the documentation, and OtherErrorTable that
// of those which no request gets.
func ErrorTable() string { return printErrors(errorTable, "to provoke it") }

func OtherErrorTable() string { return printErrors(otherErrors, "what Azure sends it for") }

func printErrors(table map[int]aadsts, last string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| AADSTS | error | status | text | %s |\n| --- | --- | --- | --- | --- |\n", last)
	for _, number := range slices.Sorted(maps.Keys(table)) {
		e := newError(number)
		fmt.Fprintf(&b, "| %d | `%s` | %d | %s | %s |\n", number, e.Code, e.Status, strings.ReplaceAll(e.Message, "|", "\\|"), table[number].provoke)
	}
	return b.String()
}

// ErrorNumbers are those of the table, in order.
func ErrorNumbers() []int { return slices.Sorted(maps.Keys(errorTable)) }

// Provoke says how to get an error.
func Provoke(number int) string { return errorTable[number].provoke }
