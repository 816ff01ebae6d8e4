package mask_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/idpool/idpool/internal/imports"
	"github.com/idpool/idpool/internal/mask"
)

func TestImports(t *testing.T) { imports.Check(t, ".") }

const (
	secret = "yOZ8Q~N3nEN4T2ZCPTqyqbXl9kYNZvBgDC2aqc35" // of nobody
	odd    = `p<ss "w+rd\`
	token  = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
	spaced = "eyAiYWxnIjoiUlMyNTYifQ.eyJzdWIiOiJhIn0.c2lnbmF0dXJl" // { "alg":"RS256"}
)

func TestText(t *testing.T) {
	var s mask.Set
	s.Add(secret, odd, "short", "secret", "", "   ")
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"plain", "the filter of pool-dev does not match", "the filter of pool-dev does not match"},
		{"alone", secret, "(a secret)"},
		{"in angle brackets", "<" + secret + ">", "<(a secret)>"},
		{"in a sentence's brackets", "it is (" + secret + ")", "it is ((a secret))"},
		{"within a word", "x" + secret + "y", "x(a secret)y"},
		{"twice", secret + secret, "(a secret)(a secret)"},
		{"cut off, which is none", secret[:39], secret[:39]},
		{"with odd characters", "got " + odd, "got (a secret)"},
		{"quoted", fmt.Sprintf("got %q", odd), `got "(a secret)"`},
		{"escaped", "/a/p%3Css%20%22w+rd%5C", "/a/(a secret)"},
		{"of a form", "a=p%3Css+%22w%2Brd%5C", "a=(a secret)"},
		{"a short one", "short", "(a secret)"},
		{"a short word", "cluster=short,(short)", "cluster=(a secret),((a secret))"},
		{"a short one within a word", "shorter than short-lived", "shorter than short-lived"},
		{"a token", token, "(a token)"},
		{"tokens in a path", "/x/" + token + "/" + token + "?", "/x/(a token)/(a token)?"},
		{"the beginning of a token", "Bearer " + token[:30] + "…", "Bearer (a token)…"},
		{"a token whose header has a space", "/" + spaced, "/(a token)"},
		{"a name that has a token's beginning", "topic=keyJoins and a-newkey.of-some-length.or-other", "topic=keyJoins and a-newkey.of-some-length.or-other"},
		{"what stands for a secret", "secret " + secret, "(a secret) (a secret)"},
		{"both", token + " " + secret, "(a token) (a secret)"},
	} {
		if got := s.Text(tc.text); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
	if got := s.Sentence("a short text with " + secret); got != "a short text with (a secret)" {
		t.Errorf("of idpool's own: %q", got)
	}
	if got := new(mask.Set).Text("short " + token); got != "short (a token)" {
		t.Errorf("without secrets: %q", got)
	}
}

// What several have is hidden until the last has let it go.
func TestRemove(t *testing.T) {
	var s mask.Set
	s.Add("a-secret-of-two", "another-secret")
	s.Add("a-secret-of-two")
	s.Remove("a-secret-of-two", "another-secret", "of-nobody")
	for i := range 1000 { // enough for those that were removed to be forgotten
		one := fmt.Sprint("a-secret-for-a-while-", i)
		s.Add(one)
		if got := s.Text(one); got != mask.Secret {
			t.Fatalf("%q is left of the secret %d", got, i)
		}
		s.Remove(one)
	}
	for text, want := range map[string]string{"a-secret-of-two": mask.Secret, "another-secret": "another-secret", "a-secret-for-a-while-1": "a-secret-for-a-while-1"} {
		if got := s.Text(text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestManySecrets(t *testing.T) {
	var s mask.Set
	all := make([]string, 5000)
	for i := range all {
		all[i] = fmt.Sprintf("%08x-secret-%d", i*2654435761, i)
	}
	s.Add(all...)
	for _, one := range all {
		if got := s.Text("it is " + one + "."); got != "it is (a secret)." {
			t.Fatalf("%s: got %q", one, got)
		}
	}
}

func TestCut(t *testing.T) {
	for shift := range 4 {
		got := mask.Cut(strings.Repeat("x", shift) + strings.Repeat("€", 400))
		if want := fmt.Sprintf("… (%d bytes)", 1200+shift); !utf8.ValidString(got) || !strings.HasSuffix(got, want) || len(got) > 220 {
			t.Errorf("%d bytes before: %q", shift, got)
		}
	}
	if got := mask.Cut(strings.Repeat("x", 200)); len(got) != 200 {
		t.Errorf("200 bytes were cut to %d", len(got))
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"", secret, "<" + secret, token, odd, "\xffshort\xff"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		var s mask.Set
		s.Add(secret)
		if got := s.Text(before + secret + after); strings.Contains(got, secret) {
			t.Errorf("the secret is in %q", got)
		}
	})
}

// BenchmarkText is a text of 100 bytes in which there is nothing to hide, with
// few secrets and with many.
func BenchmarkText(b *testing.B) {
	text := strings.Repeat("api://4f6dfe4c-38a2-4c6e-b2f1/.default claims ", 3)[:100]
	for _, n := range []int{0, 4, 100_000} {
		var s mask.Set
		for i := range n {
			s.Add(fmt.Sprintf("%x~secret-of-application-%d", i*2654435761, i))
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				s.Text(text)
			}
		})
	}
}

// BenchmarkAdd is what a scope with four secrets, which others have too, adds and
// takes away again; and what one with secrets of its own does.
func BenchmarkAdd(b *testing.B) {
	four := []string{secret, secret + "2", secret + "3", secret + "4"}
	b.Run("known", func(b *testing.B) {
		var s mask.Set
		s.Add(four...)
		for b.Loop() {
			s.Add(four...)
			s.Remove(four...)
		}
	})
	b.Run("new", func(b *testing.B) {
		var s mask.Set
		for b.Loop() {
			s.Add(four...)
			s.Remove(four...)
		}
	})
}
