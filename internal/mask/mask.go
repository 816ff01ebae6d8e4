// Package mask hides secrets and tokens in what a log, a journal or a client is
// told: people put them into wrong places.
//
// Begin with the zero [Set] and [Set.Add]; [Set.Text] hides, [Cut] keeps a text
// short. It finds no secret that it was not given, and none that is cut in two.
package mask

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// What stands for a secret and for a token.
const (
	Secret = "(a secret)"
	Token  = "(a token)"
)

// Set are secrets that nobody may read. The zero Set has none, and hides what
// looks like a token. It is safe for concurrent use.
//
// A secret of eight bytes or more is found wherever it is: the eight bytes at
// each place of a text are looked up in a filter, which costs about a nanosecond
// however many secrets there are, and only what passes it is compared. A shorter
// one may be part of any word, and is found as a whole word.
type Set struct {
	mu    sync.RWMutex
	held  map[string]int // the secrets, and how often each was added
	stale int            // how many were removed that are found all the same

	known  map[string]bool  // the forms of the secrets
	begin  map[uint64][]int // how long the forms are that begin with these eight bytes, longest first
	filter []uint64         // bits: by a hash of the eight bytes
	shift  uint             // of the hash
	words  bool             // there is a short form
}

// window is how many bytes are looked up at once.
const window = 8

// Add hides secrets from now on, each until it was removed as often as it was
// added.
func (s *Set) Add(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held = map[string]int{}
		s.build()
	}
	for _, secret := range secrets {
		if strings.TrimSpace(secret) == "" {
			continue
		}
		if s.held[secret]++; s.held[secret] == 1 {
			s.find(secret)
		}
	}
}

// Remove takes secrets away again. A few that were removed are hidden on.
func (s *Set) Remove(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		switch s.held[secret] {
		case 0:
		case 1:
			delete(s.held, secret)
			s.stale++
		default:
			s.held[secret]--
		}
	}
	if s.stale > len(s.held)+16 {
		s.build()
	}
}

// build makes what finds the secrets anew.
func (s *Set) build() {
	s.stale, s.words = 0, false
	s.known, s.begin = make(map[string]bool, len(s.held)), make(map[uint64][]int, len(s.held))
	s.widen(len(s.held))
	for secret := range s.held {
		s.find(secret)
	}
}

// widen makes the filter of a size that fits n secrets: of 32 of its bits, one is
// set at most.
func (s *Set) widen(n int) {
	bits := uint(12)
	for 1<<bits < 64*n {
		bits++
	}
	s.filter, s.shift = make([]uint64, 1<<(bits-6)), 64-bits
	for start := range s.begin {
		s.mark(start)
	}
}

func (s *Set) mark(start uint64) {
	h := hash(start) >> s.shift
	s.filter[h>>6] |= 1 << (h & 63)
}

func hash(start uint64) uint64 { return start * 0x9E3779B97F4A7C15 } // Knuth's multiplicative hashing

// find makes a secret to be found, in the forms in which errors quote and URLs
// escape it too.
func (s *Set) find(secret string) {
	quoted := strconv.Quote(secret)
	for _, form := range []string{secret, quoted[1 : len(quoted)-1], url.QueryEscape(secret), url.PathEscape(secret)} {
		if s.known[form] {
			continue
		}
		s.known[form] = true
		if len(form) < window {
			s.words = true
			continue
		}
		start := binary.LittleEndian.Uint64([]byte(form[:window]))
		if lengths := s.begin[start]; !slices.Contains(lengths, len(form)) {
			lengths = append(slices.Clone(lengths), len(form))
			slices.SortFunc(lengths, func(a, b int) int { return b - a })
			s.begin[start] = lengths
		}
		if len(s.begin) > len(s.filter)*2 { // in bits, one of 32
			s.widen(2 * len(s.begin))
			continue
		}
		s.mark(start)
	}
}

// Text is a text without the secrets and without what looks like a token.
func (s *Set) Text(text string) string { return s.hide(text, true) }

