package metrics

import (
	"strings"
	"sync"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/validator"
)

// other stands for every word that is in no list: a label must not have what a
// client made up.
const other = "other"

// words are the values that labels may have.
type words struct {
	endpoints, outcomes, checks map[string]bool
	causes                      func() map[string]bool // made for the first refusal
}

func newWords() words {
	return words{endpoints: set(journal.Endpoints()), outcomes: set(journal.Outcomes()), checks: set(checks()), causes: sync.OnceValue(causes)}
}

// causes are those of package explain.
func causes() map[string]bool {
	known := set(explain.IDs())
	for _, check := range checks() {
		known["check-"+check] = true // the cause of a check that no rule explains
	}
	for _, cause := range []string{"undecided", "token-endpoint-error", "aadsts"} {
		known[cause] = true
	}
	return known
}

// checks are those of the validator and those that a broker makes itself.
func checks() []string {
	return []string{validator.CheckFormat, validator.CheckAlgorithm, validator.CheckProvider, validator.CheckKey,
		validator.CheckSignature, validator.CheckExpiry, validator.CheckNotBefore, validator.CheckCluster, validator.CheckPool,
		validator.CheckFilter, validator.CheckIdentity, validator.CheckAuthorization, "mechanism", "message", "principal", "fault"}
}

func set(list []string) map[string]bool {
	all := make(map[string]bool, 2*len(list))
	for _, word := range list {
		all[word] = true
	}
	return all
}

// one is the word when it is known; empty stays empty.
func one(known map[string]bool, word string) string {
	if word == "" || known[word] {
		return word
	}
	return other
}

// cause is the cause as a label has it. The numbers of AADSTS causes are left
// out: explain takes them from texts that people paste.
func (w *words) cause(id string) string {
	if strings.HasPrefix(id, "aadsts-") {
		return "aadsts"
	}
	if id == "" {
		return ""
	}
	return one(w.causes(), id)
}
