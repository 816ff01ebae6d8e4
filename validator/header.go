package validator

import (
	"maps"
	"strings"
	"sync/atomic"
)

// maxHeaders is how many headers are remembered: a few for each key.
const maxHeaders = 64

// knownHeaders remembers headers. An issuer puts the same one before every
// token of a key, and reading it takes a tenth of the time that a validation
// takes beside the signature. Only those of verified tokens are kept, so that
// nobody else can fill the memory. Its zero value is empty; it is safe for
// concurrent use.
type knownHeaders struct {
	byText atomic.Pointer[map[string]token] // replaced as a whole
}

// read is readHeader, by memory where it can.
func (k *knownHeaders) read(text string) (token, *mistake) {
	if known := k.byText.Load(); known != nil {
		if t, ok := (*known)[text]; ok {
			return t, nil
		}
	}
	return readHeader(text)
}

// keep remembers the header of a token, of which nothing else is kept. When
// two are kept at the same time one of them may be lost, until next time.
func (k *knownHeaders) keep(t token) {
	old := k.byText.Load()
	headers := map[string]token{}
	if old != nil {
		if _, ok := (*old)[t.headerText]; ok {
			return
		}
		if len(*old) < maxHeaders {
			maps.Copy(headers, *old)
		}
	}
	text := strings.Clone(t.headerText)
	headers[text] = token{header: t.header, alg: t.alg, kid: t.kid, headerText: text}
	k.byText.Store(&headers)
}
