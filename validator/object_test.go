package validator

import (
	"math"
	"reflect"
	"testing"

	gojson "github.com/go-json-experiment/json"
)

// plainTexts are objects with whether they are plain.
func plainTexts() map[string]bool {
	return map[string]bool{
		`{}`:                                  true,
		` { } `:                               true,
		`{"a":1}`:                             true,
		"{\n\t\"a\" : [ 1 , 2 ] ,\r\"b\":{}}": true,
		`{"a":"b","c":["d",[],{"e":null}],"f":true,"g":false}`:                                                   true,
		`{"a":-1,"b":0,"c":-0,"d":1.5,"e":1e3,"f":1E+3,"g":1.25e-3,"h":123456789012345,"i":1234567890123456789}`: true,
		`{"a":""}`:            true,
		`{"":""}`:             true,
		``:                    false,
		`{`:                   false,
		`[]`:                  false,
		`"a"`:                 false,
		`{"a"}`:               false,
		`{"a":}`:              false,
		`{"a":1,}`:            false,
		`{,"a":1}`:            false,
		`{"a":1 "b":2}`:       false,
		`{"a":[1,]}`:          false,
		`{"a":[,1]}`:          false,
		`{"a":[1 2]}`:         false,
		`{"a":1}{}`:           false,
		`{"a":1}x`:            false,
		`{"a":1,"a":1}`:       false,
		`{"a":{"b":1,"b":2}}`: false,
		`{"a":"\n"}`:          false,
		"{\"a\":\"\x01\"}":    false,
		`{"a":"é"}`:           false,
		"{\"a\":\"\xff\"}":    false,
		`{"a":"b`:             false,
		`{"a":01}`:            false,
		`{"a":-01}`:           false,
		`{"a":00}`:            false,
		`{"a":-}`:             false,
		`{"a":1.}`:            false,
		`{"a":.5}`:            false,
		`{"a":1e}`:            false,
		`{"a":1e+}`:           false,
		`{"a":+1}`:            false,
		`{"a":0x10}`:          false,
		`{"a":1_000}`:         false,
		`{"a":Infinity}`:      false,
		`{"a":NaN}`:           false,
		`{"a":1e400}`:         false,
		`{"a":tru}`:           false,
		`{"a":nulll}`:         false,
		`{a:1}`:               false,
		`{'a':1}`:             false,
		`{"a":1}` + "\x00":    false,
		deep(maxDepth):        true,
		deep(maxDepth + 1):    false,
	}
}

// deep is an object of n levels.
func deep(n int) string {
	text := "1"
	for range n {
		text = `{"a":` + text + `}`
	}
	return text
}

func TestReadPlain(t *testing.T) {
	for text, plain := range plainTexts() {
		if _, ok := readPlain(text); ok != plain {
			t.Errorf("%q: plain is %v, want %v", text, ok, plain)
		}
		samePlain(t, text)
	}
}

// samePlain checks that what is read as plain is what the JSON package reads.
func samePlain(t *testing.T, text string) {
	t.Helper()
	got, ok := readPlain(text)
	if !ok {
		return
	}
	var want any
	if err := gojson.Unmarshal([]byte(text), &want); err != nil {
		t.Errorf("%q is read as %v, and is no JSON: %v", text, got, err)
		return
	}
	if !reflect.DeepEqual(any(got), want) {
		t.Errorf("%q is read as %#v, want %#v", text, got, want)
	}
}

func TestReadPlainMinusZero(t *testing.T) {
	got, _ := readPlain(`{"a":-0}`)
	if f, ok := got["a"].(float64); !ok || !math.Signbit(f) {
		t.Errorf("got %v, want -0 as other readers have it", got["a"])
	}
}

// FuzzPlain: whatever is read as plain JSON, the JSON package reads the same.
func FuzzPlain(f *testing.F) {
	for text := range plainTexts() {
		f.Add(text)
	}
	f.Add(azurePayload(1))
	f.Fuzz(func(t *testing.T, text string) { samePlain(t, text) })
}
