package fault

import (
	"slices"
	"strings"
)

// A kind groups the settings that belong together: a fault is of one kind, with
// the exceptions that fits makes.
type kind int

const (
	choosing  kind = iota // where, when and how often
	delaying              // goes with every other
	answering             // an answer instead of the real one
	keeping               // another content of the real answer
	sending               // how the answer is sent
	breaking              // no answer at all
	other                 // of one endpoint that is not HTTP
)

// setting is a field of a Fault.
type setting struct {
	name  string
	kind  kind
	on    []string // endpoints
	given func(*Fault) bool
	sees  string
}

// overHTTP are the endpoints that answer requests.
func overHTTP() []string { return []string{Discovery, JWKS, Token, Instance, IMDS, AppService} }

// issuing are those of them whose answers have a token.
func issuing() []string { return []string{Token, IMDS, AppService} }

// settings are the fields of a Fault in its order, with what they do.
func settings() []setting {
	named := append(issuing(), KafkaLogin)
	return []setting{
		{"tenant", choosing, []string{Discovery, JWKS, Token, KafkaLogin}, func(f *Fault) bool { return f.Tenant != "" }, "only requests for this tenant, by its id or a domain"},
		{"clientId", choosing, named, func(f *Fault) bool { return f.ClientID != "" }, "only requests of this client"},
		{"when", choosing, Endpoints(), func(f *Fault) bool { return f.When != "" }, "only requests that the condition is true of"},
		{"from", choosing, Endpoints(), func(f *Fault) bool { return !f.From.IsZero() }, "nothing before this time of the stack's clock"},
		{"until", choosing, Endpoints(), func(f *Fault) bool { return !f.Until.IsZero() }, "nothing from this time of the stack's clock on"},
		{"times", choosing, Endpoints(), func(f *Fault) bool { return f.Times != 0 }, "the fault so many times, then none"},
		{"every", choosing, Endpoints(), func(f *Fault) bool { return f.Every != 0 }, "the fault at every Nth request that matches"},
		{"probability", choosing, Endpoints(), func(f *Fault) bool { return f.Probability != nil }, "the fault with this probability, the same dice for the same seed"},
		{"delay", delaying, Endpoints(), func(f *Fault) bool { return f.Delay != 0 }, "the answer later; combines with every other setting"},
		{"stall", breaking, Endpoints(), func(f *Fault) bool { return f.Stall }, "nothing at all, until it gives up"},
		{"close", breaking, Endpoints(), func(f *Fault) bool { return f.Close }, "the connection closed without an answer (a Go client repeats a GET by itself on a connection that it had used before)"},
		{"status", answering, overHTTP(), func(f *Fault) bool { return f.Status != 0 }, "this HTTP status, with Azure's error body: AADSTS90055 with 429, AADSTS90033 with 5xx"},
		{"aadsts", answering, overHTTP(), func(f *Fault) bool { return f.AADSTS != 0 }, "Azure's error of this number with its status, body and headers; status changes the status"},
		{"retryAfter", answering, overHTTP(), func(f *Fault) bool { return f.RetryAfter != 0 }, "the header Retry-After in seconds, with 429 unless status or aadsts say otherwise"},
		{"body", answering, overHTTP(), func(f *Fault) bool { return f.Body != "" }, "this text, with 200 unless status says otherwise"},
		{"contentType", answering, overHTTP(), func(f *Fault) bool { return f.ContentType != "" }, "this Content-Type; alone, on the real answer"},
		{"html", answering, overHTTP(), func(f *Fault) bool { return f.HTML }, "a page instead of JSON, with 200 unless status or aadsts say otherwise"},
		{"cutBody", sending, overHTTP(), func(f *Fault) bool { return f.CutBody != 0 }, "so many bytes of the body and then the connection closed, Content-Length promising more"},
		{"slowBody", sending, overHTTP(), func(f *Fault) bool { return f.SlowBody != 0 }, "the body in eight pieces with this pause between them"},
		{"certificate", other, []string{TLS}, func(f *Fault) bool { return f.Certificate != "" }, "a certificate that it must not accept: " + strings.Join(Certificates(), ", ")},
		{"jwks", keeping, []string{JWKS}, func(f *Fault) bool { return f.JWKS != "" }, "other keys than those that sign: " + strings.Join(KeySets(), ", ")},
		{"token", keeping, issuing(), func(f *Fault) bool { return f.Token != "" }, "a broken token with status 200: whoever checks it must refuse it, but for the lenient ones"},
		{"error", other, []string{KafkaLogin}, func(f *Fault) bool { return f.Error != "" }, "SASL_AUTHENTICATION_FAILED with this text"},
	}
}

// fits says whether a fault may have settings of both kinds.
func fits(a, b kind) bool {
	if a > b {
		a, b = b, a
	}
	switch {
	case a == choosing, a == delaying:
		return true
	case a == answering:
		return b == answering || b == sending
	case a == keeping:
		return b == sending
	}
	return false
}

// Row is a setting of a Fault as documentation has it.
type Row struct {
	// Setting is the field's JSON name.
	Setting string `json:"setting"`
	// Endpoints are those that take it.
	Endpoints []string `json:"endpoints"`
	// Sees is what the client sees, in words that complete "the client sees".
	Sees string `json:"sees"`
}

// Table are the settings of a Fault in its order.
func Table() []Row {
	var rows []Row
	for _, s := range settings() {
		rows = append(rows, Row{s.name, s.on, s.sees})
	}
	return rows
}

// given are the settings of a fault that it has.
func (f *Fault) given() []setting {
	return slices.DeleteFunc(settings(), func(s setting) bool { return !s.given(f) })
}
