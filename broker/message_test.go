package broker

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"
)

// The grammar as two expressions (kafka-oauthbearer.md 2.2), apart from the
// parser: of the whole message, and of the credentials among its pairs.
var (
	wholeMessage = regexp.MustCompile(`\An,(a=([\x01-\x2b\x2d-\x3c\x3e-\x7f]|=2C|=3D)+)?,\x01([A-Za-z]+=[\x21-\x7E \t\r\n]+\x01)*\x01\z`)
	lastAuth     = regexp.MustCompile(`(?s)\A.*\x01auth=[Bb][Ee][Aa][Rr][Ee][Rr] +([-_~+/.a-zA-Z0-9]+=*)\x01`)
	anyAuth      = regexp.MustCompile(`(?s)\A.*\x01auth=[^\x01]*\x01`)
)

// inGrammar says whether a message is of the grammar, and what its token is.
func inGrammar(message string) (token string, ok bool) {
	header := regexp.MustCompile(`\An,[^,]*,`).FindString(message)
	if !wholeMessage.MatchString(message) {
		return "", false
	}
	pairs := message[len(header):]
	auth := lastAuth.FindStringSubmatch(pairs)
	if auth == nil || auth[0] != anyAuth.FindString(pairs) { // the last of several counts
		return "", false
	}
	return auth[1], true
}

// encoded is a message that is read as m.
func (m clientMessage) encoded() string {
	b := "n,"
	if m.authzid != "" {
		b += "a=" + escapeSASLName.Replace(m.authzid)
	}
	b += ",\x01auth=Bearer " + m.token + separator
	for key, value := range m.extensions {
		b += key + "=" + value + separator
	}
	return b + separator
}

func (m clientMessage) equal(o clientMessage) bool {
	return m.authzid == o.authzid && m.token == o.token && maps.Equal(m.extensions, o.extensions)
}

func TestClientMessage(t *testing.T) {
	x := map[string]string{}
	rows := []struct {
		message string
		want    clientMessage
	}{
		{"n,,\x01auth=Bearer a.b.c\x01\x01", clientMessage{token: "a.b.c", extensions: x}},
		{"n,,\x01auth=bearer a\x01\x01", clientMessage{token: "a", extensions: x}},
		{"n,,\x01auth=BEARER   a==\x01\x01", clientMessage{token: "a==", extensions: x}},
		{"n,,\x01auth=Bearer -_~+/.aZ9\x01\x01", clientMessage{token: "-_~+/.aZ9", extensions: x}},
		{"n,a=me,\x01auth=Bearer a\x01\x01", clientMessage{authzid: "me", token: "a", extensions: x}},
		{"n,a=a=2Cb=3Dc,\x01auth=Bearer a\x01\x01", clientMessage{authzid: "a,b=c", token: "a", extensions: x}},
		// The byte 1 is one of a name's, and cut the message in two.
		{"n,a=a\x01b,\x01auth=Bearer a\x01\x01", clientMessage{authzid: "a\x01b", token: "a", extensions: x}},
		{"n,a=\x01auth,\x01auth=Bearer a\x01\x01", clientMessage{authzid: "\x01auth", token: "a", extensions: x}},
		{"n,,\x01k=v\x01auth=Bearer a\x01K=v=w\x01\x01", clientMessage{token: "a", extensions: map[string]string{"k": "v", "K": "v=w"}}},
		{"n,,\x01auth=Bearer a\x01k=1\x01k=2\x01\x01", clientMessage{token: "a", extensions: map[string]string{"k": "2"}}},
		{"n,,\x01auth=Basic x\x01auth=Bearer a\x01\x01", clientMessage{token: "a", extensions: x}},
		{"n,,\x01auth=Bearer a\x01k= \t\r\n~\x01\x01", clientMessage{token: "a", extensions: map[string]string{"k": " \t\r\n~"}}},
	}
	for _, row := range rows {
		got, err := parseClientMessage([]byte(row.message))
		if err != nil || !got.equal(row.want) {
			t.Errorf("%q is %+v (%v), want %+v", row.message, got, err, row.want)
		}
		if token, ok := inGrammar(row.message); !ok || token != row.want.token {
			t.Errorf("%q: the other grammar says %q, %v", row.message, token, ok)
		}
		if again, err := parseClientMessage([]byte(got.encoded())); err != nil || !again.equal(got) {
			t.Errorf("%q is written as %q, which is read as %+v (%v)", row.message, got.encoded(), again, err)
		}
	}
}

