package main

import (
	"strings"
	"testing"
)

// pasted is a token in everything but its meaning.
const pastedToken = "eyJ0eXAiOiJKV1QifQ.eyJpc3MiOiJ4In0.c2lnbmF0dXJlLW9mLXR3ZW50eS1ieXRlcw"

func TestReadPaste(t *testing.T) {
	wrapped := pastedToken[:10] + "\n" + pastedToken[10:30] + "\r\n  " + pastedToken[30:]
	for _, tt := range []struct {
		reason, input string
		note          string // of what was cleaned; empty when nothing was
	}{
		{"the token alone", pastedToken, ""},
		{"a line break behind it", pastedToken + "\n", ""},
		{"quotes", `"` + pastedToken + `"`, "quotes"},
		{"typographic quotes", "“" + pastedToken + "”", "quotes"},
		{"backticks", "`" + pastedToken + "`", "quotes"},
		{"the header", "Authorization: Bearer " + pastedToken, "Bearer"},
		{"the header in small letters", "authorization: bearer " + pastedToken, "Bearer"},
		{"curl's option", "-H 'Authorization: Bearer " + pastedToken + "'", "Bearer"},
		{"a whole curl command", "curl -X GET -H 'Authorization: Bearer " + pastedToken + "' https://acme.example/api", "the text around"},
		{"a form's field", "access_token=" + pastedToken, "around"},
		{"a piece of JSON", `"access_token":"` + pastedToken + `",`, "around"},
		{"a piece of an answer", `"expires_in":3599,"access_token":"` + pastedToken + `"}`, "the text around"},
		{"the answer", `{"token_type":"Bearer","access_token":"` + pastedToken + `"}`, "the JSON around access_token"},
		{"an answer of one's own", `{"token": "` + pastedToken + `"}`, "the JSON around token"},
		{"an answer that was cut off", `{"token_type":"Bearer","access_token":"` + pastedToken + `","exp`, "the text around"},
		{"lines of a terminal", wrapped, "2 line breaks and spaces"},
		{"lines of a mail", pastedToken[:10] + "=\r\n" + pastedToken[10:], "a line break"},
		{"a byte order mark", "\ufeff" + pastedToken, "an invisible character"},
		{"zero-width spaces", pastedToken[:5] + "\u200b" + pastedToken[5:20] + "\u200d" + pastedToken[20:], "2 invisible characters"},
		{"a soft hyphen and marks of direction", pastedToken[:9] + "\u00ad" + pastedToken[9:] + "\u200e", "2 invisible characters"},
		{"a no-break space", "Bearer\u00a0" + pastedToken, "an invisible character"},
		{"a semicolon", pastedToken + ";", "around"},
	} {
		p, err := readPaste(tt.input)
		if err != nil || p.token != pastedToken {
			t.Errorf("%s: got %q, %v", tt.reason, p.token, err)
		}
		note := strings.Join(p.cleaned, ", ")
		if tt.note == "" && note != "" || !strings.Contains(note, tt.note) {
			t.Errorf("%s: noted %q, want %q", tt.reason, note, tt.note)
		}
		if strings.Contains(note, "eyJ") {
			t.Errorf("%s: the note has the token: %q", tt.reason, note)
		}
	}
}

func TestReadPasteOfSomethingElse(t *testing.T) {
	for _, tt := range []struct {
		reason, input       string
		token, text, failed string
		claims              bool
	}{
		{"nothing", " \n", "", "", "", false},
		{"an opaque token", "a7f3c90d5be2468191", "a7f3c90d5be2468191", "", "", false},
		{"a token whose signature was struck out", "eyJ0eXAiOiJKV1QifQ.eyJpc3MiOiJ4In0.REDACTED", "eyJ0eXAiOiJKV1QifQ.eyJpc3MiOiJ4In0.REDACTED", "", "", false},
		{"claims", `{"iss": "x", "roles": ["a"]}`, "", "", "", true},
		{"claims on lines", "{\n  \"iss\": \"x\"\n}\n", "", "", "", true},
		{"an error of the token endpoint", `{"error":"invalid_client","error_description":"AADSTS7000215: no"}`, "", `{"error":"invalid_client","error_description":"AADSTS7000215: no"}`, "", false},
		{"its description", "AADSTS7000215: Invalid client secret provided.", "", "AADSTS7000215: Invalid client secret provided.", "", false},
		{"a client's line", "SaslAuthenticationException: Authentication failed during authentication", "", "SaslAuthenticationException: Authentication failed during authentication", "", false},
		{"claims with NaN", `{"n": NaN}`, "", "", "no JSON object", false},
		{"claims that end too early", `{"iss": "x"`, "", "", "no JSON object", false},
		{"a claim twice", `{"a": 1, "a": 2}`, "", "", "duplicate", false},
		{"ten thousand lists", `{"a": ` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, "", "", "nest more than 64 levels", false},
		{"ten thousand brackets in a string", `{"a": "` + strings.Repeat("[", 10_000) + `\""}`, "", "", "", true},
		{"two tokens", pastedToken + " and " + pastedToken, "", pastedToken + " and " + pastedToken, "", false},
	} {
		p, err := readPaste(tt.input)
		if tt.failed != "" {
			if err == nil || !strings.Contains(err.Error(), tt.failed) {
				t.Errorf("%s: got %+v, %v", tt.reason, p, err)
			}
			continue
		}
		if err != nil || p.token != tt.token || p.text != tt.text || (p.claims != nil) != tt.claims {
			t.Errorf("%s: got %q, %q, %v, %v", tt.reason, p.token, p.text, p.claims, err)
		}
	}
}

func FuzzReadPaste(f *testing.F) {
	for _, seed := range []string{pastedToken, "{", `{"a":1}`, "Bearer \"“eyJ", "\u200b", "AADSTS7000215: x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		p, err := readPaste(input)
		n := 0
		for _, is := range []bool{p.token != "", p.claims != nil, p.text != ""} {
			if is {
				n++
			}
		}
		if n > 1 || err != nil && n > 0 {
			t.Errorf("%q is %+v, %v", input, p, err)
		}
	})
}

func TestInputIsBounded(t *testing.T) {
	if _, err := readAll(strings.NewReader(strings.Repeat("x", 10<<20))); err == nil || !strings.Contains(err.Error(), "over 1048576 bytes") {
		t.Errorf("10 MB: %v", err)
	}
	if data, err := readAll(strings.NewReader(strings.Repeat("x", maxInput))); err != nil || len(data) != maxInput {
		t.Errorf("the most that is read: %d bytes, %v", len(data), err)
	}
}