// Sentence is Text for what idpool wrote itself, and may have ordinary words in
// which only somebody's secret of a few letters is: those stay.
func (s *Set) Sentence(text string) string { return s.hide(text, false) }

// hide is Text, with or without looking at words.
func (s *Set) hide(text string, words bool) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	plain := func(part string) string { return part }
	if words && s.words {
		plain = s.withoutWords
	}
	var out []byte
	done := 0
	for i := 0; i+window <= len(text); i++ {
		start := load(text[i : i+window])
		n, sign := 0, Secret
		if s.mayBegin(start) {
			n = s.secretAt(text[i:], start)
		}
		if n == 0 && mayBeToken(start) {
			n, sign = tokenAt(text[i:]), Token
		}
		if n == 0 {
			continue
		}
		out = append(append(out, plain(text[done:i])...), sign...)
		done = i + n
		i = done - 1
	}
	if done == 0 {
		return plain(text)
	}
	return string(append(out, plain(text[done:])...))
}

// Tokens is a text without what looks like a token.
func Tokens(text string) string {
	var none Set
	return none.Sentence(text)
}

// load is the eight bytes of a text as find has them.
func load(b string) uint64 {
	_ = b[window-1]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// mayBegin says whether a secret may begin with eight bytes. The caller holds mu.
func (s *Set) mayBegin(start uint64) bool {
	if len(s.filter) == 0 {
		return false
	}
	h := hash(start) >> s.shift
	return s.filter[h>>6]&(1<<(h&63)) != 0
}

// secretAt is how long the secret is that a text begins with; 0 for none. The
// caller holds mu.
func (s *Set) secretAt(text string, start uint64) int {
	for _, n := range s.begin[start] {
		if n <= len(text) && s.known[text[:n]] {
			return n
		}
	}
	return 0
}

// separators are what may stand around a secret that was put into a wrong
// place: in forms, URLs, headers, lists and brackets.
const separators = "&;=?/:,|<>()[]{}\\ \t\r\n\"'`"

// withoutWords hides the short secrets. The caller holds mu.
func (s *Set) withoutWords(text string) string {
	if s.known[text] {
		return Secret
	}
	var out []byte
	done := 0
	for i := 0; i < len(text); i++ {
		end := strings.IndexAny(text[i:], separators)
		if end < 0 {
			end = len(text) - i
		}
		if s.known[text[i:i+end]] {
			out = append(append(out, text[done:i]...), Secret...)
			done = i + end
		}
		i += end
	}
	if done == 0 {
		return text
	}
	return string(append(out, text[done:]...))
}

// leastToken is less than any token has: its header alone is as long.
const leastToken = 20

// mayBeToken says whether eight bytes may be the beginning of a JSON object in
// base64url, as that of every token is: eyJ is {", and eyA, ewo, ew0 and ewk have
// white space in between.
func mayBeToken(start uint64) bool {
	two := start & 0xffff
	return two == 'e'|'y'<<8 || two == 'e'|'w'<<8
}

// tokenAt is how long the token is that a text begins with, which may be cut off
// at its end; 0 for none.
func tokenAt(text string) int {
	end := 0
	for end < len(text) && isTokenByte(text[end]) {
		end++
	}
	if end < leastToken {
		return 0
	}
	if strings.HasPrefix(text, "eyJ") {
		return end
	}
	// No word of a language has a J there; these are in many.
	header, _, whole := strings.Cut(text[:end], ".")
	if decoded, err := base64.RawURLEncoding.DecodeString(header); !whole || err != nil || !json.Valid(decoded) {
		return 0
	}
	return end
}

func isTokenByte(c byte) bool {
	return c == '.' || c == '-' || c == '_' || c == '=' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// longest is how much of what a client sent a log has, in bytes.
const longest = 200

// Cut keeps what a client sent short: its beginning, and how long it was.
func Cut(text string) string { return CutFrom(text, len(text)) }

// CutFrom is Cut of a text in which something is hidden, and which was so many
// bytes long.
func CutFrom(text string, size int) string {
	if len(text) <= longest {
		return text
	}
	end := longest
	for end > longest-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s… (%d bytes)", text[:end], size)
}
