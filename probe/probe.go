// Package probe sends the refusal matrix of package forge at an API or a Kafka
// broker of your own and reports what it let in that it must refuse.
//
// Begin with [Run] and an [HTTP] or a [Kafka]. The target must trust the key
// that signed the valid token: a target that refuses everybody would refuse all
// broken tokens too, so that nothing is proved unless the valid one is let in,
// before the others and after them. One token is sent at a time.
//
// It is for targets that you answer for. It guesses no paths and no secrets, and
// what a token could do once it is let in is not tried.
package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/idpool/idpool/forge"
)

// Target is what tokens are sent at.
type Target interface {
	// Try sends a token and says what became of it. The error says why the
	// target could not be asked, which a refusal is not.
	Try(ctx context.Context, token string) (Answer, error)
}

// Verdict is what a target made of a token.
type Verdict string

// The verdicts.
const (
	// Accepted: the token was let in.
	Accepted Verdict = "accepted"
	// Refused: the token was not let in, by an answer that says so.
	Refused Verdict = "refused"
	// Unclear: the answer says neither.
	Unclear Verdict = "unclear"
	// NoAnswer: the target could not be reached, closed the connection or took too
	// long.
	NoAnswer Verdict = "no answer"
	// Unsendable: the protocol has no way to carry the token.
	Unsendable Verdict = "unsendable"
)

// Answer is what a target made of a token.
type Answer struct {
	Verdict Verdict `json:"verdict"`
	// Said is the target's own word, such as a status or an error.
	Said string `json:"said,omitempty"`
	// Note says how Said was understood, where that is not obvious.
	Note string `json:"note,omitempty"`
}

// Config says how to probe. The zero Config sends one token after the other.
type Config struct {
	// Pause is how long to wait between two tokens.
	Pause time.Duration
	// Timeout is how long one token may take. 0 means 10 s.
	Timeout time.Duration
	// MaxTime is how long the run may take in all. 0 means 10 minutes and the pauses.
	MaxTime time.Duration
	// Strict counts lenient tokens that are let in as wrong, and not as notes.
	Strict bool
	// Audience counts those that are for another API as wrong when they are let
	// in, as RFC 8725 3.9 has it. A Kafka broker compares aud only where
	// sasl.oauthbearer.expected.audience or a filter says so.
	Audience bool
	// ShowTokens puts the tokens into the report. Whoever reads it can use
	// those that were let in.
	ShowTokens bool
	// Lure is where the tokens lead that name a place of keys, if there is one.
	Lure *Lure
	// Now tells the time. Nil means time.Now.
	Now func() time.Time
	// Seen is told of each result as it is there. Nil means nobody.
	Seen func(Result)
}

const (
	// giveUp is how many tokens in a row may get no answer before the valid one is
	// sent again: a target that has gone away is not waited for a token at a time,
	// and one that crashes on some tokens is asked the others.
	giveUp = 3
	// maxTime is the MaxTime of a Config that has none.
	maxTime = 10 * time.Minute
)

// Run sends the tokens, one after the other: the first valid one, the others,
// and that one again, since a target that meanwhile refuses everybody has
// proved nothing. Without an accepted valid token no other is sent. It is sent
// between the others too, after some in a row that got no answer.
func Run(ctx context.Context, target Target, tokens []forge.Token, c Config) Report {
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.MaxTime == 0 {
		c.MaxTime = maxTime + time.Duration(len(tokens))*c.Pause
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.MaxTime, timeError(c.MaxTime))
	defer cancel()
	r := run{target: target, config: c, report: Report{Target: fmt.Sprint(target), Started: c.Now().UTC()}}
	r.all(ctx, tokens)
	r.report.Took = c.Now().Sub(r.report.Started)
	r.report.conclude()
	return r.report
}

// run is a run that is under way.
type run struct {
	target Target
	config Config
	report Report
	silent int // tokens in a row without an answer
}

func (r *run) all(ctx context.Context, tokens []forge.Token) {
	control := firstValid(tokens)
	if control < 0 {
		r.report.Problem = "there is no valid token among those to send, so that a refusal proves nothing"
		return
	}
	first := r.send(ctx, tokens[control])
	if first.Verdict != Accepted {
		r.report.Problem = "the valid token was not let in: " + first.words()
		if first.Verdict == Refused {
			r.report.Check = toCheck(tokens[control].Token)
		}
		return
	}
	for i, t := range tokens {
		if i == control {
			continue
		}
		problem := r.pause(ctx)
		if problem == "" {
			problem = r.gone(ctx, tokens[control])
		}
		if problem != "" {
			r.fail(ctx, fmt.Sprintf("%s after %d of %d tokens", problem, len(r.report.Results), len(tokens)))
			r.report.untried(tokens[i:], control-i)
			return
		}
		r.send(ctx, t)
	}
	r.again(ctx, tokens[control])
}

