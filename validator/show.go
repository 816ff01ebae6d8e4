package validator

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/idpool/idpool/internal/nearest"
)

// maxShown is how many bytes of a value of a token a message repeats.
const maxShown = 120

// maxListed is how many of many ids a message lists.
const maxListed = 5

// show is a JSON value as a message repeats it.
func show(v any) string {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return "a value that is no JSON"
	}
	return clip(string(text))
}

// quote is a string of a token as a message repeats it: nothing in it can
// pass for a part of the message or move a terminal's cursor.
func quote(s string) string { return strconv.Quote(clip(s)) }

// clip cuts long text between two characters.
func clip(s string) string {
	if len(s) <= maxShown {
		return s
	}
	end := maxShown
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// list names a few of many.
func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	if len(names) <= maxListed {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:maxListed], ", ") + " and " + strconv.Itoa(len(names)-maxListed) + " more"
}

// guess names the known word that a client's word most likely meant, or "". It
// does not try long ones: comparing takes the product of the lengths, for each
// known word, and anybody can send sixteen thousand letters.
func guess(word string, known []string) string {
	if len(word) > maxShown {
		return ""
	}
	return nearest.To(word, known)
}

// stamp is a time as messages have it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
