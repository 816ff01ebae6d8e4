package main

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestSettingValue(t *testing.T) {
	for _, test := range []struct {
		text string
		want any
	}{
		{"plain", "plain"}, {"", ""}, {" two words", " two words"}, {"-", "-"}, {"tru", "tru"}, {"1.2.3", "1.2.3"}, {"api://x", "api://x"},
		{"null", nil}, {"true", jsontext.Value("true")}, {"2.0", jsontext.Value("2.0")}, {" 7 ", jsontext.Value("7")},
		{`"null"`, jsontext.Value(`"null"`)}, {`["a"]`, jsontext.Value(`["a"]`)}, {`{"a":null}`, jsontext.Value(`{"a":null}`)},
	} {
		got, err := settingValue(test.text)
		value, isJSON := got.(jsontext.Value)
		want, wantJSON := test.want.(jsontext.Value)
		if err != nil || isJSON != wantJSON || isJSON && string(value) != string(want) || !isJSON && got != test.want {
			t.Errorf("%q is %#v (%v), want %#v", test.text, got, err, test.want)
		}
	}
	for _, text := range []string{`["a"`, `{a: 1}`, `"a`, `[] []`, `{"a":1,"a":2}`} {
		if got, err := settingValue(text); err == nil {
			t.Errorf("%q is %#v, want a refusal", text, got)
		}
	}
}

// A float64 would make 12345678901234567000 of it, and 2 of 2.0.
func TestTokenKeepsNumbersAsWritten(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"token", "--claim", "n=12345678901234567890", "--claim", "t=2.0", "--claim", "azp=null"}
	if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(out.String(), ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{`"n":12345678901234567890,`: true, `"t":2.0,`: true, `"azp":`: false} {
		if strings.Contains(string(claims), text) != want {
			t.Errorf("%s in the claims is %v, want %v: %s", text, !want, want, claims)
		}
	}
}

func TestNearTwins(t *testing.T) {
	names := []string{"valid", "expired", "alg-none", "alg-none-upper", "kid-a", "kid-b", "kid-c", "kid-d", "kid-e", "kid-f"}
	for word, want := range map[string][]string{
		"expird": {"expired"}, "NONE": {"alg-none", "alg-none-upper"}, "kid": {"kid-a", "kid-b", "kid-c", "kid-d", "kid-e"}, "e": nil, "": nil, "elephant": nil,
	} {
		if got := nearTwins(word, names); !slices.Equal(got, want) {
			t.Errorf("%q is near %q, want %q", word, got, want)
		}
	}
}