func firstValid(tokens []forge.Token) int {
	for i, t := range tokens {
		if t.Valid {
			return i
		}
	}
	return -1
}

// pause waits until the next token may be sent, or says why none may.
func (r *run) pause(ctx context.Context) string {
	timer := time.NewTimer(r.config.Pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // whichever the select has taken
		return interrupted(ctx)
	}
	return ""
}

// interrupted says why a run ends early.
func interrupted(ctx context.Context) string {
	if late, ok := context.Cause(ctx).(timeError); ok {
		return late.Error()
	}
	return "interrupted"
}

// gone says why no more tokens are sent to a target that has not answered some in a
// row; empty when it is still there, as the valid token shows.
func (r *run) gone(ctx context.Context, control forge.Token) string {
	if r.silent < giveUp {
		return ""
	}
	a := r.try(ctx, control.Token)
	switch {
	case a.Verdict == Accepted:
		return ""
	case ctx.Err() != nil:
		return interrupted(ctx)
	}
	return fmt.Sprintf("the target did not answer %d times in a row and then did not let in the valid token (%s): given up", giveUp, a.words())
}

// again is the valid token's second time.
func (r *run) again(ctx context.Context, control forge.Token) {
	problem := r.pause(ctx)
	if problem == "" {
		a := r.try(ctx, control.Token)
		if a.Verdict == Accepted {
			return
		}
		problem = "not let in: " + a.words()
		r.report.Check = []string{"the target may limit or lock out clients that fail: send more slowly"}
	}
	r.fail(ctx, "the valid token, sent again after the others: "+problem)
}

// fail says why the run is not whole.
func (r *run) fail(ctx context.Context, problem string) {
	r.report.Problem = problem
	if _, late := context.Cause(ctx).(timeError); late {
		r.report.Check = []string{"the run has the time that it needs (MaxTime, --max-time of the command), or each token has less (Timeout, --timeout)"}
	}
}

// timeError is the cause of a run's end when it has taken too long.
type timeError time.Duration

// Error says how long the run might take.
func (e timeError) Error() string { return fmt.Sprintf("more than %v in all", time.Duration(e)) }

// send sends a token and writes down what became of it.
func (r *run) send(ctx context.Context, t forge.Token) Answer {
	began := r.config.Now()
	result := describe(t)
	if r.config.ShowTokens {
		result.Token = t.Token
	}
	before := r.config.Lure.count()
	result.Answer = r.try(ctx, t.Token)
	result.Took = r.config.Now().Sub(began)
	result.Outcome = r.config.outcome(t, result.Verdict)
	if r.config.Lure.count() > before {
		result.Asked, result.Outcome = true, Wrong
	}
	r.report.Results = append(r.report.Results, result)
	if r.config.Seen != nil {
		r.config.Seen(result)
	}
	return result.Answer
}

// try asks the target once. No answer within the time is one without a verdict.
func (r *run) try(ctx context.Context, token string) Answer {
	limited, cancel := context.WithTimeout(ctx, r.config.Timeout)
	defer cancel()
	a, err := r.target.Try(limited, token)
	switch {
	case err == nil:
		r.silent = 0
	case ctx.Err() != nil: // nobody waited
		a = Answer{Verdict: Unclear, Said: interrupted(ctx)}
	case limited.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
		r.silent++
		a = Answer{Verdict: NoAnswer, Said: fmt.Sprintf("no answer within %v", r.config.Timeout)}
		if !errors.Is(err, context.DeadlineExceeded) { // which says no more than that
			a.Note = strings.TrimPrefix(err.Error(), "probe: ")
		}
	default:
		r.silent++
		a = Answer{Verdict: NoAnswer, Said: strings.TrimPrefix(err.Error(), "probe: ")}
	}
	a.Said = printable(a.Said, token)
	return a
}

// outcome compares what a target made of a token with what it should have.
func (c Config) outcome(t forge.Token, v Verdict) Outcome {
	switch {
	case v == Unsendable:
		return Untried
	case v == Unclear:
		return Undecided
	case v == NoAnswer:
		return Unanswered
	case t.Valid == (v == Accepted):
		return Right
	case t.Lenient && !t.Valid && !c.Strict && !(c.Audience && t.Audience):
		return Noted
	}
	return Wrong
}

// maxSaid is how much of a target's words a report has.
const maxSaid = 300

// printable is what a target said, for a terminal: it may have put the token
// into it, or what terminals obey.
func printable(said, token string) string {
	if token != "" {
		said = strings.ReplaceAll(said, token, "(the token)")
	}
	said = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(said, "�"))
	if runes := []rune(said); len(runes) > maxSaid {
		said = string(runes[:maxSaid]) + "…"
	}
	return strings.TrimSpace(said)
}

// words is an answer as part of a sentence.
func (a Answer) words() string {
	if a.Note == "" {
		return a.Said
	}
	return a.Said + " (" + a.Note + ")"
}