func TestClientMessageRefused(t *testing.T) {
	const (
		noSeparator = `the message has no \x01 in it`
		begins      = `the message begins with neither "n,,\x01" nor "n,a=NAME,\x01"`
		ends        = `the message does not end with two \x01`
		noPair      = "a part of the message is no key=value"
		noAuth      = "the message has no auth=Bearer TOKEN"
		credentials = "auth is not of the form Bearer TOKEN"
		value       = "the value of %s is empty or has a character that is not allowed"
		key         = "the key %q has something other than letters in it"
	)
	rows := []struct{ message, want string }{
		{"", noSeparator},
		{"n,,", noSeparator},
		{"\x00", noSeparator},
		{"\x01", begins},
		{"\x01\x01", begins},
		{"y,,\x01auth=Bearer a\x01\x01", begins},
		{"p=tls-unique,,\x01auth=Bearer a\x01\x01", begins},
		{"N,,\x01auth=Bearer a\x01\x01", begins},
		{"n,\x01auth=Bearer a\x01\x01", begins},
		{"n,,,\x01auth=Bearer a\x01\x01", begins},
		{" n,,\x01auth=Bearer a\x01\x01", begins},
		{"n,a=,\x01auth=Bearer a\x01\x01", begins},
		{"n,b=x,\x01auth=Bearer a\x01\x01", begins},
		{"n,a=x=y,\x01auth=Bearer a\x01\x01", begins},
		{"n,a=x=2c,\x01auth=Bearer a\x01\x01", begins},
		{"n,a=x\x00,\x01auth=Bearer a\x01\x01", begins},
		{"n,a=\u00fc,\x01auth=Bearer a\x01\x01", begins},
		{"n,a=\xff,\x01auth=Bearer a\x01\x01", begins},
		{"n,,auth=Bearer a\x01\x01", begins},
		{"n,,\x01", ends},
		{"n,,\x01\x01", ends},
		{"n,,\x01auth=Bearer a", ends},
		{"n,,\x01auth=Bearer a\x01", ends},
		{"n,,\x01auth=Bearer a\x01\x01\n", ends},
		{"n,,\x01auth=Bearer a\x01\x01\x00", ends},
		{"n,,\x01\x01\x01", noPair},
		{"n,,\x01auth=Bearer a\x01\x01\x01", noPair},
		{"n,,\x01\x01auth=Bearer a\x01\x01", noPair},
		{"n,,\x01auth=Bearer a\x01k\x01\x01", noPair},
		{"n,,\x01k=v\x01\x01", noAuth},
		{"n,,\x01Auth=Bearer a\x01\x01", noAuth},
		{"n,,\x01auth=\x01\x01", fmt.Sprintf(value, "auth")},
		{"n,,\x01auth=Bearer\x01\x01", credentials},
		{"n,,\x01auth=Bearer \x01\x01", credentials},
		{"n,,\x01auth= Bearer a\x01\x01", credentials},
		{"n,,\x01auth=Bearer\ta\x01\x01", credentials},
		{"n,,\x01auth=Bearer a b\x01\x01", credentials},
		{"n,,\x01auth=Bearer a \x01\x01", credentials},
		{"n,,\x01auth=Bearer a=b\x01\x01", credentials},
		{"n,,\x01auth=Bearer =\x01\x01", credentials},
		{"n,,\x01auth=Bearer a,b\x01\x01", credentials},
		{"n,,\x01auth=Bearer a\n\x01\x01", credentials},
		{"n,,\x01auth=a\x01\x01", credentials},
		{"n,,\x01auth=Bearer a\x01auth=x\x01\x01", credentials},
		{"n,,\x01auth=Basic a\x01\x01", `the scheme of auth is "Basic", want Bearer`},
		{"n,,\x01auth=Bearer2 a\x01\x01", `the scheme of auth is "Bearer2", want Bearer`},
		{"n,,\x01auth=Bearer a\x01=v\x01\x01", fmt.Sprintf(key, "")},
		{"n,,\x01auth=Bearer a\x01k1=v\x01\x01", fmt.Sprintf(key, "k1")},
		{"n,,\x01auth=Bearer a\x01extension_identityPoolId=v\x01\x01", fmt.Sprintf(key, "extension_identityPoolId")},
		{"n,,\x01auth=Bearer a\x01logical cluster=v\x01\x01", fmt.Sprintf(key, "logical cluster")},
		{"n,,\x01auth=Bearer a\x01sch\u00fcssel=v\x01\x01", fmt.Sprintf(key, "sch\u00fcssel")},
		{"n,,\x01auth=Bearer a\x01k\n=v\x01\x01", fmt.Sprintf(key, "k\n")},
		{"n,,\x01auth=Bearer a\x01k=\x01\x01", fmt.Sprintf(value, "k")},
		{"n,,\x01auth=Bearer a\x01k=v\x00\x01\x01", fmt.Sprintf(value, "k")},
		{"n,,\x01auth=Bearer a\x01k=\x7f\x01\x01", fmt.Sprintf(value, "k")},
		{"n,,\x01auth=Bearer a\x01k=\u00fc\x01\x01", fmt.Sprintf(value, "k")},
		{"n,,\x01auth=Bearer a\x01k=\xff\x01\x01", fmt.Sprintf(value, "k")},
	}
	for _, row := range rows {
		got, err := parseClientMessage([]byte(row.message))
		if err == nil || err.Error() != row.want {
			t.Errorf("%q is %+v, error %v; want error %s", row.message, got, err, row.want)
		}
		if token, ok := inGrammar(row.message); ok {
			t.Errorf("%q: the other grammar takes it, with the token %q", row.message, token)
		}
	}
}

// A message may have as many extensions as there is room for.
func TestClientMessageOfThousandExtensions(t *testing.T) {
	message := "n,,\x01auth=Bearer a\x01"
	for i := range 1000 {
		message += strings.Repeat("k", 1+i%200) + string(rune('A'+i/200)) + "=v\x01"
	}
	m, err := parseClientMessage([]byte(message + separator))
	if err != nil || len(m.extensions) != 1000 {
		t.Errorf("%d extensions (%v), want 1000", len(m.extensions), err)
	}
}
