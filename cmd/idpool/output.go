package main

import (
	"encoding/json"
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal says whether a person watches a stream.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// isPipe says whether another command writes into a stream.
func isPipe(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

// paint colours text for a person, never for a file or a pipe.
type paint bool

func paintFor(w io.Writer) paint {
	return paint(isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

func (p paint) in(code, s string) string {
	if !p {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) green(s string) string { return p.in("32", s) }
func (p paint) red(s string) string   { return p.in("31", s) }
func (p paint) faint(s string) string { return p.in("2", s) }
func (p paint) bold(s string) string  { return p.in("1", s) }

// printJSON writes a value on several lines.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
