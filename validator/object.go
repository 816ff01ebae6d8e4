package validator

import (
	"strconv"
	"strings"
)

// plainReader reads the plain JSON that tokens are made of: ASCII without
// escapes. It gives up at anything else, mistakes included, and leaves those
// to the JSON package, which reads three times slower and explains; a fuzz test
// holds the two together. Strings share the memory of the text.
type plainReader struct {
	text  string
	at    int
	depth int
}

// readPlain reads a whole object; false when it is not plain.
func readPlain(text string) (map[string]any, bool) {
	r := plainReader{text: text}
	r.space()
	if r.peek() != '{' {
		return nil, false
	}
	object, ok := r.object(strings.Count(text, `":`))
	r.space()
	return object, ok && r.at == len(text)
}

// peek is the next byte, or 0, which no plain JSON has, at the end.
func (r *plainReader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

// space skips the white space of RFC 8259 2, of which Go knows more.
func (r *plainReader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// next skips white space and takes c, if c is there.
func (r *plainReader) next(c byte) bool {
	r.space()
	if r.peek() != c {
		return false
	}
	r.at++
	return true
}

// value reads what the JSON package would give for the same text: a float64
// for any number, []any and map[string]any.
func (r *plainReader) value() (any, bool) {
	r.space()
	switch c := r.peek(); {
	case c == '"':
		return r.string()
	case c == '{':
		return r.object(0)
	case c == '[':
		return r.array()
	case c == '-' || '0' <= c && c <= '9':
		return r.number()
	case r.literal("true"):
		return true, true
	case r.literal("false"):
		return false, true
	case r.literal("null"):
		return nil, true
	}
	return nil, false
}

// literal takes a word, if it is there. What may follow it is for the caller to
// say, who wants a comma or a bracket.
func (r *plainReader) literal(word string) bool {
	if !strings.HasPrefix(r.text[r.at:], word) {
		return false
	}
	r.at += len(word)
	return true
}

// object reads an object of about n members. A name that occurs twice is not
// plain; it shows by the object not growing, which saves looking each up.
func (r *plainReader) object(n int) (map[string]any, bool) {
	if r.depth++; r.depth > maxDepth {
		return nil, false
	}
	r.at++
	object := make(map[string]any, n)
	for members := 0; !r.next('}'); members++ {
		if members > 0 && !r.next(',') {
			return nil, false
		}
		r.space()
		name, ok := r.string()
		if !ok || !r.next(':') {
			return nil, false
		}
		if object[name], ok = r.value(); !ok || len(object) == members {
			return nil, false
		}
	}
	r.depth--
	return object, true
}

// array reads an array; an empty one is not nil, as the JSON package has it.
func (r *plainReader) array() ([]any, bool) {
	if r.depth++; r.depth > maxDepth {
		return nil, false
	}
	r.at++
	array := []any{}
	for !r.next(']') {
		if len(array) > 0 && !r.next(',') {
			return nil, false
		}
		value, ok := r.value()
		if !ok {
			return nil, false
		}
		array = append(array, value)
	}
	r.depth--
	return array, true
}

// string reads a string without escapes. Text that is not ASCII is left to the
// JSON package too: it may be no UTF-8.
func (r *plainReader) string() (string, bool) {
	if r.peek() != '"' {
		return "", false
	}
	start := r.at + 1
	for i := start; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.at = i + 1
			return r.text[start:i], true
		case c < ' ' || c == '\\' || c >= 0x80:
			return "", false
		}
	}
	return "", false
}

// number reads a whole number of up to 15 digits, which a float64 holds
// exactly, itself, and others by strconv.
func (r *plainReader) number() (float64, bool) {
	start := r.at
	var whole int64
	for '0' <= r.peek() && r.peek() <= '9' {
		whole = whole*10 + int64(r.peek()-'0')
		r.at++
	}
	digits := r.at - start
	if c := r.peek(); c != '.' && c != 'e' && c != 'E' && 0 < digits && digits <= 15 {
		return float64(whole), digits == 1 || r.text[start] != '0'
	}
	for strings.IndexByte("+-.eE0123456789", r.peek()) >= 0 && r.at < len(r.text) {
		r.at++
	}
	number := r.text[start:r.at]
	if !validNumber(number) {
		return 0, false
	}
	f, err := strconv.ParseFloat(number, 64)
	return f, err == nil
}

// validNumber reports whether text is a number of RFC 8259 6, of which
// strconv knows more.
func validNumber(text string) bool {
	text = strings.TrimPrefix(text, "-")
	whole := digits(text)
	if whole == 0 || whole > 1 && text[0] == '0' {
		return false
	}
	text = text[whole:]
	if strings.HasPrefix(text, ".") {
		n := digits(text[1:])
		if n == 0 {
			return false
		}
		text = text[1+n:]
	}
	if text == "" {
		return true
	}
	if text[0] != 'e' && text[0] != 'E' {
		return false
	}
	text = text[1:]
	if text != "" && (text[0] == '+' || text[0] == '-') {
		text = text[1:]
	}
	return text != "" && digits(text) == len(text)
}

// digits counts the digits that text begins with.
func digits(text string) int {
	n := 0
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	return n
}
