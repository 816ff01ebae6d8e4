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

// ErrorTable is the table of errors for the documentation.
func ErrorTable() string {
	var b strings.Builder
	b.WriteString("| AADSTS | error | status | text | to provoke it |\n| --- | --- | --- | --- | --- |\n")
	for _, number := range ErrorNumbers() {
		e := newError(number)
		fmt.Fprintf(&b, "| %d | `%s` | %d | %s | %s |\n", number, e.Code, e.Status, strings.ReplaceAll(e.Message, "|", "\\|"), errorTable[number].provoke)
	}
	return b.String()
}

// ErrorNumbers are those of the table, in order.
func ErrorNumbers() []int { return slices.Sorted(maps.Keys(errorTable)) }

// Provoke says how to get an error.
func Provoke(number int) string { return errorTable[number].provoke }
